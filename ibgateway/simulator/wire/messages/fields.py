"""Groups of fields that several messages share: the spellings of a contract and of a time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.wire.encoding.text import Value, java_double, minimal


def order_contract(contract: Contract) -> list[Value]:
    """Return the contract of openOrder and completedOrder: without a strike `0`, without a right `?`."""
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
    """Return the contract of position and execDetails: without a strike `0.0`."""
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
    """Return an instant as gateways since 10.17 write it: `20260413 15:27:04 US/Eastern`."""
    return f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%Y%m%d %H:%M:%S} {zone}"


def utc_time(at: float) -> str:
    """Return an instant in UTC: `20260413-19:27:04`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%d-%H:%M:%S}"
