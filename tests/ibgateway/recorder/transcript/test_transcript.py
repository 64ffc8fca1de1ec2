"""The file: what is written is read again, and what is no transcript is refused with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgateway.recorder.transcript.transcript import (
    TO_CLIENT,
    BadTranscript,
    ConnectionEvent,
    Line,
    TranscriptFrame,
    as_json,
    fields_of,
    header,
    read,
)
from tests.stacks.ibgateway.recorded_lines import asked, session, told

TEXTS = st.text(st.characters(blacklist_characters="\0"), max_size=20)
ENTRIES = st.builds(
    TranscriptFrame,
    st.floats(0, 1e6).map(lambda at: round(at, 6)),
    st.just(TO_CLIENT),
    st.integers(1, 9),
    st.integers(157, 200),
    st.just("contractDetails"),
    st.lists(TEXTS, max_size=5).map(lambda fields: ("10", *fields)),
    st.booleans(),
)


def written(*lines: Line) -> list[str]:
    return [header("2025-06-11T14:30:00+00:00") + "\n", *(as_json(line) + "\n" for line in lines)]


@given(st.lists(ENTRIES | st.builds(ConnectionEvent, st.just(1.5), st.integers(1, 9), TEXTS, TEXTS), max_size=5))
def test_what_is_written_is_read_again(lines: list[Line]) -> None:
    assert list(read(written(*lines))) == lines


@given(st.lists(st.binary(max_size=20).filter(lambda data: b"\0" not in data), min_size=1, max_size=5))
def test_a_frame_is_the_same_bytes_again(texts: list[bytes]) -> None:
    payload = b"".join(text + b"\0" for text in texts)

    (again,) = read(written(TranscriptFrame(0.0, TO_CLIENT, 1, 178, "handshake", tuple(fields_of(payload)))))

    assert isinstance(again, TranscriptFrame)
    assert again.payload == payload


def test_a_recording_that_was_killed_is_read_up_to_its_last_whole_line() -> None:
    whole = written(*session(asked("61 1"), told("62 1")))

    assert list(read([*whole[:-1], whole[-1][:30]])) == list(read(whole[:-1]))


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        '{"at": 1, "client": 1}',
        '{"at": 1, "client": 1, "direction": "up", "version": 178, "message": "x", "fields": ["1"]}',
        '{"at": 1, "client": 1, "direction": "to client", "version": 178, "message": "x", "fields": []}',
        '{"at": 1, "client": 1, "direction": "to client", "version": 178, "message": "x", "fields": [1]}',
        '{"at": 1, "client": 1, "direction": "to client", "version": 178, "message": "x", "fields": ["x"]}',
        '{"at": "x", "client": 1, "event": "connected"}',
    ],
)
def test_a_line_that_is_no_transcripts_is_named(text: str) -> None:
    with pytest.raises(BadTranscript, match="line 2"):
        list(read([*written(), text + "\n"]))


@pytest.mark.parametrize("first", ['{"transcript": 2}', '{"at": 1}', "x"])
def test_another_file_is_refused(first: str) -> None:
    with pytest.raises(BadTranscript):
        list(read([first + "\n"]))


def test_fields_have_names() -> None:
    entry = told("62 1")

    assert entry.names == ("msgId", "version")
    assert entry.get("version") == "1"
    assert entry.get("reqId") is None
