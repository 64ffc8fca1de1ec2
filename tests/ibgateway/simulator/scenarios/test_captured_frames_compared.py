"""The comparison with captured frames finds what is different, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ibgateway.simulator.captures import Captured, captured, differences, kind, main, sent


def test_what_the_simulator_sends_is_no_different_from_itself() -> None:
    told = [fields for fields in sent(200) if fields[0] != "200"]  # but for the handshake

    assert [*differences(Captured(0, 200, tuple(fields)) for fields in told)] == []
    assert len({fields[0] for fields in told}) > 60


@pytest.mark.parametrize(
    ("fields", "difference"),
    [
        (("61", "3", "DU1"), "position of version 200 has 16 fields, not 3"),
        (("9", "1", "one"), "orderId is text ('one'), where the simulator sends integer"),
        (("49", "1", "20250611 10:30:00 US/Eastern"), "time is time with zone"),
        (("95", "7", "1.0", "0.0", "0.0", "0.0", "0.0"), "pos is padded number"),
        (("91", "7", "1", "SMART"), "the simulator does not send it"),
    ],
)
def test_a_difference_is_told_with_its_line(fields: tuple[str, ...], difference: str) -> None:
    (found,) = differences([Captured(3, 200, fields)])

    assert found.startswith("line 3: ")
    assert difference in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("257.95", "number"),
        ("257.90", "padded number"),
        ("1.7976931348623157E308", "unset double"),
        ("20250611  10:30:00", "time with two spaces"),
        ("20250611-10:30:00", "time in UTC"),
        ("10:30", "clock"),
    ],
)
def test_a_text_has_a_class(text: str, expected: str) -> None:
    assert kind(text) == expected


def test_transcripts_and_loose_frames_are_read_and_requests_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        {"at": 0.1, "direction": "to client", "client": 1, "version": 200, "message": "x", "fields": ["62", "1"]},
        {"at": 0.2, "direction": "to gateway", "client": 1, "version": 200, "message": "x", "fields": ["61", "1"]},
        {"at": 0.3, "client": 1, "event": "closed by client"},
        {"server_version": 200, "dir": "in", "fields": ["9", "1", "5"]},
    ]
    path = tmp_path / "frames.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    assert main(path) == 0
    assert [one.line for one in captured(path.read_text(encoding="utf-8").splitlines())] == [1, 4]
    assert "2 frames of 2 message ids, 0 differences" in capsys.readouterr().out
