"""Contracts that are written into `symbol`: each form has one meaning, and contradictions are refused."""

from typing import Any

import pytest

from bridge.text.contract_forms import is_named, respelled, spelled_out
from bridge.tools.types import Contract

PUT = {"symbol": "SPY", "secType": "OPT", "lastTradeDateOrContractMonth": "20261218", "strike": 400.0, "right": "P"}
FORMS: list[tuple[str, dict[str, Any]]] = [
    ("BRK.B", {"symbol": "BRK B"}),
    ("brk/b", {"symbol": "BRK B"}),
    ("EUR/USD", {"symbol": "EUR", "secType": "CASH", "currency": "USD"}),
    ("EUR.USD", {"symbol": "EUR", "secType": "CASH", "currency": "USD"}),
    ("eurgbp", {"symbol": "EUR", "secType": "CASH", "currency": "GBP"}),
    ("ES SEP26", {"symbol": "ES", "secType": "FUT", "lastTradeDateOrContractMonth": "202609"}),
    ("ES 2026-09", {"symbol": "ES", "secType": "FUT", "lastTradeDateOrContractMonth": "202609"}),
    ("ESU6", {"secType": "FUT", "localSymbol": "ESU6"}),
    ("6EU6", {"secType": "FUT", "localSymbol": "6EU6"}),
    ("ESU26", {"secType": "FUT", "localSymbol": "ESU6", "lastTradeDateOrContractMonth": "202609"}),
    ("SPY 2026-12-18 400 P", PUT),
    ("SPY 18DEC26 400 P", PUT),
    ("spy 20261218 400 put", PUT),
    ("SPY 2026-12-18 P400", PUT),
    ("SPY 2026-12-18 400P", PUT),
    ("SPY DEC26 400 P", PUT | {"lastTradeDateOrContractMonth": "202612"}),
    ("BRK.B 18DEC26 400 P", PUT | {"symbol": "BRK B"}),
    ("BRK B 18DEC26 400 P", PUT | {"symbol": "BRK B"}),
    ("SPX 18DEC26 400 P (SPXW)", PUT | {"symbol": "SPX", "tradingClass": "SPXW"}),
    ("SPY   261218P00400000",
     {name: value for name, value in PUT.items() if name != "symbol"} | {"localSymbol": "SPY   261218P00400000"}),
    ("US0378331005", {"secIdType": "ISIN", "secId": "US0378331005"}),
]  # fmt: skip


@pytest.mark.parametrize(("written", "terms"), FORMS)
def test_each_form_has_one_meaning(written: str, terms: dict[str, Any]) -> None:
    assert spelled_out({"symbol": written}) == terms


@pytest.mark.parametrize(
    "written", ["SPY", "BRK B", "VOD.L", "RCI.F", "BAC PRL", "700", "7203.T", "USDUSD", "ABCDEF", ""]
)
def test_a_plain_symbol_stays_as_it_is(written: str) -> None:
    assert spelled_out({"symbol": written}) == {"symbol": written}


@pytest.mark.parametrize(
    "given",
    [
        {"symbol": "HEN3", "currency": "EUR"},  # Henkel's preference shares, and no lean hogs
        {"symbol": "RCI.B", "currency": "CAD"},  # which TWS writes with a point
        {"symbol": "ESU6", "secType": "STK"},
        {"symbol": "EUR.USD", "conId": 12087792},
        {"conId": 1},
        {"symbol": 5},
        {"symbol": "SPY " + "9" * 70},
    ],
)
def test_a_symbol_of_another_kind_stays_as_it_is(given: dict[str, Any]) -> None:
    assert spelled_out(given) == given


@pytest.mark.parametrize(
    "given",
    [
        {"symbol": "EUR/USD", "secType": "CASH", "currency": "usd", "exchange": "SMART"},
        {"symbol": "EUR/USD", "secType": "forex"},
    ],
)
def test_arguments_that_say_the_same_are_taken(given: dict[str, Any]) -> None:
    assert spelled_out(given)["symbol"] == "EUR"


def test_the_given_type_says_which_option_or_future_a_form_means() -> None:
    option = spelled_out({"symbol": "ES 18SEP26 4000 C", "secType": "FOP"})
    chain = spelled_out({"symbol": "ES 20260918", "secType": "FOP"})
    future = spelled_out({"symbol": "ES 20260918", "secType": "FUT"})

    assert (option["secType"], option["strike"]) == ("FOP", 4000)
    assert chain == {"symbol": "ES", "secType": "FOP", "lastTradeDateOrContractMonth": "20260918"}
    assert future == {"symbol": "ES", "secType": "FUT", "lastTradeDateOrContractMonth": "20260918"}
    assert spelled_out({"symbol": "EUR.USD", "secType": "CFD"})["secType"] == "CFD"


