"""`redis-users`: a server starts from its file, and each service connects with the password that it finds."""

import asyncio
import hashlib
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bridge.bus.access import HEALTH, HEALTH_LINE
from bridge.bus.keys import Keys
from bridge.bus.leadership.scripts import ACQUIRE
from bridge.bus.transport.address import with_password
from bridge.bus.transport.connection import BusError, Refused
from cli.__main__ import main
from cli.local_stack.embedded_redis import find_server
from console.settings import ConsoleSettings
from ib_worker.settings import WorkerSettings
from mcp_front.settings import FrontSettings
from tests.stacks.bus import pipe_to
from tests.waiting import until


def written(folder: Path, *more: str) -> int:
    return main(["redis-users", "--session", "paper", "--session", "live", "--folder", str(folder), *more])


def passwords(folder: Path) -> dict[str, str]:
    return {file.parent.name: file.read_text() for file in folder.glob("*/password")}


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[str]:
    """A server with the users of the folder, on what it has stored."""
    (folder / "data").mkdir(exist_ok=True)
    file = folder / "redis.sock"
    options = ("--port", "0", "--unixsocket", str(file), "--dir", str(folder / "data"), "--save", "")
    users = ("--aclfile", str(folder / "redis" / "users.acl"))
    process = await asyncio.create_subprocess_exec(
        find_server(), *options, *users, "--appendonly", "yes", stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: is_well(file), "the server answers a health check")
        yield f"unix://{file}"
    finally:
        process.terminate()
        await process.wait()


def is_well(file: Path) -> bool:
    """Return the outcome of a health check, which knows no password."""
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.connect(str(file))
        probe.sendall(f"AUTH {HEALTH} any\r\nPING\r\nGET a\r\n".encode())
        replies = probe.makefile("rb")
        return [replies.readline()[:7] for _ in range(3)] == [b"+OK\r\n", b"+PONG\r\n", b"-NOPERM"]
    return False


async def test_a_server_starts_from_the_file_reads_it_again_and_keeps_what_a_script_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "users"
    assert written(folder) == 0
    before, own, file = passwords(folder), Keys("paper"), folder / "worker-paper" / "password"

    async with server(folder) as url:
        settings = WorkerSettings(redis_url=url.replace("//", "//worker-paper@", 1), redis_password_file=file)
        async with pipe_to(settings.redis_url) as pipe:
            assert await ACQUIRE.run(pipe, (own.lease, own.epoch, own.owned), 60_000, 7)
            with pytest.raises(Refused):
                await pipe.send("GET", Keys("live").generation)
            for _ in range(2):  # the second time there is nothing new, and no connection is lost
                assert await asyncio.to_thread(written, folder, "--reload", url) == 0
            assert passwords(folder) == before
            assert await pipe.send("EXISTS", own.lease) == 1
        async with pipe_to(with_password(url, before["redis"].strip())) as pipe:
            stats = (await pipe.send("INFO", "commandstats")).decode()
        assert re.search(r"cmdstat_acl\|load:calls=1,", stats)
        async with pipe_to(url) as pipe:
            with pytest.raises(BusError):
                await pipe.send("GET", own.generation)
    async with server(folder) as _, pipe_to(settings.redis_url) as pipe:
        assert await pipe.send("GET", own.epoch) == await pipe.send("GET", own.lease) is not None


def test_each_user_has_a_password_of_its_own_and_the_folder_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "users"
    assert written(folder) == 0

    found = passwords(folder)
    users = {"front-paper", "worker-paper", "front-live", "worker-live", "console", "operator"}
    assert set(found) == {*users, "redis"}
    assert len(set(found.values())) == len(found)
    assert folder.stat().st_mode & 0o077 == 0
    text = (folder / "redis" / "users.acl").read_text()
    assert not any(each.strip() in text for each in found.values())


def test_given_passwords_become_digests_in_the_acl_file_and_none_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, folder = tmp_path / "given", tmp_path / "users"
    given.mkdir()
    arguments = ["redis-users", "--session", "paper", "--passwords", str(given)]
    for name in ("default", "front-paper", "worker-paper", "console"):
        (given / name).write_text(f"of {name}\n")
    assert main([*arguments, "--folder", str(folder)]) == 1
    assert "no password of operator" in capsys.readouterr().err
    (given / "operator").write_text("of operator")

    assert main([*arguments, "--folder", str(folder)]) == 0

    assert [str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()] == ["redis/users.acl"]
    lines = (folder / "redis" / "users.acl").read_text().splitlines()
    digests = {line.split()[1]: line.split()[3] for line in lines if line != HEALTH_LINE}
    assert digests == {name: f"#{hashlib.sha256(f'of {name}'.encode()).hexdigest()}" for name in digests}
    capsys.readouterr()
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines() == lines


def test_without_a_folder_the_rights_are_printed_and_no_password_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redis-users", "--session", "paper"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [
        "default", "health", "front-paper", "worker-paper", "console", "operator",
    ]  # fmt: skip
    assert [line for line in lines if " #SHA256-OF-ITS-PASSWORD " not in line] == [HEALTH_LINE]


def test_the_default_user_may_do_all_since_a_server_plays_its_log_as_this_user(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["redis-users", "--session", "paper"]) == 0

    assert "user default on #SHA256-OF-ITS-PASSWORD allkeys allchannels +@all\n" in capsys.readouterr().out


@pytest.mark.parametrize("settings", [FrontSettings, WorkerSettings, ConsoleSettings])
def test_a_password_file_belongs_to_the_user_of_the_address(
    settings: type[FrontSettings | WorkerSettings | ConsoleSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("a/b?\n")
    monkeypatch.setenv("REDIS_URL", "redis://anna@redis:6379/0")
    monkeypatch.setenv("REDIS_PASSWORD_FILE", str(tmp_path / "password"))

    assert settings().redis_url == "redis://anna:a%2Fb%3F@redis:6379/0"


@pytest.mark.parametrize(
    ("url", "text", "said"),
    [
        ("redis://anna@redis:6379/0", None, "can't be read"),
        ("redis://anna@redis:6379/0", " \n", "is empty"),
        ("redis://anna:known@redis:6379/0", "secret", "has a password already"),
    ],
)
def test_a_password_file_that_is_no_use_is_named(tmp_path: Path, url: str, text: str | None, said: str) -> None:
    file = tmp_path / "password"
    if text is not None:
        file.write_text(text)

    with pytest.raises(ValueError, match=said):
        FrontSettings(redis_url=url, redis_password_file=file)
