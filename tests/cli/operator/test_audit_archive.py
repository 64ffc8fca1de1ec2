"""The log in files and in Redis is one chain; only what is in a whole file is trimmed, and no crash loses an entry."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bridge.audit_chain import AuditEntry, digest, encode
from bridge.bus.controls.audit_log import AuditLog, read_archived, read_log
from bridge.bus.keys import Keys
from bridge.bus.server.server import BusServer
from bridge.bus.transport.pipeline import CommandPipeline
from cli.__main__ import main
from cli.operator import audit_archive as archiving
from cli.operator import mounts
from cli.operator.audit_archive import Archive, ArchiveMismatch, archive_log
from cli.operator.mounts import MOUNTS, lost_with_mount
from tests.stacks.audit_log import leading, lines_of


@pytest.fixture(autouse=True)
def a_disk(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's folder counts as on a disk, also where this machine has its temporary files in memory."""
    real = MOUNTS.read_text(encoding="utf-8") if MOUNTS.exists() else ""
    told = tmp_path_factory.mktemp("mounts") / "mountinfo"
    point = str(tmp_path.resolve()).replace(" ", "\\040")
    told.write_text(f"{real}999 1 254:1 / {point} rw - ext4 /dev/vda1 rw\n", encoding="utf-8")
    monkeypatch.setattr(mounts, "MOUNTS", told)


async def written(log: AuditLog, count: int) -> None:
    for number in range(count):
        await log.append("sent", key=f"key-{number}", orderId=number)


async def typed(redis_url: str, session: str, *words: str) -> int:
    return await asyncio.to_thread(main, ["audit", *words, "--redis", redis_url, "--session", session])


async def test_the_chain_goes_on_over_the_cut(
    redis_url: str, session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "LINES_PER_FILE", 4)
    async with leading(redis_url, session) as (bus, log):
        await written(log, 10)
        whole = await lines_of(bus.pipe, session)
        first = await typed(redis_url, session, "archive", "--archive", str(tmp_path))
        left = await lines_of(bus.pipe, session)
        await written(log, 3)
        alone = await typed(redis_url, session, "verify")
        both = await typed(redis_url, session, "verify", "--archive", str(tmp_path))
        second = await typed(redis_url, session, "archive", "--archive", str(tmp_path))
        again = await typed(redis_url, session, "archive", "--archive", str(tmp_path))
        after = await typed(redis_url, session, "verify", "--archive", str(tmp_path))

    archive = Archive(tmp_path, session)
    assert (first, alone, both, second, again, after, left) == (0, 0, 0, 0, 0, 0, [])
    assert list(archive.lines())[:10] == whole
    assert [each.name[-31:] for each in archive.files()] == [
        "000000000001-000000000004.jsonl", "000000000005-000000000008.jsonl", "000000000009-000000000010.jsonl",
        "000000000011-000000000013.jsonl",
    ]  # fmt: skip
    told = capsys.readouterr().out
    assert "3 entries, 0 breaks" in told
    assert told.count("13 entries, 0 breaks") == 2


async def test_a_crash_between_file_and_trim_loses_nothing(redis_url: str, session: str, tmp_path: Path) -> None:
    archive = Archive(tmp_path, session)
    async with leading(redis_url, session) as (bus, log):
        await written(log, 6)
        whole = await lines_of(bus.pipe, session)
        archive.write(whole[:4], 1)  # and here it dies
        (tmp_path / f"{session}-000000000005-000000000006.part").write_bytes(b'{"seq":5')
        between = await typed(redis_url, session, "verify", "--archive", str(tmp_path))
        count = await archive_log(bus.pipe, bus.keys, archive)
        trimmed = await lines_of(bus.pipe, session)
        after = await typed(redis_url, session, "verify", "--archive", str(tmp_path))

    assert (between, count, trimmed, after) == (0, 2, [], 0)
    assert list(archive.lines()) == whole


