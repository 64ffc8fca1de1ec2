"""The embedded server: durable, reused when it answers, and gone when whoever started it is gone."""

import asyncio
import itertools
import os
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from cli.errors import Problem
from cli.local_stack import embedded_redis
from cli.local_stack.embedded_redis import EmbeddedRedis, answers, find_server, free_port
from tests.stacks.bus import pipe_to
from tests.waiting import until

STARTER = """
import asyncio, signal, sys
from pathlib import Path
from cli.local_stack.embedded_redis import EmbeddedRedis

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background, which passes that on

async def main():
    redis = EmbeddedRedis(Path(sys.argv[1]))
    await redis.start()
    print(redis.process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.fault(80)
async def test_it_is_durable_and_private(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path / "redis") as redis, pipe_to(redis.url) as pipe:
        flat = await pipe.send("CONFIG", "GET", "append*")
        policy = await pipe.send("CONFIG", "GET", "maxmemory-policy")
        port = await pipe.send("CONFIG", "GET", "port")
    settings = dict(zip(flat[::2], flat[1::2], strict=True))

    assert redis.url == f"unix://{tmp_path}/redis/redis.sock"
    assert (settings[b"appendonly"], settings[b"appendfsync"]) == (b"yes", b"always")
    assert policy[1] == b"noeviction"
    assert port[1] == b"0"  # nobody reaches it over the network


async def test_only_its_owner_may_use_the_socket(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path / "redis"):
        assert stat.S_IMODE((tmp_path / "redis" / "redis.sock").stat().st_mode) == 0o700


async def test_what_was_stored_is_there_after_a_crash(tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path / "redis")
    async with redis, pipe_to(redis.url) as pipe:
        await pipe.send("SET", "order", "placed")
        assert redis.process is not None
        redis.process.kill()
        await redis.process.wait()
        await redis.start()
        assert await pipe.send("GET", "order") == b"placed"


async def test_a_server_that_answers_already_is_used_and_left_running(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path / "redis") as first:
        async with EmbeddedRedis(tmp_path / "redis") as second:
            assert second.process is None
            assert second.url == first.url
            async with pipe_to(second.url) as pipe:
                assert await pipe.send("PING") == b"PONG"
        assert answers(tmp_path / "redis" / "redis.sock")
    assert not answers(tmp_path / "redis" / "redis.sock")


async def test_a_socket_that_a_crash_left_behind_is_no_hindrance(tmp_path: Path) -> None:
    first = EmbeddedRedis(tmp_path / "redis")
    await first.start()
    assert first.process is not None
    first.process.kill()
    await first.process.wait()
    assert (tmp_path / "redis" / "redis.sock").exists()

    async with EmbeddedRedis(tmp_path / "redis") as second:
        assert second.process is not None
        assert answers(tmp_path / "redis" / "redis.sock")


async def test_a_path_too_long_for_a_socket_gets_a_port_on_loopback(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    async with EmbeddedRedis(deep) as redis, pipe_to(redis.url) as pipe:
        assert redis.url.startswith("redis://127.0.0.1:")
        bound = await pipe.send("CONFIG", "GET", "bind")

    assert bound[1] == b"127.0.0.1"


async def test_a_given_port_is_used(tmp_path: Path) -> None:
    port = free_port()
    async with EmbeddedRedis(tmp_path / "redis", port) as redis, pipe_to(redis.url) as pipe:
        assert redis.url == f"redis://127.0.0.1:{port}/0"
        assert await pipe.send("PING") == b"PONG"


async def test_a_given_port_in_use_is_a_problem(tmp_path: Path) -> None:
    taken = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with taken:
        with pytest.raises(Problem, match=r"ended with status 1; see .*redis\.log"):
            await EmbeddedRedis(tmp_path / "redis", port).start()


async def test_another_port_is_tried_when_a_free_one_was_taken_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    ports = iter([taken.sockets[0].getsockname()[1], free_port()])
    monkeypatch.setattr(embedded_redis, "free_port", lambda: next(ports))
    async with taken, EmbeddedRedis(tmp_path / ("d" * 100)) as redis, pipe_to(redis.url) as pipe:
        assert await pipe.send("PING") == b"PONG"


async def test_options_that_the_server_does_not_know_are_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="ended with status"):
        await EmbeddedRedis(tmp_path / "redis", options=("--no-such-option", "1")).start()


async def test_a_server_that_never_gets_ready_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_redis, "START_S", 0.3)
    monkeypatch.setattr(embedded_redis, "answers", lambda address: False)
    redis = EmbeddedRedis(tmp_path / "redis")
    with pytest.raises(Problem, match=r"did not get ready in 0\.3 s"):
        await redis.start()

    assert redis.process is None


async def test_stopping_ends_a_frozen_server_too(tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path / "redis")
    await redis.start()
    process = redis.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    await redis.stop()
    await redis.stop()  # once more is harmless

    assert process.returncode is not None


async def test_a_server_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = tmp_path / "stubborn"
    stubborn.write_text("#!/bin/sh\ntrap '' TERM\ntouch up\nwhile :; do sleep 0.05; done\n")
    stubborn.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(embedded_redis, "STOP_S", 0.1)
    monkeypatch.setattr(embedded_redis, "find_server", lambda: str(stubborn))
    monkeypatch.setattr(embedded_redis, "answers", lambda address: (tmp_path / "up").exists())
    (tmp_path / "redis").mkdir()
    redis = EmbeddedRedis(tmp_path / "redis", free_port())
    await redis.start()
    process = redis.process
    assert process is not None
    await redis.stop()

    assert process.returncode == -signal.SIGKILL


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere it is found again on its socket")
@pytest.mark.parametrize("death", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
async def test_it_ends_with_whoever_started_it(tmp_path: Path, death: signal.Signals) -> None:
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTER, str(tmp_path / "redis"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert starter.stdout is not None
    pid = int(await starter.stdout.readline())
    assert answers(tmp_path / "redis" / "redis.sock")
    starter.send_signal(death)
    await starter.wait()

    await until(lambda: not _runs(pid), "the server has ended")


def test_the_wheels_server_is_found() -> None:
    assert Path(find_server()).name == "valkey-server"
    assert os.access(find_server(), os.X_OK)


def script(folder: Path, name: str, version: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{version}'\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("servers", "found"),
    [
        ({"redis-server": "Redis server v=7.0.15 sha=0"}, "redis-server"),
        ({"redis-server": "Redis server v=8.2.3", "valkey-server": "Valkey server v=9.1.2"}, "valkey-server"),
        ({"redis-server": "Redis server v=10.0.0"}, "redis-server"),
        ({"valkey-server": "Valkey server v=6.0", "redis-server": "Redis server v=7.2.5"}, "redis-server"),
    ],
)
def test_without_the_wheel_a_server_on_the_path_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, servers: dict[str, str], found: str
) -> None:
    monkeypatch.setattr(embedded_redis, "WHEEL", "no-such-distribution")
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, version in servers.items():
        script(tmp_path, name, version)

    assert find_server() == str(tmp_path / found)


@pytest.mark.parametrize("servers", [{}, {"redis-server": "Redis server v=6.2.14"}, {"redis-server": "something else"}])
def test_without_any_server_the_cure_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, servers: dict[str, str]
) -> None:
    monkeypatch.setattr(embedded_redis, "WHEEL", "pytest")  # a distribution that has no server in it
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, version in servers.items():
        script(tmp_path, name, version)

    with pytest.raises(Problem, match="apt install redis-server"):
        find_server()


def test_nobody_answers_where_nobody_is(tmp_path: Path, unused_port: int) -> None:
    assert not answers(tmp_path / "no.sock")
    assert not answers(("127.0.0.1", unused_port))


async def test_a_server_that_says_something_else_does_not_count() -> None:
    async def loading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"-LOADING Redis is loading the dataset in memory\r\n")
        writer.close()

    server = await asyncio.start_server(loading, "127.0.0.1", 0)
    async with server:
        address = server.sockets[0].getsockname()[:2]
        assert not await asyncio.to_thread(answers, address)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()


def test_a_free_port_is_below_those_that_an_outgoing_connection_may_be_given() -> None:
    assert embedded_redis.FIRST_PORT <= free_port() < embedded_redis.FIRST_PORT + embedded_redis.PORTS <= 32_768


def test_a_port_in_use_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(embedded_redis, "FIRST_PORT", taken.getsockname()[1])
        monkeypatch.setattr(embedded_redis, "_turns", itertools.count(step=embedded_redis.PORTS))

        with pytest.raises(Problem, match=r"no port from \d+ to \d+ is free"):
            free_port()

        monkeypatch.setattr(embedded_redis, "_turns", itertools.count())
        assert taken.getsockname()[1] < free_port()
