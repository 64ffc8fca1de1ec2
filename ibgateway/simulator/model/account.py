"""Positions, portfolio and account values, as the wire and the world exchange them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ibgateway.simulator.model.contracts import Contract


@dataclass(frozen=True)
class AccountPosition:
    account: str
    contract: Contract
    position: Decimal
    avgCost: float


@dataclass(frozen=True)
class PortfolioItem:
    account: str
    contract: Contract
    position: Decimal
    marketPrice: float
    marketValue: float
    averageCost: float
    unrealizedPNL: float
    realizedPNL: float


@dataclass(frozen=True)
class AccountValue:
    account: str
    tag: str
    value: str  # as TWS prints it
    currency: str = ""
    modelCode: str = ""


@dataclass(frozen=True)
class AccountPnL:
    dailyPnL: float | None
    unrealizedPnL: float | None
    realizedPnL: float | None


@dataclass(frozen=True)
class PositionPnL:
    pos: Decimal
    dailyPnL: float | None
    unrealizedPnL: float | None
    realizedPnL: float | None
    value: float | None
