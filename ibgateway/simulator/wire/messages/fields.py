"""Groups of fields that several messages share: the ways in which a gateway prints a contract, and a time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.wire.encoding.text import Value, java_double, minimal


def order_contract(contract: Contract) -> list[Value]:
    """As openOrder and completedOrder have it: strike `0` and right `?` where there is none."""
    return [
        contract.conId,
        contract.symbol,
        contract.secType,
        contract.lastTradeDateOrContractMonth,
        minimal(contract.strike or 0),
        contract.right or "?",
        contract.multiplier,
        contract.exchange,
        contract.currency,
        contract.localSymbol,
        contract.tradingClass,
    ]


def held_contract(contract: Contract, exchange: str) -> list[Value]:
    """As position and execDetails have it: strike `0.0` where there is none."""
    return [
        contract.conId,
        contract.symbol,
        contract.secType,
        contract.lastTradeDateOrContractMonth,
        java_double(contract.strike or 0.0),
        contract.right,
        contract.multiplier,
        exchange,
        contract.currency,
        contract.localSymbol,
        contract.tradingClass,
    ]


def local_time(at: float, zone: str) -> str:
    """`20260413 15:27:04 US/Eastern`, as gateways since 10.17 write instants."""
    return f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%Y%m%d %H:%M:%S} {zone}"


def utc_time(at: float) -> str:
    """`20260413-19:27:04`, UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%d-%H:%M:%S}"
