"""Records of an account's past, as tests make them."""

from typing import Any, Literal

from bridge.bus.history.records import (
    AccountSnapshot,
    CurrencyFigures,
    HeldPosition,
    SnapshotKind,
    TradeCommission,
    TradeExecution,
)
from bridge.bus.history.store import Trades

Side = Literal["BOT", "SLD"]
BOUGHT_AND_SOLD: tuple[tuple[int, Side], ...] = ((5, "BOT"), (6, "SLD"))


def execution(
    execId: str = "e5.01.01",
    time: str = "2025-06-12T14:30:00+00:00",
    side: Side = "BOT",
    shares: float = 10.0,
    price: float = 100.0,
    **more: Any,
) -> TradeExecution:
    usual: dict[str, Any] = {
        "account": "DU1", "heard": time, "conId": 1, "name": "AAPL", "symbol": "AAPL", "secType": "STK",
        "currency": "USD",
    }  # fmt: skip
    fields = usual | more
    return TradeExecution(execId=execId, time=time, side=side, shares=shares, price=price, **fields)


def trades(*executions: TradeExecution, paid: float = 1.0) -> Trades:
    return Trades(
        list(executions), {each.execId: TradeCommission(each.execId, paid, each.currency) for each in executions}
    )


def held(position: float, price: float | None, **more: Any) -> HeldPosition:
    fields: dict[str, Any] = {"conId": 1, "name": "AAPL", "secType": "STK", "currency": "USD", "units": 1.0} | more
    units = fields.pop("units")
    value = None if price is None else position * price * units
    return HeldPosition(position=position, price=price, value=value, **fields)


def snapshot(
    day: int, worth: float, *positions: HeldPosition, kind: SnapshotKind = "close", **more: Any
) -> AccountSnapshot:
    date = f"2025-06-{day:02d}"
    currencies = {"USD": CurrencyFigures(1.0, 0.0, worth)} | more.pop("currencies", {})
    fields: dict[str, Any] = {"account": "DU1", "time": f"{date}T20:05:00+00:00", "base": "USD"} | more
    return AccountSnapshot(
        date=date, kind=kind, netLiquidation=worth, positions=list(positions), currencies=currencies, **fields
    )