def test_the_more_exact_expiry_counts() -> None:
    day = {"lastTradeDateOrContractMonth": "20260918"}
    month = {"lastTradeDateOrContractMonth": "2026-12"}

    assert spelled_out({"symbol": "ES SEP26", **day})["lastTradeDateOrContractMonth"] == "20260918"
    assert spelled_out({"symbol": "SPY 18DEC26 400 P", **month})["lastTradeDateOrContractMonth"] == "20261218"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"symbol": "EUR/USD", "secType": "STK"}, r"secType: symbol means EUR\.USD \(secType CASH\)"),
        ({"symbol": "EUR/GBP", "currency": "USD"}, "currency: symbol means"),
        ({"symbol": "SPY 18DEC26 400 P", "right": "CALL"}, "right: symbol means SPY 18DEC26 400 P"),
        ({"symbol": "SPY 18DEC26 400 P", "strike": "410"}, "strike: symbol means"),
        ({"symbol": "SPY 18DEC26 400 P", "secType": "STK"}, "secType: symbol means"),
        ({"symbol": "ES SEP26", "lastTradeDateOrContractMonth": "202612"}, "lastTradeDateOrContractMonth: symbol"),
        ({"symbol": "ESU6", "localSymbol": "ESZ6"}, r"localSymbol: symbol means ESU6"),
        ({"symbol": "US0378331005", "secId": "DE0007164600"}, "secId: symbol means US0378331005"),
    ],
)
def test_arguments_that_contradict_a_form_are_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        spelled_out(given)


def test_a_form_with_two_meanings_is_refused_with_both() -> None:
    with pytest.raises(ValueError, match="may be a future, or the options of that expiry"):
        spelled_out({"symbol": "SPY 20261218"})
    with pytest.raises(ValueError, match="symbol: the day, the month or the year may come first"):
        spelled_out({"symbol": "SPY 06/07/26 400 P"})


CALL = Contract(
    conId=1, symbol="SPY", secType="OPT", currency="USD", localSymbol="SPY   250620C00370000", tradingClass="SPY",
    lastTradeDateOrContractMonth="20250620", strike=370.0, right="C", multiplier="100",
)  # fmt: skip
AUGUST = Contract(  # crude oil of August is last traded in July
    conId=2, symbol="CL", secType="FUT", currency="USD", localSymbol="CLQ5", tradingClass="CL",
    lastTradeDateOrContractMonth="20250722", multiplier="1000",
)  # fmt: skip


@pytest.mark.parametrize(
    "written",
    ["SPY", "SPY 2025-06-20 370 C", "spy 20JUN25 370 call", "SPY JUN25 370 C", "SPY 2025-06-20 370 C (SPY)",
     "SPY   250620C00370000"],
)  # fmt: skip
def test_every_form_of_an_option_names_it(written: str) -> None:
    assert is_named(CALL, written)
    assert not is_named(AUGUST, written)


@pytest.mark.parametrize("written", ["CL", "CL AUG25", "CL 202508", "CLQ5", "CLQ25"])
def test_a_future_is_named_by_its_month(written: str) -> None:
    assert is_named(AUGUST, written)
    assert not is_named(CALL, written)


@pytest.mark.parametrize(
    "written", ["SPY 2025-06-20 370 P", "SPY 2025-06-27 370 C", "SPY 20JUN25 371 C", "SPX 20JUN25 370 C", "CL JUL25",
                "CL JUN25 370 C", "SPY 2025-06-20 370 C (SPYW)", "US0378331005", "", "C"],
)  # fmt: skip
def test_another_contract_is_not_named(written: str) -> None:
    assert not is_named(CALL, written)
    assert not is_named(AUGUST, written)


@pytest.mark.parametrize(
    ("written", "here"),
    [
        ("$AAPL", "AAPL"),
        ("$brk.b", "BRK.B"),
        ("ES Z26", "ES DEC26"),
        ("ES Z6", "ESZ6"),
        ("ES1!", "ES"),
        ("M2K1!", "M2K"),
        ("AAPL 20261218C300", "AAPL 2026-12-18 300 C"),
        (".AAPL261218P302.5", "AAPL 2026-12-18 302.5 P"),
        ("BRK B 20261218C300", "BRK B 2026-12-18 300 C"),
        ("AAPL 20261318C300", None),  # no such month
        ("AAPL", None),
        ("BRK B", None),
        ("BAC PRL", None),
        ("$", None),
        ("", None),
    ],
)
def test_other_programs_spellings_are_told_as_they_are_written_here(written: str, here: str | None) -> None:
    assert respelled(written) == here
