"""Every frame of a gateway belongs to the request that it answers."""

from __future__ import annotations

from ibgateway.recorder.transcript.correlation import exchanges
from ibgateway.recorder.transcript.transcript import Line
from tests.stacks.ibgateway.recorded_lines import EXECUTED, EXECUTION, STATUS, asked, place, session, told

START = ["managedAccounts", "nextValidId"]


def answers_of(*lines: Line) -> dict[str, list[str]]:
    """For each request what its answers say of themselves."""
    return {
        f"{one.request.message} {one.request.get('reqId') or one.request.get('orderId') or ''}".strip(): [
            " ".join(filter(None, [reply.message, reply.get("status"), reply.get("errorCode")]))
            for _, reply in one.replies
        ]
        for one in exchanges(session(*lines))
    }


def test_answers_with_a_request_id_are_the_requests_even_when_they_come_mixed() -> None:
    found = answers_of(
        asked("88 5 0 AAPL STK - 0.0 - - SMART - USD - - 0 1 3~days"),
        asked("81 6 app"),
        told("89 5 0"),
        told("79 6 0"),
        told("4 2 5 162 odd -"),
    )

    assert found["reqHistogramData 5"] == ["histogramData", "error 162"]
    assert found["reqMatchingSymbols 6"] == ["symbolSamples"]


def test_answers_without_an_id_are_those_of_their_kind() -> None:
    found = answers_of(asked("61 1"), asked("91 26"), told("62 1"), told("93 26 0"), asked("49 1"), told("49 1 5"))

    assert found["reqPositions"] == ["positionEnd"]
    assert found["reqMarketRule"] == ["marketRule"]
    assert found["reqCurrentTime"] == ["currentTime"]


def test_what_answers_start_api_is_known() -> None:
    found = answers_of(told("4 2 -1 2104 farm -"), asked("8 1 1"), told("9 1 7"))

    assert found["startApi"] == ["managedAccounts", "nextValidId", "error 2104"]
    assert found["reqIds"] == ["nextValidId"]


def test_what_happens_to_an_order_belongs_to_the_last_request_about_it() -> None:
    found = answers_of(
        place(17),
        told(f"3 17 Submitted {STATUS}"),
        asked("4 1 17 -"),
        told(f"3 17 Cancelled {STATUS}"),
        told("4 2 17 202 cancelled -"),
    )

    assert found["placeOrder 17"] == ["orderStatus Submitted"]
    assert found["cancelOrder 17"] == ["orderStatus Cancelled", "error 202"]


def test_an_error_about_a_number_that_a_request_and_an_order_share_is_about_the_later_one() -> None:
    later_order = answers_of(asked("81 17 app"), place(17), told("4 2 17 201 rejected -"))
    later_request = answers_of(place(17), asked("81 17 app"), told("4 2 17 200 none -"))

    assert later_order == {"startApi": START, "reqMatchingSymbols 17": [], "placeOrder 17": ["error 201"]}
    assert later_request == {"startApi": START, "reqMatchingSymbols 17": ["error 200"], "placeOrder 17": []}


def test_a_tick_that_crosses_its_cancel_is_still_the_requests_but_an_error_is_the_cancels() -> None:
    found = answers_of(
        asked("1 11 6 0 AAPL STK - 0.0 - - SMART - USD - - 0 - 0 0 -"),
        asked("2 2 6"),
        told("2 6 6 0 100"),
        told("4 2 6 300 unknown -"),
    )

    assert found["reqMktData 6"] == ["tickSize"]
    assert found["cancelMktData 6"] == ["error 300"]


def test_an_execution_and_its_commission_belong_to_the_order_or_to_who_asked_for_them() -> None:
    found = answers_of(
        place(17),
        asked("7 3 9 0 - - - - - -"),
        told(f"11 -1 17 {EXECUTED} e1.01.01 {EXECUTION}"),
        told("59 1 e1.01.01 1.0 USD - - -"),
        told(f"11 9 4 {EXECUTED} e2.01.01 {EXECUTION}"),
        told("59 1 e2.01.01 1.0 USD - - -"),
        told("55 1 9"),
    )

    assert found["placeOrder 17"] == ["execDetails", "commissionReport"]
    assert found["reqExecutions 9"] == ["execDetails", "commissionReport", "execDetailsEnd"]


def test_orders_in_a_list_belong_to_the_list() -> None:
    found = answers_of(
        place(17),
        asked("5 1"),
        told(f"3 17 Submitted {STATUS}"),
        told("53 1"),
        told(f"3 17 Filled {STATUS}"),
    )

    assert found["reqOpenOrders"] == ["orderStatus Submitted", "openOrderEnd"]
    assert found["placeOrder 17"] == ["orderStatus Filled"]


def test_what_nobody_asked_for_follows_the_last_request() -> None:
    found = answers_of(asked("61 1"), told("62 1"), told("4 2 -1 1100 gone -"), told(f"3 99 Filled {STATUS}"))

    assert found["reqPositions"] == ["positionEnd", "error 1100", "orderStatus Filled"]
