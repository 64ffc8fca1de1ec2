"""A leader's lock on its own machine: what proves that it has ended, and what does not."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from bridge.bus.keys import Keys
from bridge.bus.leadership import leader_file
from bridge.bus.leadership.leader_file import LeaderFile
from bridge.bus.leadership.lease import Lease
from bridge.bus.timing import USUAL
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.bus import pipe_to
from tests.stacks.timing import patient
from tests.waiting import until

REDIS = "redis://:secret@127.0.0.1:6379/0"
TOKEN = 1_790_000_000

New = Callable[[Path | None], Lease]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "leader"


@pytest_asyncio.fixture
async def pipe(redis_url: str) -> AsyncIterator[CommandPipeline]:
    async with pipe_to(redis_url, patient(renew_s=0.05)) as pipe:
        yield pipe


@pytest_asyncio.fixture
async def lease(pipe: CommandPipeline, session: str) -> AsyncIterator[New]:
    """A worker's lease, with its file."""
    made: list[Lease] = []

    def new(path: Path | None) -> Lease:
        made.append(Lease(pipe, Keys(session), path))
        return made[-1]

    yield new
    for each in made:
        await each.release()


def file_of(path: Path | None, redis_url: str = REDIS, session: str = "paper") -> LeaderFile:
    return LeaderFile(path, redis_url, session)


def ended_at(path: Path) -> Path:
    """The file of a leader that led under TOKEN and is no more."""
    leader = file_of(path)
    leader.claim(TOKEN)
    leader.let_go()
    return path


def test_a_leader_has_not_ended_while_it_holds_the_file(path: Path) -> None:
    leader, other = file_of(path), file_of(path)
    assert other.ended() is None
    leader.claim(TOKEN)
    assert other.ended() is None
    leader.let_go()

    assert other.ended() == TOKEN


def test_only_one_has_the_file_and_the_next_gets_it_when_it_is_free(path: Path) -> None:
    first, second = file_of(path), file_of(path)
    first.claim(TOKEN)
    second.claim(TOKEN + 1)
    first.let_go()
    assert second.ended() == TOKEN
    second.claim(TOKEN + 1)
    assert first.ended() is None
    second.let_go()

    assert first.ended() == TOKEN + 1


def test_it_is_the_word_of_one_session_at_one_redis(path: Path) -> None:
    ended_at(path)

    assert file_of(path, session="live").ended() is None
    assert file_of(path, "redis://127.0.0.1:6380/0").ended() is None
    assert file_of(path, "redis://127.0.0.1:6379/1").ended() is None
    assert file_of(path, "redis://:another-password@127.0.0.1:6379/0").ended() == TOKEN
    assert b"secret" not in path.read_bytes()


def test_a_file_of_another_boot_or_machine_proves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended_at(path)
    other = path.with_name("boot_id")
    monkeypatch.setattr(leader_file, "BOOT_ID", other)
    assert file_of(path).ended() is None  # a system that names no boot
    file_of(path).claim(TOKEN + 1)
    other.write_text("0d8a5a3e-0000-4000-8000-000000000000\n")

    assert file_of(path).ended() is None
    assert str(TOKEN).encode() in path.read_bytes()


@pytest.mark.parametrize("cut", range(1, 66, 8))
def test_a_file_that_was_written_in_part_proves_nothing(path: Path, cut: int) -> None:
    whole = ended_at(path).read_bytes()
    path.write_bytes(whole[:-cut])

    assert file_of(path).ended() is None


@pytest.mark.parametrize("text", [b"", b"\xff\xfe 7\n", b"7\n", b"no place 7\n"])
def test_a_file_with_something_else_in_it_proves_nothing(path: Path, text: bytes) -> None:
    path.write_bytes(text)

    assert file_of(path).ended() is None


def test_a_file_in_which_the_token_is_none_proves_nothing(path: Path) -> None:
    place = ended_at(path).read_text().rpartition(" ")[0]
    for token in ("", "x"):
        path.write_text(f"{place} {token}\n")

        assert file_of(path).ended() is None


def test_a_file_of_another_user_proves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended_at(path)
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)  # only root could give the file away instead

    assert file_of(path).ended() is None


def test_a_link_to_a_file_is_not_followed(path: Path) -> None:
    ended_at(path)
    link = path.with_name("link")
    link.symlink_to(path)

    assert file_of(link).ended() is None


def test_where_it_can_not_be_written_that_is_said_once_and_nothing_is_claimed(tmp_path: Path) -> None:
    nowhere = file_of(tmp_path / "no-such-folder" / "leader")
    with capture_logs() as said:
        nowhere.claim(TOKEN)
        nowhere.claim(TOKEN)

    assert [each["event"] for each in said] == ["leader_file_unusable"]
    assert nowhere.ended() is None


def test_without_a_file_nothing_is_known() -> None:
    none = file_of(None)
    none.claim(TOKEN)
    none.let_go()

    assert none.ended() is None


async def test_the_lease_of_a_leader_that_has_ended_is_taken_at_once(path: Path, lease: New) -> None:
    first, second = lease(path), lease(path)
    await first.acquire()
    first._file.let_go()  # as the kernel does for a process that has ended

    async with asyncio.timeout(USUAL.lease_s / 2):
        assert await second.acquire() > first.token
    assert second.held()


async def test_the_lease_of_a_leader_that_lives_is_not_touched(
    pipe: CommandPipeline, session: str, path: Path, lease: New
) -> None:
    first, second = lease(path), lease(path)
    await first.acquire()

    assert not await second._try()
    assert await pipe.send("GET", Keys(session).lease) == str(first.token).encode()
    await first.release()
    assert await second.acquire() > first.token


async def test_the_lease_of_a_leader_elsewhere_is_not_touched(
    pipe: CommandPipeline, session: str, path: Path, lease: New
) -> None:
    """Ours has died, and another machine's worker has led since."""
    ours, another, next_one = lease(path), lease(None), lease(path)
    await ours.acquire()
    ours._file.let_go()
    await pipe.send("DEL", Keys(session).lease)
    await another.acquire()

    assert not await next_one._try()
    assert await pipe.send("GET", Keys(session).lease) == str(another.token).encode()


async def test_who_could_not_have_the_file_has_it_from_a_renewal_on(
    pipe: CommandPipeline, session: str, path: Path, lease: New
) -> None:
    first, second = lease(path), lease(path)
    await first.acquire()
    await pipe.send("DEL", Keys(session).lease)  # it stands still, has lost the lease, and still has the file
    await second.acquire()
    keeper = asyncio.create_task(second.keep())
    first._file.let_go()

    await until(lambda: f" {second.token}\n" in path.read_text(), "the second has the file")
    assert LeaderFile(path, pipe.url, session).ended() is None
    keeper.cancel()


async def test_a_leader_may_lead_again(pipe: CommandPipeline, session: str, path: Path, lease: New) -> None:
    leader = lease(path)
    first = await leader.acquire()
    await leader.release()
    assert LeaderFile(path, pipe.url, session).ended() == first
    second = await leader.acquire()

    assert second > first
    assert LeaderFile(path, pipe.url, session).ended() is None
