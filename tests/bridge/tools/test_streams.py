"""The arguments of streams: each kind takes what it uses, and a read has bounds."""

import pytest
from pydantic import ValidationError

from bridge.tools.streams import ReadStream, Subscribe

HANDLE = "s-0123456789ab"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"kind": "quotes"}, "symbol: name the contract by symbol or by conId"),
        ({"kind": "orders", "symbol": "SPY"}, "symbol: a stream of orders has no use for it"),
        ({"kind": "quotes", "symbol": "SPY", "account": "DU1"}, "account: a stream of quotes has no use for it"),
        ({"kind": "account", "conId": 7}, "conId: a stream of account has no use for it"),
        ({"kind": "book", "symbol": "SPY"}, "Input should be"),
        (
            {"kind": "ticks", "symbol": "SPY", "barSizeSetting": "5 mins"},
            "barSizeSetting: a stream of ticks has no use",
        ),
        ({"kind": "bars", "symbol": "SPY", "barSizeSetting": "1 secs"}, "Input should be"),
    ],
)
def test_a_stream_that_lacks_or_wastes_something_is_refused(arguments: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Subscribe.model_validate(arguments)


def test_bars_have_a_size() -> None:
    asked = Subscribe.model_validate({"kind": "bars", "symbol": "SPY", "barSizeSetting": "5 minutes"})

    assert asked.barSizeSetting == "5 mins"


def test_defaults_that_are_given_are_not_wasted() -> None:
    assert Subscribe.model_validate({"kind": "orders", "secType": "STK", "exchange": "SMART", "symbol": None})


@pytest.mark.parametrize(
    "wrong", [{"handle": "s-1"}, {"limit": 0}, {"limit": 1001}, {"wait_seconds": -1}, {"wait_seconds": 14_401}]
)
def test_a_read_has_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReadStream.model_validate({"handle": HANDLE} | wrong)
