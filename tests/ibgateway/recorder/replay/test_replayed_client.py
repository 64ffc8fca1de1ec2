"""A replay answers what was recorded, under the client's own ids, in the recorded order, and refuses the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgateway.recorder.replay.recorded_connection import scripts
from ibgateway.recorder.replay.replayed_client import ReplayedClient
from ibgateway.recorder.transcript.transcript import (
    CLOSED_BY_GATEWAY,
    ConnectionEvent,
    fields_of,
)
from ibgateway.simulator.wire.frames import HELLO, frame, frames
from tests.ibgateway.recorder.test_connection_log import FRAMES
from tests.stacks.ibgateway.recorded_lines import STATUS, asked, place, session, told
from tests.stacks.ibgateway.replay_client import NOW, QUOTE, Client


def test_the_handshake_and_the_start_are_as_recorded() -> None:
    assert Client(session()).start == ["178 20250611 10:30:00 US/Eastern", "15 1 DU7654321", "9 1 1"]


def test_a_request_is_answered_under_the_clients_own_id() -> None:
    client = Client(session(asked("81 6 app"), told("79 6 0"), asked("81 7 ibm"), told("4 2 7 200 none -")))

    assert client.hears(asked("81 901 ibm")) == ["4 2 901 200 none -"]
    assert client.hears(asked("81 902 app")) == ["79 902 0"]


def test_without_pauses_everything_comes_at_once_in_the_recorded_order() -> None:
    client = Client(session(asked(f"1 11 6 {QUOTE}"), told("1 6 6 1 1.5 100 0", 2.0), told("2 6 6 0 100", 9.0)))

    assert client.hears(asked(f"1 11 6 {QUOTE}")) == ["1 6 6 1 1.5 100 0", "2 6 6 0 100"]


def test_recorded_pauses_are_kept_at_the_speed_that_is_asked_for() -> None:
    client = Client(
        session(asked(f"1 11 6 {QUOTE}", 1.0), told("1 6 6 1 1.5 100 0", 3.0), told("2 6 6 0 100", 9.0)), speed=2.0
    )
    client.send(asked(f"1 11 6 {QUOTE}"))

    assert client.told(NOW + 0.9) == []
    assert client.replay.next_due == pytest.approx(NOW + 1.0)
    assert client.told(NOW + 1.1) == ["1 6 6 1 1.5 100 0"]
    assert client.told(NOW + 4.1) == ["2 6 6 0 100"]
    assert client.replay.next_due is None


def test_a_cancel_ends_what_was_still_to_come_even_if_it_was_not_recorded() -> None:
    client = Client(session(asked(f"1 11 6 {QUOTE}", 1.0), told("2 6 6 0 100", 9.0)), speed=1.0)
    client.send(asked(f"1 11 40 {QUOTE}"), asked("2 2 40"))

    assert client.told(NOW + 60) == []
    assert client.replay.notes == []


def test_a_cancel_leaves_the_rest_in_its_order() -> None:
    ibm = QUOTE.replace("AAPL", "IBM")
    sizes = [told(f"2 6 {reqId} 0 {at}", at) for reqId, at in [(6, 1), (7, 2), (6, 3), (7, 4), (6, 5), (7, 6), (7, 7)]]
    client = Client(session(asked(f"1 11 6 {QUOTE}"), asked(f"1 11 7 {ibm}"), *sizes), speed=1.0)
    client.send(asked(f"1 11 40 {QUOTE}"), asked(f"1 11 41 {ibm}"), asked("2 2 40"))

    assert [line.split()[-1] for line in client.told(NOW + 60)] == ["2", "4", "6", "7"]


def test_a_cancel_of_nothing_is_refused() -> None:
    client = Client(session())

    assert client.hears(asked("2 2 40"))[0].split()[:4] == ["4", "2", "40", "321"]


def test_frames_of_which_only_classes_were_kept_are_left_out() -> None:
    client = Client(session(asked("61 1"), told("61 3 XX", known=False), told("62 1")))

    assert client.hears(asked("61 1")) == ["62 1"]
    assert "position" in client.replay.notes[0]


def test_a_gateway_that_closed_at_once_closes_again() -> None:
    client = Client(session(told("4 2 -1 326 taken -"), ConnectionEvent(0.1, 1, CLOSED_BY_GATEWAY)))

    assert client.start[-1] == "4 2 -1 326 taken -"
    assert client.replay.closing


def test_a_gateway_that_closed_much_later_does_so_only_when_pauses_are_kept() -> None:
    lines = session(asked("61 1"), told("62 1"), ConnectionEvent(30.0, 1, CLOSED_BY_GATEWAY))
    quick, timed = Client(lines), Client(lines, speed=1.0)

    assert quick.hears(asked("61 1")) == ["62 1"]
    assert not quick.replay.closing
    timed.send(asked("61 1"))
    assert timed.told(NOW + 29) == ["62 1"]
    assert not timed.replay.closing
    timed.told(NOW + 31)
    assert timed.replay.closing


def test_a_gateway_does_not_close_before_the_client_has_asked_everything() -> None:
    closed = ConnectionEvent(0.1, 1, CLOSED_BY_GATEWAY)
    client = Client(session(asked("61 1"), told("62 1"), asked("49 1"), told("49 1 111"), closed))

    assert client.hears(asked("49 1")) == ["49 1 111"]
    assert not client.replay.closing
    assert client.hears(asked("61 1")) == ["62 1"]
    assert client.replay.closing


def test_each_client_gets_the_recorded_connection_of_its_client_id_else_one_that_is_free() -> None:
    lines = [
        *session(asked("49 1"), told("49 1 111"), client=1, clientId=3),
        *session(asked("49 1", client=2), told("49 1 222", client=2), client=2, clientId=4),
    ]
    used: set[int] = set()

    heard = [Client(lines, clientId=clientId, used=used).hears(asked("49 1")) for clientId in (4, 99, 98)]

    assert heard == [["49 1 222"], ["49 1 111"], ["49 1 111"]]


def test_a_client_that_does_not_speak_the_recorded_version_is_refused() -> None:
    replay = ReplayedClient(scripts(session(version=200)), set())

    replay.receive(HELLO + frame(b"v157..178"), NOW)

    (refusal,) = replay.take(NOW)
    assert fields_of(refusal)[3] == "506"
    assert replay.closing
    assert "version 200" in replay.notes[0]


@given(st.lists(FRAMES | st.binary(max_size=30), max_size=5))
def test_no_request_upsets_a_replay(payloads: list[bytes]) -> None:
    client = Client(session(asked("81 6 app"), told("79 6 0"), place(17), told(f"3 17 Submitted {STATUS}")))

    client.replay.receive(frames(payloads), NOW)

    assert client.replay.closing or len(client.told()) >= len(payloads)


@pytest.mark.parametrize("data", [b"GET /", HELLO + frame(b"v100..200") + frame(b"abc\0")])
def test_bytes_that_are_no_client_end_the_connection(data: bytes) -> None:
    replay = ReplayedClient(scripts(session()), set())

    replay.receive(data, NOW)

    assert replay.closing
    assert replay.notes
