"""A replay answers what was recorded, under the client's own ids, in the recorded order, and refuses the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgateway.recorder.replay.recorded_connection import scripts
from ibgateway.recorder.replay.replayed_client import Replay
from ibgateway.recorder.transcript.transcript import (
    CLOSED_BY_CLIENT,
    CLOSED_BY_GATEWAY,
    BadTranscript,
    Entry,
    Event,
    Line,
    fields_of,
)
from ibgateway.simulator.wire.frames import HELLO, frame, frames
from tests.ibgateway.recorder.test_connection_log import FRAMES
from tests.ibgateway.recorder.transcript.test_correlation import EXECUTED, EXECUTION, STATUS, place
from tests.stacks.ibgateway.recorded_lines import asked, session, told

NOW = 1_800_000_000.0
BARS = "0 AAPL STK - 0.0 - - SMART - USD - - 0 {end} 1~day 1~M 1 TRADES 1 0 -"
QUOTE = "0 AAPL STK - 0.0 - - SMART - USD - - 0 - 0 0 -"


class Client:
    """What a client sends, and what it has been told."""

    def __init__(
        self, lines: list[Line], *, speed: float | None = None, clientId: int = 3, used: set[int] | None = None
    ) -> None:
        self.replay = Replay(scripts(lines), set() if used is None else used, speed)
        self.replay.receive(HELLO + frame(b"v100..200"), NOW)
        self.send(asked(f"71 2 {clientId} -"))
        self.start = self.told()

    def send(self, *requests: Line, at: float = NOW) -> None:
        for request in requests:
            assert isinstance(request, Entry)
            self.replay.receive(frame(request.payload), at)

    def told(self, at: float = NOW) -> list[str]:
        return [" ".join(text or "-" for text in fields_of(payload)) for payload in self.replay.take(at)]

    def hears(self, *requests: Line) -> list[str]:
        self.send(*requests)
        return self.told()


def test_the_handshake_and_the_start_are_as_recorded() -> None:
    assert Client(session()).start == ["178 20250611 10:30:00 US/Eastern", "15 1 DU7654321", "9 1 1"]


def test_a_request_is_answered_under_the_clients_own_id() -> None:
    client = Client(session(asked("81 6 app"), told("79 6 0"), asked("81 7 ibm"), told("4 2 7 200 none -")))

    assert client.hears(asked("81 901 ibm")) == ["4 2 901 200 none -"]
    assert client.hears(asked("81 902 app")) == ["79 902 0"]


def test_the_same_request_is_answered_in_turn_and_then_as_the_last_time() -> None:
    client = Client(session(asked("49 1"), told("49 1 111"), asked("49 1"), told("49 1 222")))

    heard = [client.hears(asked("49 1")) for _ in range(3)]

    assert heard == [["49 1 111"], ["49 1 222"], ["49 1 222"]]


def test_times_that_move_with_the_day_do_not_matter_but_an_exact_match_is_better() -> None:
    days = ["20250609~16:00:00", "20250610~16:00:00"]
    lines = [
        line
        for number, day in enumerate(days)
        for line in (asked(f"20 {number} {BARS.format(end=day)}"), told(f"88 {number} {day}"))
    ]
    client = Client(session(*lines))

    assert client.hears(asked(f"20 50 {BARS.format(end=days[1])}")) == ["88 50 20250610 16:00:00"]
    assert client.hears(asked(f"20 51 {BARS.format(end='20260101~16:00:00')}")) == ["88 51 20250609 16:00:00"]
    assert "endDateTime" in client.replay.notes[0]


def test_masked_fields_and_unset_values_match_in_every_spelling() -> None:
    client = Client(session(place(17), told(f"3 17 Submitted {STATUS}")))
    order = place(1001)
    assert isinstance(order, Entry)
    own = {"account": "U1111111", "orderRef": "another", "trailStopPrice": "1.7976931348623157E308"}
    fields = [own.get(name, text) for name, text in zip(order.names, order.fields, strict=True)]

    assert client.hears(asked(" ".join(text or "-" for text in fields))) == [
        "3 1001 Submitted 0 1 0 389001 0 0 3 - 0",
    ]


def test_what_the_transcript_lacks_is_answered_with_error_321_and_noted() -> None:
    client = Client(session(asked("81 6 app"), told("79 6 0")))

    heard = client.hears(asked("81 9 ibm"), asked("99 0"))

    assert [line.split()[:4] for line in heard] == [["4", "2", "9", "321"], ["4", "2", "-1", "321"]]
    assert all("not in the transcript" in line for line in heard)
    assert "pattern 'app', not 'ibm'" in client.replay.notes[0]
    assert "none of its kind" in client.replay.notes[1]


def test_an_order_is_answered_once_and_its_changes_and_its_cancel_are_its_own() -> None:
    client = Client(
        session(
            place(17),
            told(f"3 17 Submitted {STATUS}"),
            place(18),
            told(f"3 18 Submitted {STATUS}"),
            place(17),
            told(f"3 17 PreSubmitted {STATUS}"),
            asked("4 1 17 -"),
            told(f"3 17 Cancelled {STATUS}"),
        )
    )

    heard = [client.hears(place(70)), client.hears(place(71)), client.hears(place(70)), client.hears(asked("4 1 70 -"))]
    again = client.hears(place(70), place(72))

    assert [line.split()[1:3] for lines in heard for line in lines] == [
        ["70", "Submitted"],
        ["71", "Submitted"],
        ["70", "PreSubmitted"],
        ["70", "Cancelled"],
    ]
    assert [line.split()[:4] for line in again] == [["4", "2", "70", "321"], ["4", "2", "72", "321"]]


def test_the_other_orders_cancel_is_not_taken_for_this_ones() -> None:
    client = Client(session(place(17), place(18), asked("4 1 18 -"), told(f"3 18 Cancelled {STATUS}")))
    client.hears(place(70), place(71))

    assert client.hears(asked("4 1 70 -"))[0].split()[3] == "321"
    assert client.hears(asked("4 1 71 -"))[0].split()[1:3] == ["71", "Cancelled"]


def test_fills_name_the_clients_order_and_client_id() -> None:
    client = Client(session(place(17), told(f"11 -1 17 {EXECUTED} e1.01.01 {EXECUTION}")), clientId=8)

    (fill,) = client.hears(place(70))

    assert fill.split()[1:3] == ["-1", "70"]
    assert fill.split()[20:23] == ["1.0", "389001", "8"]


def test_what_an_order_changed_waits_for_the_order() -> None:
    held = f"61 3 DU7654321 {EXECUTED} 1 1.0"
    client = Client(session(asked("61 1"), told("62 1"), place(17), told(held), told(f"3 17 Filled {STATUS}")))

    before = client.hears(asked("61 1"))
    after = client.hears(place(70))

    assert before == ["62 1"]
    assert [line.split()[0] for line in after] == ["61", "3"]


def test_what_an_order_changed_keeps_its_pause_after_the_order() -> None:
    held = f"61 3 DU7654321 {EXECUTED} 1 1.0"
    lines = session(asked("61 1", 1.0), told("62 1", 1.0), place(17, 5.0), told(held, 7.0))
    prompt, late = Client(lines, speed=1.0), Client(lines, speed=1.0)

    prompt.send(asked("61 1"), place(70))
    late.send(asked("61 1"))
    late.send(place(70), at=NOW + 100)

    assert prompt.told(NOW + 5) == ["62 1"]  # the position came six seconds after it had been asked for
    assert prompt.told(NOW + 6.1) == [held]
    assert late.told(NOW + 101) == ["62 1"]  # and two seconds after the order
    assert late.told(NOW + 102.1) == [held]


def test_what_a_global_cancel_did_waits_for_it() -> None:
    client = Client(session(place(17), asked("58 1"), told(f"3 17 Cancelled {STATUS}")))

    assert client.hears(place(70)) == []
    assert [line.split()[:3] for line in client.hears(asked("58 1"))] == [["3", "70", "Cancelled"]]


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


def test_the_answer_to_another_cancel_is_not_taken_for_this_ones() -> None:
    lines = session(
        *(asked(f"1 11 6 {QUOTE}"), asked(f"1 11 7 {QUOTE.replace('AAPL', 'IBM')}")),
        *(asked("2 2 7"), told("4 2 7 300 unknown -")),
    )
    client = Client(lines)
    client.hears(asked(f"1 11 40 {QUOTE}"), asked(f"1 11 41 {QUOTE.replace('AAPL', 'IBM')}"))

    assert client.hears(asked("2 2 40")) == []
    assert client.hears(asked("2 2 41")) == ["4 2 41 300 unknown -"]


def test_a_cancel_of_nothing_is_refused() -> None:
    client = Client(session())

    assert client.hears(asked("2 2 40"))[0].split()[:4] == ["4", "2", "40", "321"]


def test_frames_of_which_only_classes_were_kept_are_left_out() -> None:
    client = Client(session(asked("61 1"), told("61 3 XX", known=False), told("62 1")))

    assert client.hears(asked("61 1")) == ["62 1"]
    assert "position" in client.replay.notes[0]


def test_a_gateway_that_closed_at_once_closes_again() -> None:
    client = Client(session(told("4 2 -1 326 taken -"), Event(0.1, 1, CLOSED_BY_GATEWAY)))

    assert client.start[-1] == "4 2 -1 326 taken -"
    assert client.replay.closing


def test_a_gateway_that_closed_much_later_does_so_only_when_pauses_are_kept() -> None:
    lines = session(asked("61 1"), told("62 1"), Event(30.0, 1, CLOSED_BY_GATEWAY))
    quick, timed = Client(lines), Client(lines, speed=1.0)

    assert quick.hears(asked("61 1")) == ["62 1"]
    assert not quick.replay.closing
    timed.send(asked("61 1"))
    assert timed.told(NOW + 29) == ["62 1"]
    assert not timed.replay.closing
    timed.told(NOW + 31)
    assert timed.replay.closing


def test_a_gateway_does_not_close_before_the_client_has_asked_everything() -> None:
    closed = Event(0.1, 1, CLOSED_BY_GATEWAY)
    client = Client(session(asked("61 1"), told("62 1"), asked("49 1"), told("49 1 111"), closed))

    assert client.hears(asked("49 1")) == ["49 1 111"]
    assert not client.replay.closing
    assert client.hears(asked("61 1")) == ["62 1"]
    assert client.replay.closing


def test_a_gateway_that_closed_because_its_client_did_closes_nothing() -> None:
    client = Client(session(Event(0.1, 1, CLOSED_BY_CLIENT), Event(0.2, 1, CLOSED_BY_GATEWAY)))

    assert client.start[-1] == "9 1 1"
    assert not client.replay.closing


def test_each_client_gets_the_recorded_connection_of_its_client_id_else_one_that_is_free() -> None:
    lines = [
        *session(asked("49 1"), told("49 1 111"), client=1, clientId=3),
        *session(asked("49 1", client=2), told("49 1 222", client=2), client=2, clientId=4),
    ]
    used: set[int] = set()

    heard = [Client(lines, clientId=clientId, used=used).hears(asked("49 1")) for clientId in (4, 99, 98)]

    assert heard == [["49 1 222"], ["49 1 111"], ["49 1 111"]]


def test_a_client_that_does_not_speak_the_recorded_version_is_refused() -> None:
    replay = Replay(scripts(session(version=200)), set())

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
    replay = Replay(scripts(session()), set())

    replay.receive(data, NOW)

    assert replay.closing
    assert replay.notes


def test_a_transcript_without_a_session_cannot_be_replayed() -> None:
    with pytest.raises(BadTranscript):
        scripts([Event(0.0, 1, "connected")])
