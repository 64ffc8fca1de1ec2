"""One name for each contract, of the declared shape, ib_async's contract, and the JSON of either."""

from typing import Any

import ib_async
import pytest

from bridge.text.contract_name import contract_name, strike_text
from bridge.tools.types import Contract

NAMES: list[tuple[str, dict[str, Any]]] = [
    ("AAPL", {"secType": "STK", "symbol": "AAPL", "currency": "USD", "tradingClass": "NMS"}),
    (
        "SPY 18JUL25 400 P",
        {"secType": "OPT", "symbol": "SPY", "lastTradeDateOrContractMonth": "20250718", "strike": 400.0, "right": "P"},
    ),
    (
        "SPX 18JUL25 5002.5 C (SPXW)",
        {
            "secType": "OPT",
            "symbol": "SPX",
            "lastTradeDateOrContractMonth": "20250718",
            "strike": 5002.5,
            "right": "C",
            "tradingClass": "SPXW",
        },
    ),
    (
        "SPY JUL25 400 C",
        {"secType": "OPT", "symbol": "SPY", "lastTradeDateOrContractMonth": "202507", "strike": 400, "right": "CALL"},
    ),
    ("SPY OPT", {"secType": "OPT", "symbol": "SPY"}),
    ("SPY 18JUL25 OPT", {"secType": "OPT", "symbol": "SPY", "lastTradeDateOrContractMonth": "20250718", "right": "0"}),
    ("ES SEP25", {"secType": "FUT", "symbol": "ES", "lastTradeDateOrContractMonth": "20250919"}),
    (
        "ES MAR26",
        {
            "secType": "FUT",
            "symbol": "ES",
            "lastTradeDateOrContractMonth": "20260320-08:30:00 US/Central",
            "localSymbol": "ESH6",
        },
    ),
    (
        "CL AUG25",  # the contract of August is last traded in July
        {"secType": "FUT", "symbol": "CL", "lastTradeDateOrContractMonth": "20250722", "localSymbol": "CLQ5"},
    ),
    (
        "CL JAN26",
        {"secType": "FUT", "symbol": "CL", "lastTradeDateOrContractMonth": "20251219", "localSymbol": "CLF6"},
    ),
    (
        "DAX DEC25 (FDXM)",
        {
            "secType": "FUT",
            "symbol": "DAX",
            "lastTradeDateOrContractMonth": "20251219",
            "localSymbol": "FDXM 20251219 M",
            "tradingClass": "FDXM",
        },
    ),
    ("ES FUT", {"secType": "FUT", "symbol": "ES"}),
    ("ES CONTFUT", {"secType": "CONTFUT", "symbol": "ES", "lastTradeDateOrContractMonth": "20250919"}),
    (
        "ES 20JUN25 5000 C",
        {
            "secType": "FOP",
            "symbol": "ES",
            "lastTradeDateOrContractMonth": "20250620",
            "strike": 5000.0,
            "right": "C",
            "tradingClass": "ES",
        },
    ),
    ("EUR.USD", {"secType": "CASH", "symbol": "EUR", "currency": "USD", "localSymbol": "EUR.USD"}),
    ("BTC.USD", {"secType": "CRYPTO", "symbol": "BTC", "currency": "USD"}),
    ("AAPL CFD", {"secType": "CFD", "symbol": "AAPL", "currency": "USD"}),
    ("SPX IND", {"secType": "IND", "symbol": "SPX"}),
    ("US-T 15AUG33 BOND", {"secType": "BOND", "symbol": "US-T", "lastTradeDateOrContractMonth": "20330815"}),
    ("SPY BAG", {"secType": "BAG", "symbol": "SPY"}),
    ("conId 265598", {"secType": "STK", "symbol": "", "conId": 265598}),
]


@pytest.mark.trial("C6")
@pytest.mark.parametrize(("name", "fields"), NAMES, ids=[name for name, _ in NAMES])
def test_a_contract_has_one_name_for_people_and_models(name: str, fields: dict[str, Any]) -> None:
    declared = Contract.model_validate({"conId": 1} | fields)

    assert contract_name(declared) == name
    assert contract_name(declared.model_dump(mode="json")) == name
    assert contract_name(ib_async.Contract(**fields)) == name


@pytest.mark.trial("C6")
def test_text_of_a_broker_cannot_dress_up_a_name() -> None:
    assert contract_name({"secType": "STK", "symbol": "AA\u202ePL\x1b[2J\n"}) == "AAPL[2J"


@pytest.mark.trial("C6")
@pytest.mark.parametrize(
    ("strike", "text"),
    [(400.0, "400"), (0.5, "0.5"), (12.125, "12.125"), (1000000.0, "1000000"), (0.0, ""), (1.7976931348623157e308, "")],
)
def test_a_strike_is_written_without_exponent_or_ballast(strike: float, text: str) -> None:
    assert strike_text(strike) == text
