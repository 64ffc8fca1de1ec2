"""The limits of arguments: the last value that passes and the first that does not, of each kind."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from bridge.tool import ToolRequest
from bridge.tools.account import GetPnlSingle, StreamAccountUpdates
from bridge.tools.market.contracts import GetContractDetails
from bridge.tools.market.market_data import GetHistoricalData, StreamMarketData
from bridge.tools.orders import CancelOrder
from bridge.tools.session import Connect
from bridge.tools.types import (  # fmt: skip
    Account,
    ContractArguments,
    Count,
    Key,
    OrderId,
    Percent,
    Port,
    PositivePrice,
    Price,
    Quantity,
    Seconds,
    Text,
)

NO_NUMBERS = [
    True,
    False,
    "1e3",
    "٣",
    "1_000",
    "0x10",
    "",
    " 1",
    "1 ",
    "+",
    "1.",
    ".5",
    "NaN",
    "Infinity",
    [],
    {},
]


def takes(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value)


def refuses(kind: Any, value: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        takes(kind, value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        (Count, 0, 2_147_483_647),
        (OrderId, -2_147_483_648, 2_147_483_647),
        (Port, 1, 65_535),
        (Seconds, 1, 3_600),
    ],
)
def test_a_whole_number_within_its_limits(kind: Any, low: int, high: int) -> None:
    assert (takes(kind, low), takes(kind, high)) == (low, high)
    assert takes(kind, str(high)) == high
    assert takes(kind, float(low)) == low
    refuses(kind, low - 1)
    refuses(kind, high + 1)
    refuses(kind, low + 0.5)
    refuses(kind, None)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [(Price, -1e9, 1e9), (PositivePrice, 1e-9, 1e9), (Percent, 1e-9, 100.0)],
)
def test_a_number_within_its_limits(kind: Any, low: float, high: float) -> None:
    assert (takes(kind, low), takes(kind, high)) == (low, high)
    assert takes(kind, "1.5") == 1.5
    assert takes(kind, 2) == 2.0
    refuses(kind, high * 1.0000001)
    refuses(kind, low - 1e-8 if low > 0 else low * 1.0000001)
    refuses(kind, None)


def test_zero_and_below_are_prices_but_no_positive_ones() -> None:
    assert (takes(Price, 0), takes(Price, -0.01), takes(Price, "-37.63")) == (0, -0.01, -37.63)
    for kind in (PositivePrice, Percent):
        refuses(kind, 0)
        refuses(kind, -1)


@pytest.mark.fault(99)
@pytest.mark.parametrize("kind", [Quantity, Count, OrderId, Port, Seconds, Price, PositivePrice, Percent])
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_plain_number_is_refused(kind: Any, value: Any) -> None:
    refuses(kind, value)


def test_a_refused_number_is_told_what_is_expected() -> None:
    assert "a number is expected, not true or false" in refuses(Quantity, True)
    assert "a plain decimal number is expected, such as 10 or 10.5" in refuses(Price, "1e3")


def test_numbers_in_text_have_limits_too() -> None:
    assert takes(Price, "+1.5") == 1.5
    assert takes(Price, "0." + "0" * 11 + "1") == 1e-12
    refuses(Price, "0." + "0" * 12 + "1")
    assert takes(Price, "0" * 17 + "1") == 1
    refuses(Price, "0" * 18 + "1")


@pytest.mark.parametrize("value", ["A", "x" * 64, "BRK B", "~!@ "])
def test_text_is_printable_ascii(value: str) -> None:
    assert takes(Text, value) == value


@pytest.mark.fault(100)
@pytest.mark.parametrize("value", ["", "x" * 65, "A\0PL", "A\n", "Ä", "\x7f", "\x1f", "\u202e", 1, None])
def test_text_that_is_empty_long_or_unprintable_is_refused(value: Any) -> None:
    refuses(Text, value)


@pytest.mark.parametrize("value", ["aB3_-678", "x" * 64])
def test_a_key_within_its_limits(value: str) -> None:
    assert takes(Key, value) == value


@pytest.mark.parametrize(
    "value", ["x" * 7, "x" * 65, "a b c d e", "key/0001", "key:0001", "key.0001", "abcdefgh\n", "schlüssel"]
)
def test_a_key_beyond_its_limits(value: str) -> None:
    refuses(Key, value)


@pytest.mark.parametrize("value", ["D", "DU1234567", "F1.a", "X" * 32])
def test_an_account_within_its_limits(value: str) -> None:
    assert takes(Account, value) == value


@pytest.mark.parametrize("value", ["", "x" * 33, "DU 1", "DU-1", "D\nU"])
def test_an_account_beyond_its_limits(value: str) -> None:
    refuses(Account, value)


def test_a_contract_is_a_stock_in_dollars_until_told_otherwise() -> None:
    contract = ContractArguments(symbol="AAPL")

    assert contract.model_dump() == {
        "symbol": "AAPL", "secType": "STK", "exchange": "SMART", "currency": "USD", "conId": None,
        "primaryExchange": None, "lastTradeDateOrContractMonth": None, "strike": None, "right": None,
        "multiplier": None, "localSymbol": None, "tradingClass": None, "secIdType": None, "secId": None,
        "includeExpired": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("symbol", ["AAPL"], ["Ä", 5]),
        ("secType", ["STK", "OPT", "FUT", "FOP", "CASH", "IND", "CFD", "BOND", "CMDTY", "CRYPTO", "FUND", "WAR",
                     "CONTFUT", "BAG"], ["NONSENSE", 5]),
        ("exchange", ["SMART", "NYSE"], ["Ä", 5]),
        ("currency", ["EUR"], ["EU", "EURO", "E1R", "€"]),
        ("conId", [265598, None], [-1, True, False]),
        ("primaryExchange", ["NASDAQ", None], ["Ä"]),
        ("lastTradeDateOrContractMonth", ["202512", "20251219", None],
         ["2025", "2025121", "202512191", "20250231", "202513", "05/06/2025", "250620", True]),
        ("strike", [0.5, 250, None], [-1, True, "4e2"]),
        ("right", ["C", "P", None], ["X", "CP"]),
        ("multiplier", ["100", None], ["ten", "1e2", True]),
    ],
)  # fmt: skip
def test_each_argument_of_a_contract(field: str, good: list[Any], bad: list[Any]) -> None:
    base = {"symbol": "X"} | ({"secType": "OPT"} if field not in ("secType", "symbol") else {})
    for value in good:
        assert getattr(ContractArguments.model_validate(base | {field: value}), field) == value
    for value in bad:
        with pytest.raises(ValidationError) as caught:
            ContractArguments.model_validate(base | {field: value})
        assert caught.value.errors()[0]["loc"] == (field,)


@pytest.mark.parametrize("written", [{}, {"symbol": ""}, {"symbol": None}, {"conId": 0}, {"tradingClass": "SPXW"}])
def test_something_must_name_the_contract(written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="symbol: name the contract by symbol or by conId"):
        ContractArguments.model_validate(written)


@pytest.mark.parametrize(
    "written",
    [{"conId": 265598}, {"conId": 265598, "symbol": None}, {"localSymbol": "ESU6", "secType": "FUT"},
     {"secId": "US0378331005"}],
)  # fmt: skip
def test_a_contract_needs_no_symbol_where_another_argument_names_it(written: dict[str, Any]) -> None:
    assert ContractArguments.model_validate(written).symbol == ""


def test_a_number_of_a_security_has_its_kind_and_its_check_digit() -> None:
    assert ContractArguments(secId="us0378331005").secIdType == "ISIN"
    assert ContractArguments(secId="037833100").secIdType == "CUSIP"
    assert ContractArguments(secId="0263494", secIdType="SEDOL").secId == "0263494"
    for wrong in (
        {"secId": "US0378331006", "secIdType": "ISIN"},
        {"secId": "0263494"},
        {"symbol": "AAPL", "secIdType": "ISIN"},
        {"secId": "037833100", "secIdType": "ISIN"},
    ):
        with pytest.raises(ValidationError, match="secId"):
            ContractArguments.model_validate(wrong)


def test_expired_contracts_are_asked_for_where_tws_keeps_them() -> None:
    future = {"symbol": "ES", "secType": "FUT", "includeExpired": True}

    assert GetContractDetails.model_validate(future).includeExpired
    assert GetHistoricalData.model_validate({"conId": 1, "includeExpired": True}).includeExpired
    for declaration, wrong in (
        (StreamMarketData, future),
        (GetContractDetails, {"symbol": "SPY", "includeExpired": True}),
        (GetHistoricalData, {"conId": 1, "secType": "OPT", "includeExpired": True}),
    ):
        with pytest.raises(ValidationError, match="includeExpired"):
            declaration.model_validate(wrong)


@pytest.mark.parametrize(
    ("declaration", "field", "good", "bad"),
    [
        (GetHistoricalData, "durationStr", ["1 Y", "30 D", "3600 S", "99999 S", "2 W", "6 M"],
         ["0 D", "100000 S", "1 m", "1 fortnight", "D", "1.5 D", "-1 D", "1 Y 1 D"]),
        (GetHistoricalData, "barSizeSetting", ["1 secs", "1 min", "5 mins", "1 hour", "1 day", "1 month"],
         ["1 m", "2 days", "7 mins", "tick"]),
        (GetHistoricalData, "whatToShow", ["TRADES", "MIDPOINT", "BID_ASK", "YIELD_LAST"], ["VOLUME"]),
        (StreamMarketData, "duration_seconds", [1, 60, 3600], [0, 3601, -1, True, 1.5]),
        (StreamAccountUpdates, "duration_seconds", [1, 3600], [0, 3601]),
        (StreamAccountUpdates, "account", ["DU1", None], ["DU 1"]),
        (GetPnlSingle, "conId", [1, None], [-1]),
        (GetPnlSingle, "modelCode", ["Growth", None], ["Ä"]),
        (Connect, "port", [1, 7496, 65535, None], [0, 65536, True]),
        (Connect, "clientId", [0, 1, None], [-1]),
        (Connect, "host", ["127.0.0.1", None], ["a\0b"]),
        (CancelOrder, "orderId", [1, -1], ["abc", 2**31, True]),
    ],
)  # fmt: skip
def test_each_argument_of_the_other_tools(
    declaration: type[ToolRequest], field: str, good: list[Any], bad: list[Any]
) -> None:
    base = {"symbol": "X"} if issubclass(declaration, ContractArguments) else {}
    for value in good:
        assert getattr(declaration.model_validate(base | {field: value}), field) == value
    for value in bad:
        with pytest.raises(ValidationError) as caught:
            declaration.model_validate(base | {field: value})
        assert caught.value.errors()[0]["loc"] == (field,)


def test_defaults_are_those_of_the_reference() -> None:
    history = GetHistoricalData(symbol="VTI")

    assert (history.durationStr, history.barSizeSetting, history.whatToShow) == ("1 Y", "1 day", "TRADES")
    assert StreamMarketData(symbol="SPY").duration_seconds == 60
    assert StreamAccountUpdates().duration_seconds == 60
    assert StreamAccountUpdates().account is None
    assert Connect().model_dump() == {"host": None, "port": None, "clientId": None}
    assert GetContractDetails(symbol="X").secType == "STK"


def test_an_unknown_argument_is_refused_by_name() -> None:
    with pytest.raises(ValidationError) as caught:
        GetContractDetails.model_validate({"symbol": "X", "sectype": "STK"})

    assert caught.value.errors()[0]["loc"] == ("sectype",)


@pytest.mark.trial("D5")
def test_a_quantity_may_be_a_fraction_and_a_whole_one_stays_an_integer() -> None:
    for whole in (1, 1.0, "1", "1.0"):
        assert (takes(Quantity, whole), type(takes(Quantity, whole))) == (1, int)
    assert (takes(Quantity, 0.5), takes(Quantity, "0.0001"), takes(Quantity, 1e9)) == (0.5, 0.0001, 1_000_000_000)
    for wrong in (0, -1, -0.5, 1_000_000_000.5, None, float("nan")):
        refuses(Quantity, wrong)


@pytest.mark.trial("D2")
def test_a_quantity_that_may_be_thousands_is_refused_with_both_its_meanings() -> None:
    for written in ("1.000", "25.000", "+1.500"):
        refuses(Quantity, written)
    with pytest.raises(ValidationError, match=r"25\.000 may be 25 or 25000: write it as a number"):
        TypeAdapter(Quantity).validate_python("25.000")
    for plain in ("0.125", "1.0", "1.25", "1000.000", 1.125):
        takes(Quantity, plain)


@pytest.mark.trial("D2")
def test_a_copied_back_id_of_tws_names_nothing() -> None:
    cancel = CancelOrder.model_validate({"orderId": 7, "permId": 0, "orderRef": "", "orderKey": None})

    assert cancel.model_fields_set == {"orderId"}
