"""Every page: a Redis that is gone is told, and no path leads elsewhere."""

import pytest

from cli.local_stack.embedded_redis import EmbeddedRedis
from console.pages.pages import LONGEST_PATH, local_path
from tests.stacks.console import console
from tests.waiting import until


async def test_a_redis_that_is_gone_is_said_and_comes_back(own_redis: EmbeddedRedis, session: str) -> None:
    async with console(own_redis.url, session, user=False) as visitor:
        await visitor.sign_in()
        assert own_redis.process is not None
        own_redis.process.kill()
        await own_redis.process.wait()
        down = await visitor.get()
        await own_redis.start()

        async def is_back() -> bool:
            return (await visitor.get()).status_code == 200

        await until(is_back, "the console shows the session again", 20)

    assert down.status_code == 503
    assert "Redis does not answer" in down.text


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/orders/k-1", "/orders/k-1"),
        ("", "/"),
        ("orders", "/"),
        ("//evil", "/"),
        ("/a\nb", "/"),
        ("/" + "a" * LONGEST_PATH, "/"),
    ],
)
def test_a_path_stays_within_the_console(path: str, kept: str) -> None:
    assert local_path(path) == kept
