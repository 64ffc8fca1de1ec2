"""The records of the account's past, as Redis and the archive have them. Pure.

A field that a later release adds has a default here, and an unknown one is ignored, so old records stay readable.
"""

from typing import Literal

import msgspec

SnapshotKind = Literal["close", "late", "start", "flex"]


class HeldPosition(msgspec.Struct, frozen=True, omit_defaults=True):
    """One position of a snapshot, in the contract's currency. `price` and `value` are None where TWS has told none."""

    conId: int
    name: str  # of the contract: SPY 18JUL25 400 P
    secType: str
    currency: str
    position: float
    price: float | None = None
    value: float | None = None


class CurrencyFigures(msgspec.Struct, frozen=True, omit_defaults=True):
    """One currency of an account: a unit in the base currency, its cash, and cash and positions together."""

    rate: float | None = None
    cash: float | None = None
    net: float | None = None


class AccountSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account as TWS has told it at one time; amounts are in `base`.

    `date`: the session whose close it is, YYYY-MM-DD. `time`: when it was taken, UTC. `kind`: `close` on time, `late`
    after the close by a worker that was down at it, `start` for one that began without a past, `flex` from a statement.
    """

    account: str
    date: str
    time: str
    kind: SnapshotKind
    base: str
    netLiquidation: float
    totalCash: float | None = None
    grossPositionValue: float | None = None
    unrealizedPnL: float | None = None
    realizedPnL: float | None = None
    currencies: dict[str, CurrencyFigures] = {}
    positions: list[HeldPosition] = []


class EquitySample(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account's net liquidation at one time (UTC), in `base`."""

    account: str
    time: str
    netLiquidation: float
    base: str = ""


class TradeExecution(msgspec.Struct, frozen=True, omit_defaults=True):
    """One execution, or a correction of one. `time` is TWS's, `heard` the worker's when it was first told; both UTC."""

    execId: str
    account: str
    time: str
    heard: str
    conId: int
    name: str
    symbol: str
    secType: str
    currency: str
    side: Literal["BOT", "SLD"]
    shares: float
    price: float
    multiplier: str = ""
    exchange: str = ""
    orderId: int = 0
    permId: int | None = None
    clientId: int = 0
    orderRef: str = ""
    flex: bool = False  # from a statement


class TradeCommission(msgspec.Struct, frozen=True, omit_defaults=True):
    """The commission of one execution; a credit is below zero. `realizedPNL` is None where TWS has told none."""

    execId: str
    commission: float
    currency: str = ""
    realizedPNL: float | None = None


class CashFlow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money or positions that came into the account or left it, by a statement. `amount` is in `currency`."""

    id: str
    account: str
    date: str
    amount: float
    currency: str
    rate: float | None = None  # of the currency in the account's base currency
    text: str = ""


class CoveredDays(msgspec.Struct, frozen=True):
    """Days of an account whose deposits and withdrawals a statement has told completely: from the first to the last."""

    account: str
    first: str
    last: str
