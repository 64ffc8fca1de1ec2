"""The values of the event log: a cursor as it is written, an event as it is stored."""

import msgspec
import pytest

from bridge.bus.events.event import Cursor, SessionEvent, decode_event, encode_event


def test_a_cursor_is_read_as_it_was_written() -> None:
    cursor = Cursor(17, "1764460800123-4")

    assert str(cursor) == "17.1764460800123-4"
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("written", ["", "17", "17.1-", "a.1-2", "-1.1-2", "1.1-2 ", "1.1-2\n", "9" * 17 + ".1-2"])
def test_what_is_no_cursor_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="exactly as an earlier answer gave it"):
        Cursor.parse(written)


def test_an_event_of_a_later_release_is_read_without_its_new_fields() -> None:
    event = SessionEvent("order", "2026-01-02T03:04:05.000+00:00", key="key-0001", details={"status": "Filled"})
    later = msgspec.json.encode(msgspec.json.decode(encode_event(event)) | {"colour": "red"})

    assert decode_event(later) == event


def test_an_event_of_another_kind_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_event(b'{"kind":"weather","time":""}')
