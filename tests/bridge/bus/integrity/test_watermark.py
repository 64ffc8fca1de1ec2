"""The watermark holds the figures that Redis must have; its file survives a killed process and a crashed machine."""

import asyncio
from pathlib import Path
from zlib import crc32

import pytest
from structlog.testing import capture_logs

from bridge.bus.controls.kill_switch import set_halt
from bridge.bus.halt import Halt
from bridge.bus.integrity.watermark import CLIPPED, SLOT, KnownState, Watermark
from bridge.bus.records.admission import AdmissionRules
from bridge.bus.server.server import BusServer
from tests.stacks.bus import pipe_to, serving
from tests.stacks.gated import TERMS, Gated
from tests.stacks.timing import PATIENT
from tests.waiting import until

NO_UTF_8 = b"%08x %s\n" % (crc32(b'{"session":"\xff"}'), b'{"session":"\xff"}')  # with a sum that is right
pytestmark = pytest.mark.trial("A19")


def written(path: Path, *revisions: int, session: str = "paper") -> None:
    """As a process that was killed right after the last of them."""
    mark = Watermark(session, path)
    mark.load()
    for revision in revisions:
        mark.note(revision, audit_seq=revision * 10)


def read(path: Path, session: str = "paper") -> int:
    mark = Watermark(session, path)
    mark.load()
    return mark.known.revision


def test_a_killed_process_leaves_all_it_knew(tmp_path: Path) -> None:
    file = tmp_path / "watermark"
    written(file, 5, 7, 6)

    assert read(file) == 7  # an answer that came late takes nothing back


def test_each_process_writes_beside_the_newest_and_one_torn_slot_leaves_the_other(tmp_path: Path) -> None:
    file = tmp_path / "watermark"
    written(file, 5)
    written(file, 6)
    whole = file.read_bytes()
    torn = [whole[:at] + b"\0" * 40 + whole[at + 40 :] for at in (8, SLOT + 8)]
    found = []
    for each in torn:
        file.write_bytes(each)
        found.append(read(file))

    assert sorted(found) == [5, 6]


def test_a_standby_that_shares_the_file_takes_nothing_from_it(tmp_path: Path) -> None:
    file = tmp_path / "watermark"
    written(file, 5)
    leader, standby = Watermark("paper", file), Watermark("paper", file)
    leader.load()
    standby.load()
    found = []
    for seen in (6, 7, 8):  # the standby reads Redis a moment before the leader's next step
        standby.observe(seen)
        leader.note(seen)
        standby.observe(seen)
        leader.note(seen + 1, audit_seq=seen)
        standby.observe(seen)
        found.append(read(file))

    assert found == [7, 8, 9]


@pytest.mark.parametrize("content", [b"", b"\0" * SLOT, b"00000000 {}\n", b"no such thing\n" * 1000, NO_UTF_8])
def test_what_can_not_be_read_is_as_no_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "watermark"
    file.write_bytes(content)

    assert read(file) == 0
    written(file, 3)
    assert read(file) == 3


def test_another_sessions_file_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "watermark"
    written(file, 5, session="live")

    with capture_logs() as said:
        assert read(file, "paper") == 0
    assert said[0]["event"] == "watermark_of_another_session"


def test_a_file_that_can_not_be_written_is_said_once_and_holds_nothing_up(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    with capture_logs() as said:
        for path in (tmp_path / "nowhere" / "watermark", link):
            written(path, 1, 2, 3)

    assert [each["event"] for each in said] == ["watermark_file_unusable"] * 2
    assert not (tmp_path / "elsewhere").exists()


def test_a_long_reason_fits_into_a_slot(tmp_path: Path) -> None:
    file = tmp_path / "watermark"
    mark = Watermark("paper", file)
    mark.note(1, halt=Halt("halt", "owner", "x" * 10_000, 5))
    again = Watermark("paper", file)
    again.load()

    assert again.known.halt is not None
    assert len(again.known.halt.reason) == CLIPPED


async def test_a_synced_slot_is_left_and_the_other_is_written_next(tmp_path: Path) -> None:
    file = tmp_path / "watermark"
    mark = Watermark("paper", file)
    mark.note(1)
    syncing = asyncio.create_task(mark.sync())
    await until(lambda: mark._file is not None and mark._file._slot == 1, "the first is on the disk")
    mark.note(2)
    syncing.cancel()
    await asyncio.gather(syncing, return_exceptions=True)
    data = file.read_bytes()

    assert b'"revision":1' in data[:SLOT]
    assert b'"revision":2' in data[SLOT:]


async def test_a_standby_knows_what_redis_must_know_before_it_leads(redis_url: str, session: str) -> None:
    desk = Gated(AdmissionRules(TERMS))
    async with (
        serving(redis_url, session, desk.handle) as bus,
        BusServer(redis_url, session, "standby", timing=PATIENT) as standby,
    ):
        waiting = asyncio.create_task(standby.lead())
        async with pipe_to(redis_url) as pipe:
            await set_halt(pipe, bus.keys, "halt", "owner", "enough")
        await until(lambda: standby.watermark.known.halt is not None, "the standby has seen the switch")
        known = standby.watermark.known
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    assert known.generation == bus.watermark.known.generation
    assert 0 < known.revision <= bus.watermark.known.revision


def test_orders_of_another_day_do_not_count() -> None:
    known = KnownState("s", day_from_ms=5, day_orders=3)

    assert (known.orders_of(5), known.orders_of(6)) == (3, 0)
