"""The archive's files: what is added is read again, whatever a crash has left."""

from pathlib import Path

import msgspec
from structlog.typing import EventDict

from bridge.bus.history.store import Record, snapshot_record
from ib_worker.account_history.archive import HistoryArchive
from tests.stacks.account_records import snapshot


def records(*days: int) -> list[Record]:
    return [snapshot_record(snapshot(day, 1_000 + day)) for day in days]


def test_what_is_added_is_read_again(tmp_path: Path) -> None:
    archive = HistoryArchive(tmp_path / "past", "paper")
    archive.append(records(11, 12))
    archive.append(records(13))

    assert list(archive.read().values()) == records(11, 12, 13)


def test_each_year_and_session_has_a_file_of_its_own(tmp_path: Path) -> None:
    later = snapshot_record(msgspec.structs.replace(snapshot(11, 1.0), date="2026-01-02"))
    HistoryArchive(tmp_path, "paper").append([*records(11), later])
    HistoryArchive(tmp_path, "live").append(records(12))

    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    files = ["live-2025.jsonl", "paper-2025.jsonl", "paper-2026.jsonl"]
    assert sorted(each.name for each in tmp_path.iterdir()) == files
    assert list(HistoryArchive(tmp_path, "paper").read().values()) == [*records(11), later]


def test_a_line_that_a_crash_cut_is_passed_over(tmp_path: Path, logs: list[EventDict]) -> None:
    archive = HistoryArchive(tmp_path, "paper")
    archive.append(records(11, 12))
    file = tmp_path / "paper-2025.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    archive.append(records(13))

    assert list(archive.read().values()) == records(11, 13)
    assert [(each["event"], each["line"]) for each in logs] == [("history_line_unreadable", 2)]


def test_an_archive_without_a_folder_is_empty(tmp_path: Path) -> None:
    assert HistoryArchive(tmp_path / "none", "paper").read() == {}