@pytest.mark.skipif(not lost_with_mount(Path("/dev/shm")), reason="this machine has no folder in memory")
async def test_nothing_is_trimmed_for_a_folder_that_is_lost_with_its_container(
    redis_url: str, session: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("/dev/shm") / f"archive-{session}"
    async with leading(redis_url, session) as (bus, log):
        await written(log, 3)
        refused = await typed(redis_url, session, "archive", "--archive", str(folder))
        left = await lines_of(bus.pipe, session)

    assert (refused, len(left), folder.exists()) == (1, 3, False)
    assert "memory" in capsys.readouterr().err


async def test_a_log_whose_beginning_was_cut_is_seen_and_not_archived(
    redis_url: str, session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with leading(redis_url, session) as (bus, log):
        await written(log, 6)
        await bus.pipe.send("XTRIM", bus.keys.audit, "MAXLEN", "4")
        seen = await typed(redis_url, session, "verify")
        refused = await typed(redis_url, session, "archive", "--archive", str(tmp_path))
        left = await lines_of(bus.pipe, session)

    told = capsys.readouterr()
    assert (seen, refused, len(left)) == (1, 1, 4)
    assert "entry 3: follows entry 0" in told.out
    assert "entry 3: follows entry 0" in told.err


async def test_a_changed_entry_is_neither_archived_nor_trimmed(redis_url: str, session: str, tmp_path: Path) -> None:
    async with leading(redis_url, session) as (bus, log):
        await written(log, 5)
        lines = await lines_of(bus.pipe, session)
        await bus.pipe.send("XDEL", bus.keys.audit, "3-0")
        with pytest.raises(ArchiveMismatch, match="entry 4: follows entry 2"):
            await archive_log(bus.pipe, bus.keys, Archive(tmp_path, session))
        left = await lines_of(bus.pipe, session)

    assert left == lines[:2] + lines[3:]
    assert Archive(tmp_path, session).files() == []


async def test_a_folder_that_lacks_what_was_trimmed_is_refused(redis_url: str, session: str, tmp_path: Path) -> None:
    async with leading(redis_url, session) as (bus, log):
        await written(log, 3)
        await archive_log(bus.pipe, bus.keys, Archive(tmp_path / "one", session))
        await written(log, 1)
        with pytest.raises(ArchiveMismatch, match="up to 3 were archived before"):
            await archive_log(bus.pipe, bus.keys, Archive(tmp_path / "two", session))
        kept = await read_archived(bus.pipe, bus.keys.audit_head)

    assert kept[0] == 3


async def copied(bus: BusServer) -> list[tuple[str, bytes]]:
    """The log as a copy of Redis has it."""
    keys = (bus.keys.audit, bus.keys.audit_head)
    return [(key, dump) for key in keys if (dump := await bus.pipe.send("DUMP", key))]


async def restored(bus: BusServer, copy: list[tuple[str, bytes]]) -> None:
    await bus.pipe.send("DEL", bus.keys.audit, bus.keys.audit_head)
    for key, dump in copy:
        await bus.pipe.send("RESTORE", key, 0, dump)


def everything_in(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.rglob("*.jsonl"))


@pytest.mark.parametrize("archived_before", [0, 3])
@pytest.mark.parametrize("written_since", [0, 1, 9])
async def test_a_restored_copy_that_is_older_than_the_archive_is_archived_again_and_nothing_is_lost(
    archived_before: int, written_since: int, redis_url: str, session: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(archiving, "LINES_PER_FILE", 4)
    where = ("--archive", str(tmp_path))
    async with leading(redis_url, session) as (bus, log):
        await written(log, archived_before)
        if archived_before:
            assert await typed(redis_url, session, "archive", *where) == 0
        await written(log, 2)
        copy = await copied(bus)
        await written(log, 5)
        assert await typed(redis_url, session, "archive", *where) == 0
        whole = list(Archive(tmp_path, session).lines())
        await restored(bus, copy)
        await written(AuditLog(bus.pipe, bus.keys, bus.lease.token), written_since)

        plain = await typed(redis_url, session, "archive", *where)
        branched = await typed(redis_url, session, "archive", "--after-restore", *where)
        again = await typed(redis_url, session, "archive", *where)
        whole_again = await typed(redis_url, session, "verify", *where)

    told = capsys.readouterr()
    shared = archived_before + 2
    kept = everything_in(tmp_path)
    assert (plain, branched, again, whole_again) == (1, 0, 0, 0), told
    assert "--after-restore" in told.err
    assert list(Archive(tmp_path, session).lines())[:shared] == whole[:shared]
    assert Archive(tmp_path, session).end()[0] == shared + written_since
    assert [line for line in whole if line not in kept] == []


async def test_another_logs_archive_is_not_taken_for_a_restored_one(
    redis_url: str, session: str, tmp_path: Path
) -> None:
    async with leading(redis_url, session) as (_, log):
        await written(log, 3)
        await typed(redis_url, session, "archive", "--archive", str(tmp_path / "one"))

        refused = await typed(redis_url, session, "archive", "--after-restore", "--archive", str(tmp_path / "two"))

    assert refused == 1


async def test_two_do_not_archive_at_once(redis_url: str, session: str, tmp_path: Path) -> None:
    archive = Archive(tmp_path, session)
    async with leading(redis_url, session) as (bus, log):
        await written(log, 3)
        with archive.alone(), pytest.raises(ArchiveMismatch, match="another process"):
            await archive_log(bus.pipe, bus.keys, Archive(tmp_path, session))
        count = await archive_log(bus.pipe, bus.keys, archive)

    assert count == 3


def edited(lines: list[bytes]) -> None:
    lines[2] = lines[2].replace(b"key-2", b"key-9")


def cut(lines: list[bytes]) -> None:
    del lines[-1]


def removed(lines: list[bytes]) -> None:
    del lines[1]


def beheaded(lines: list[bytes]) -> None:
    del lines[0]


def reordered(lines: list[bytes]) -> None:
    lines[1], lines[2] = lines[2], lines[1]


def inserted(lines: list[bytes]) -> None:
    before = msgspec.json.decode(lines[1], type=AuditEntry)
    lines.insert(2, encode(AuditEntry(before.seq + 1, digest(lines[1]), before.at, "sent", key="forged")))


def torn(lines: list[bytes]) -> None:
    lines[3] = lines[3][:-9]


@pytest.mark.fault(107)
@pytest.mark.parametrize("tampered", [edited, cut, removed, beheaded, reordered, inserted, torn])
@pytest.mark.parametrize("where", ["archive", "log"])
async def test_whatever_is_done_to_the_log_is_found(
    redis_url: str, session: str, tmp_path: Path, tampered: Callable[[list[bytes]], None], where: str
) -> None:
    async with leading(redis_url, session) as (bus, log):
        await written(log, 5)
        if where == "archive":
            await archive_log(bus.pipe, bus.keys, Archive(tmp_path, session))
            await written(log, 5)
            (file,) = Archive(tmp_path, session).files()
            lines = file.read_bytes().splitlines()
            tampered(lines)
            file.write_bytes(b"".join(line + b"\n" for line in lines))
        else:
            await rewritten(bus.pipe, bus.keys, tampered)
        found = await typed(redis_url, session, "verify", "--archive", str(tmp_path))

    assert found == 1


async def rewritten(pipe: CommandPipeline, keys: Keys, tampered: Callable[[list[bytes]], None]) -> None:
    """Whoever may write to Redis puts another log in the place of this one."""
    lines = [line async for line in read_log(pipe, keys)]
    tampered(lines)
    await pipe.send("DEL", keys.audit)
    for number, line in enumerate(lines, 1):
        await pipe.send("XADD", keys.audit, f"{number}-0", "e", line)


async def test_an_archive_and_a_log_that_disagree_are_found(
    redis_url: str, session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with leading(redis_url, session) as (bus, log):
        await written(log, 4)
        lines = await lines_of(bus.pipe, session)
        forged = encode(AuditEntry(1, "0" * 64, "now", "sent"))
        Archive(tmp_path, session).write([forged], 1)
        found = await typed(redis_url, session, "verify", "--archive", str(tmp_path))
        with pytest.raises(ArchiveMismatch):
            await archive_log(bus.pipe, bus.keys, Archive(tmp_path, session))
        left = await lines_of(bus.pipe, session)

    assert found == 1
    assert "entry 1: the archive holds another entry" in capsys.readouterr().out
    assert left == lines
