"""What the tests of messages compare: a payload's fields, expected ones in a few words, and a contract and a time."""

from __future__ import annotations

from ibgateway.simulator.model.contracts import Contract

AT = 1749652200.0  # 2025-06-11 10:30:00 US/Eastern
AAPL = Contract(
    conId=265598,
    symbol="AAPL",
    secType="STK",
    exchange="SMART",
    primaryExchange="NASDAQ",
    currency="USD",
    localSymbol="AAPL",
    tradingClass="NMS",
)


def read(payload: bytes) -> list[str]:
    assert payload.endswith(b"\0")
    return payload.decode("ascii")[:-1].split("\0")


def fields(text: str) -> list[str]:
    """`-` stands for an empty field."""
    return [field.replace("~", " ") if field != "-" else "" for field in text.split()]
