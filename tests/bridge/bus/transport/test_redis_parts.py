"""The bus loads the parts of redis-py that it needs, and whoever needs more gets all of it."""

import subprocess
import sys

from bridge.bus.transport import redis_parts


def printed(program: str) -> str:
    """Return a program's output. It runs in a process of its own, since this one may have loaded all of redis-py."""
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_the_commands_of_redis_py_are_not_loaded_with_the_bus() -> None:
    program = (
        "import sys, bridge.bus.client.client, bridge.bus.server.server\n"
        "print([each for each in ('redis.client', 'redis.commands', 'redis.cluster') if each in sys.modules])"
    )

    assert printed(program) == "[]"


def test_whoever_imports_redis_later_gets_all_of_it_and_the_same_classes() -> None:
    program = (
        "from bridge.bus.transport.redis_parts import ConnectionPool, RedisError\n"
        "import redis, redis.asyncio\n"
        "print(redis.asyncio.Redis.__name__, redis.asyncio.ConnectionPool is ConnectionPool,\n"
        "      redis.asyncio.connection.ConnectionPool is ConnectionPool, redis.exceptions.RedisError is RedisError)"
    )

    assert printed(program) == "Redis True True True"


def test_a_name_that_redis_py_does_not_have_is_an_attribute_error() -> None:
    program = (
        "from bridge.bus.transport import redis_parts\n"
        "import redis\n"
        "print(hasattr(redis, '__no_such__'), hasattr(redis, 'no_such'), hasattr(redis, 'Redis'))"
    )

    assert printed(program) == "False False True"


def test_every_name_is_redis_pys_own() -> None:
    assert {getattr(redis_parts, each).__module__.partition(".")[0] for each in redis_parts.__all__} == {"redis"}
