"""`redis-users`: a server starts from its file, and each service connects with the password that it finds."""

import asyncio
from pathlib import Path

import pytest

from bridge.bus.keys import Keys
from bridge.bus.transport.connection import NotSent, Refused
from cli.__main__ import main
from cli.local_stack.embedded_redis import EmbeddedRedis
from console.settings import ConsoleSettings
from ib_worker.settings import WorkerSettings
from mcp_front.settings import FrontSettings
from tests.stacks.bus import pipe_to


def written(folder: Path, *more: str) -> int:
    return main(["redis-users", "--session", "paper", "--session", "live", "--folder", str(folder), *more])


def passwords(folder: Path) -> dict[str, str]:
    return {file.parent.name: file.read_text() for file in folder.glob("*/password")}


async def test_a_server_starts_from_the_file_and_reads_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "users"
    assert written(folder) == 0
    before = passwords(folder)

    async with EmbeddedRedis(tmp_path / "redis", options=("--aclfile", str(folder / "redis" / "users.acl"))) as redis:
        admin = redis.url.replace("//", "//admin@", 1)
        assert await asyncio.to_thread(written, folder, "--reload", admin) == 0
        assert passwords(folder) == before
        own, file = redis.url.replace("//", "//front-paper@", 1), folder / "front-paper" / "password"
        front = FrontSettings(redis_url=own, redis_password_file=file)
        async with pipe_to(front.redis_url) as pipe:
            assert await pipe.send("GET", Keys("paper").generation) is None
            with pytest.raises(Refused):
                await pipe.send("GET", Keys("live").generation)
        async with pipe_to(redis.url) as pipe:
            with pytest.raises((Refused, NotSent)):
                await pipe.send("GET", Keys("paper").generation)


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


def test_without_a_folder_the_rights_are_printed_and_no_password_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redis-users", "--session", "paper"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [
        "default", "admin", "front-paper", "worker-paper", "console", "operator",
    ]  # fmt: skip
    assert all(" #SHA256-OF-ITS-PASSWORD " in line for line in lines[1:])


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
