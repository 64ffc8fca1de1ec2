"""A client's request is found among the recorded ones, and answered under the client's own ids."""

from __future__ import annotations

from tests.stacks.ibgateway.recorded_lines import EXECUTED, EXECUTION, STATUS, asked, place, session, told
from tests.stacks.ibgateway.replay_client import BARS, QUOTE, Client


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


def test_the_answer_to_another_cancel_is_not_taken_for_this_ones() -> None:
    lines = session(
        *(asked(f"1 11 6 {QUOTE}"), asked(f"1 11 7 {QUOTE.replace('AAPL', 'IBM')}")),
        *(asked("2 2 7"), told("4 2 7 300 unknown -")),
    )
    client = Client(lines)
    client.hears(asked(f"1 11 40 {QUOTE}"), asked(f"1 11 41 {QUOTE.replace('AAPL', 'IBM')}"))

    assert client.hears(asked("2 2 40")) == []
    assert client.hears(asked("2 2 41")) == ["4 2 41 300 unknown -"]
