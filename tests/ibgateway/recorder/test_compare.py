"""A comparison shows each kind of difference once, and nothing that the market or an account decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ibgateway.recorder.compare import Difference, compare, field_class, table
from ibgateway.recorder.simulator_run import SimulatorSetup, drive
from ibgateway.recorder.transcript.transcript import Line
from tests.stacks.ibgateway.recorded_lines import EXECUTED, STATUS, asked, place, session, told

POSITION = f"61 3 DU7654321 {EXECUTED}"
QUOTE = "1 11 6 0 AAPL STK - 0.0 - - SMART - USD - - 0 - 0 0 -"


def found(recorded: Sequence[Line], simulated: Sequence[Line]) -> list[Difference]:
    return list(compare(session(*recorded), session(*simulated)))


def test_equal_sessions_do_not_differ() -> None:
    lines = [asked("61 1"), told(f"{POSITION} 1 1.0"), told("62 1")]

    assert found(lines, lines) == []


def test_a_message_that_never_comes_is_shown() -> None:
    recorded = [asked("61 1"), told(f"{POSITION} 1 1.0"), told("62 1")]

    assert found(recorded, [asked("61 1"), told("62 1")]) == [
        Difference("reqPositions", "position", "message", "comes", "never")
    ]
    assert found([asked("61 1"), told("62 1")], recorded) == [
        Difference("reqPositions", "position", "message", "never", "comes")
    ]


def test_errors_and_order_states_are_told_apart() -> None:
    recorded = [asked("81 6 app"), told("4 2 6 200 none -"), place(17), told(f"3 17 PreSubmitted {STATUS}")]
    simulated = [asked("81 6 app"), told("4 2 6 162 none -"), place(17), told(f"3 17 Submitted {STATUS}")]

    assert [(one.message, one.recorded) for one in found(recorded, simulated)] == [
        ("error 200", "comes"),
        ("error 162", "never"),
        ("orderStatus PreSubmitted", "comes"),
        ("orderStatus Submitted", "never"),
    ]


def test_another_order_of_messages_is_shown() -> None:
    status, error = told(f"3 17 Cancelled {STATUS}"), told("4 2 17 202 cancelled -")

    assert found([place(17), status, error], [place(17), error, status]) == [
        Difference(
            "placeOrder",
            "",
            "order of messages",
            "orderStatus Cancelled, error 202",
            "error 202, orderStatus Cancelled",
        )
    ]


def test_how_often_a_message_comes_in_a_row_does_not_matter() -> None:
    row = told(f"{POSITION} 1 1.0")

    assert found([asked("61 1"), row, told("62 1")], [asked("61 1"), row, row, told("62 1")]) == []


def test_streams_are_compared_by_what_they_hold_not_by_order_or_number() -> None:
    price, size = told("1 6 6 1 1.5 100 0"), told("2 6 6 0 100")

    assert found([asked(QUOTE), price, size, price], [asked(QUOTE), size, price]) == []
    assert found([asked(QUOTE), price, size], [asked(QUOTE), price]) == []
    assert found([asked(QUOTE), price, *[size] * 3], [asked(QUOTE), price]) == [
        Difference("reqMktData", "tickSize", "message", "comes", "never")
    ]


def test_notices_of_the_farms_are_not_compared() -> None:
    assert found([asked("61 1"), told("4 2 -1 2107 farm -"), told("62 1")], [asked("61 1"), told("62 1")]) == []


def test_a_field_that_is_never_of_the_same_class_is_shown_by_name() -> None:
    recorded = [asked("61 1"), told(f"{POSITION} 1 1.0"), told(f"{POSITION} 2 3.5")]
    simulated = [asked("61 1"), told(f"{POSITION} 1.0 1"), told(f"{POSITION} 2.5 3.5")]

    assert found(recorded, simulated) == [
        Difference("reqPositions", "position", "class of position", "integer", "decimal")
    ]


@pytest.mark.parametrize(
    ("mine", "its", "differ"),
    [
        ("258", "257.95", False),
        ("258", "258.0", True),
        ("258", "257.50", True),
        ("258", "1.0E7", True),
        ("0.0", "257.95", False),
        ("258", "1.7976931348623157E308", True),
        ("-", "258", True),
    ],
)
def test_a_number_without_a_digit_too_many_is_of_its_class_by_chance(mine: str, its: str, differ: bool) -> None:
    recorded, simulated = ([asked("61 1"), told(f"{POSITION} 1 {cost}")] for cost in (mine, its))

    assert [one.what for one in found(recorded, simulated)] == (["class of avgCost"] if differ else [])


def test_what_happens_to_an_order_is_compared_over_all_requests_about_it() -> None:
    """Whether a fill comes before or after the cancel is sent is a matter of moments."""
    submitted, cancelled = told(f"3 17 Submitted {STATUS}"), told(f"3 17 Cancelled {STATUS}")

    assert (
        found(
            [place(17), submitted, asked("4 1 17 -"), cancelled], [place(17), asked("4 1 17 -"), submitted, cancelled]
        )
        == []
    )


def test_whether_a_list_of_orders_or_the_order_itself_tells_its_state_does_not_matter() -> None:
    submitted, end = told(f"3 17 Submitted {STATUS}"), told("53 1")

    assert found([place(17), submitted, asked("5 1"), end], [place(17), asked("5 1"), submitted, submitted, end]) == []


def test_another_number_of_fields_is_shown() -> None:
    recorded = [asked("61 1"), told("61 3 XX9999999 9 9", known=False)]

    assert found(recorded, [asked("61 1"), told(f"{POSITION} 1 1.0")]) == [
        Difference("reqPositions", "position", "fields", "5 fields", "16 fields")
    ]


def test_a_request_that_the_other_side_did_not_get_is_shown() -> None:
    assert found([asked("81 6 app"), told("79 6 0")], []) == [
        Difference("reqMatchingSymbols", "", "request", "asked", "never asked")
    ]


def test_a_request_of_which_only_classes_were_kept_is_not_put_to_the_simulator() -> None:
    lines = session(replace(asked("49 1"), fields=("49", "1", "x"), known=False), asked("49 1"), told("49 1 5"))

    compared = compare(lines, drive(lines, SimulatorSetup(start=1749652200.0)))

    assert list(compared) == [
        Difference("reqCurrentTime", "", "request", "3 fields, which fit no layout", "never asked")
    ]


def test_requests_are_paired_by_what_they_ask_not_by_their_ids_or_order() -> None:
    one = [asked("81 6 app"), told("79 6 0"), asked("81 7 ibm"), told("4 2 7 200 none -")]
    other = [asked("81 1 ibm"), told("4 2 1 200 none -"), asked("81 2 app"), told("79 2 0")]

    assert found(one, other) == []


def test_the_table_says_how_often_and_when_first() -> None:
    lines = session(asked("61 1", 1.5), told("62 1"), asked("61 1", 2.5), told("62 1"))
    text = table(compare(lines, session(asked("61 1"), asked("61 1"))), "another")

    head, rule, row = text.splitlines()
    assert [cell.strip() for cell in head.strip("|").split("|")] == [
        *("request", "message", "what", "recorded", "another", "times", "first at"),
    ]
    assert set(rule) <= set("|- ")
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        *("reqPositions", "positionEnd", "message", "comes", "never", "2", "1.500 s"),
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty"),
        ("-110", "integer"),
        ("0", "integer"),
        ("20250611", "integer"),
        ("0.0", "decimal"),
        ("255.40", "decimal"),
        ("1.0E7", "decimal"),
        ("5E-4", "decimal"),
        ("NaN", "decimal"),
        ("Infinity", "decimal"),
        ("1.7976931348623157E308", "unset"),
        ("2147483647", "unset"),
        ("9223372036854775807", "unset"),
        ("-9223372036854775808", "unset"),
        ("AAPL", "text"),
        ("20250611 10:30:00 US/Eastern", "text"),
        ("1.2.3", "text"),
    ],
)
def test_fields_have_one_of_five_classes(text: str, kind: str) -> None:
    assert field_class(text) == kind
