"""What crosses a connection becomes lines, until something comes that the recorder does not understand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgateway.recorder.connection_log import ConnectionLog, again
from ibgateway.recorder.transcript.scrub import Scrubber
from ibgateway.recorder.transcript.transcript import (
    STOPPED,
    TO_CLIENT,
    TO_GATEWAY,
    ConnectionEvent,
    Line,
    TranscriptFrame,
)
from ibgateway.simulator.wire.encoding.text import message
from ibgateway.simulator.wire.frames import HELLO, frame, frames

KEY = b"0123456789abcdef"
OFFER = HELLO + frame(b"v157..178")
GREETING = frame(b"178\x0020250611 10:30:00 US/Eastern\0")


def agreed() -> ConnectionLog:
    tape = ConnectionLog(1, Scrubber(KEY))
    tape.feed(TO_GATEWAY, OFFER, 0.0)
    tape.feed(TO_CLIENT, GREETING, 0.0)
    return tape


def stops(lines: list[Line]) -> str:
    assert len(lines) == 1
    assert isinstance(lines[0], ConnectionEvent)
    assert lines[0].event == STOPPED
    return lines[0].detail


def test_the_handshake_and_messages_are_recorded_with_time_version_and_name() -> None:
    tape = ConnectionLog(7, Scrubber(KEY))

    lines = [
        *tape.feed(TO_GATEWAY, OFFER, 0.1),
        *tape.feed(TO_CLIENT, GREETING, 0.2),
        *tape.feed(TO_GATEWAY, frame(message(61, 1)), 0.3),
        *tape.feed(TO_CLIENT, frame(message(62, 1)), 0.4),
    ]

    assert lines == [
        TranscriptFrame(0.1, TO_GATEWAY, 7, 0, "handshake", ("v157..178",)),
        TranscriptFrame(0.2, TO_CLIENT, 7, 0, "handshake", ("178", "20250611 10:30:00 US/Eastern")),
        TranscriptFrame(0.3, TO_GATEWAY, 7, 178, "reqPositions", ("61", "1")),
        TranscriptFrame(0.4, TO_CLIENT, 7, 178, "positionEnd", ("62", "1")),
    ]


def test_frames_that_arrive_together_or_in_pieces_are_recorded_one_by_one() -> None:
    tape = agreed()
    data = frames([message(61, 1), message(5, 1)])

    first, rest = tape.feed(TO_GATEWAY, data[:-3], 1.0), tape.feed(TO_GATEWAY, data[-3:], 2.0)

    assert [line.message for line in [*first, *rest] if isinstance(line, TranscriptFrame)] == [
        "reqPositions",
        "reqOpenOrders",
    ]
    assert (first[0].at, rest[0].at) == (1.0, 2.0)


def test_a_refused_client_is_recorded_with_the_gateways_error() -> None:
    tape = ConnectionLog(1, Scrubber(KEY))
    tape.feed(TO_GATEWAY, HELLO + frame(b"v100..120"), 0.0)

    (line,) = tape.feed(TO_CLIENT, frame(message(4, 2, -1, 506, "Unsupported Version")), 0.1)

    assert isinstance(line, TranscriptFrame)
    assert line.message == "error"
    assert line.known


def test_an_unknown_message_id_is_recorded_by_its_classes() -> None:
    (line,) = agreed().feed(TO_CLIENT, frame(message(250, "DU1234567", 5)), 0.1)

    assert line == TranscriptFrame(0.1, TO_CLIENT, 1, 178, "unknown", ("250", "XX9999999", "9"), known=False)


@pytest.mark.parametrize("version", ["201", "226", "99", "-1", "gateway.example.com"])
def test_recording_stops_at_a_version_that_is_not_text(version: str) -> None:
    tape = ConnectionLog(1, Scrubber(KEY))
    tape.feed(TO_GATEWAY, OFFER, 0.0)

    detail = stops(tape.feed(TO_CLIENT, frame(f"{version}\0somewhere\0".encode()), 0.1))

    assert "version" in detail
    assert "example" not in detail
    assert tape.feed(TO_CLIENT, frame(message(62, 1)), 0.2) == []


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff not a frame",
        frame(b"61\x001"),
        frame(b"\x00\x00\x00\xc8protobuf\0"),
        frame(b"abc\0"),
        frame(b"\0"),
    ],
    ids=["no length", "no last zero byte", "a binary id", "no id", "nothing"],
)
def test_recording_stops_where_bytes_are_not_understood(data: bytes) -> None:
    tape = agreed()

    stops(tape.feed(TO_CLIENT, data, 1.0))

    assert tape.stopped
    assert tape.feed(TO_GATEWAY, frame(message(61, 1)), 2.0) == []


def test_frames_before_the_one_that_is_not_understood_are_kept() -> None:
    lines = agreed().feed(TO_CLIENT, frames([message(62, 1), b"odd"]), 1.0)

    assert [type(line) for line in lines] == [TranscriptFrame, ConnectionEvent]


def test_a_client_of_another_protocol_is_not_recorded() -> None:
    stops(ConnectionLog(1, Scrubber(KEY)).feed(TO_GATEWAY, b"63\0", 0.0))


FIELDS = st.lists(st.text(max_size=8) | st.sampled_from(["0", "1", "9999999", "DU1234567", "-1"]), max_size=12)
FRAMES = st.builds(lambda msgId, fields: message(msgId, *fields), st.integers(1, 120), FIELDS)


@given(st.sampled_from([TO_GATEWAY, TO_CLIENT]), st.lists(FRAMES | st.binary(max_size=30), max_size=5))
def test_no_frame_upsets_a_tape(direction: str, payloads: list[bytes]) -> None:
    tape = agreed()

    lines = tape.feed(direction, frames(payloads), 1.0)

    assert len(lines) == len(payloads) or tape.stopped


def test_a_text_of_megabytes_is_scrubbed_in_a_moment() -> None:
    """A pattern that tries every length at every place would take hours here."""
    (line,) = agreed().feed(TO_CLIENT, frame(message(83, 7, 0, "a" * 2_000_000)), 0.1)

    assert isinstance(line, TranscriptFrame)
    assert line.known


def test_bytes_that_are_no_utf_8_survive() -> None:
    payload = message(83, 7, 0) + b"\xff\xfe article\0"

    (line,) = agreed().feed(TO_CLIENT, frame(payload), 0.1)

    assert isinstance(line, TranscriptFrame)
    assert line.known
    assert line.payload == payload


def test_a_name_that_turns_up_late_is_masked_in_earlier_lines_at_the_end() -> None:
    scrubber = Scrubber(KEY)
    tape = ConnectionLog(1, scrubber)
    tape.feed(TO_GATEWAY, HELLO + frame(b"v100..200"), 0.0)
    tape.feed(TO_CLIENT, frame(b"200\0now\0"), 0.0)
    (early,) = tape.feed(TO_CLIENT, frame(message(4, -1, 321, "not allowed to jsmith42 on DU1234567", "", 1)), 0.1)
    execution = "11 -1 1 265598 AAPL STK - 0.0 - - IEX USD AAPL NMS e.01.01 then DU1234567 IEX BOT 1 1.0 9 0 0 1 1.0"
    fields = ["" if field == "-" else field for field in f"{execution} ref - - - 2 0 jsmith42".split()]
    tape.feed(TO_CLIENT, frame(message(int(fields[0]), *fields[1:])), 0.2)

    late = again(early, scrubber)

    assert isinstance(early, TranscriptFrame)
    assert isinstance(late, TranscriptFrame)
    assert "jsmith42" in early.fields[3]
    assert "jsmith42" not in late.fields[3]
    assert late.fields[3].split()[-1] == early.fields[3].split()[-1]  # the account, masked once
    assert again(late, scrubber) == late
