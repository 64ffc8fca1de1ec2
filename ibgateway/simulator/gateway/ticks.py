"""The ticks between two snapshots of a market, in TWS's tick types. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ibgateway.simulator.model.market_data import Snapshot
from ibgateway.simulator.wire.encoding import text
from ibgateway.simulator.wire.messages.market_data import (
    AUTO_EXECUTE,
    TICK_GENERIC,
    TICK_PRICE,
    TICK_SIZE,
    TICK_STRING,
    generic_tail,
    price_tail,
    size_tail,
    string_tail,
)
from ibgateway.simulator.world.instruments.search import COMPONENTS

LETTERS = dict(COMPONENTS)
Tick = tuple[int, bytes]  # message id, and what follows the request id

BID_SIZE, BID, ASK, ASK_SIZE, LAST, LAST_SIZE, HIGH, LOW, VOLUME, CLOSE, OPEN = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14
BID_EXCHANGE, ASK_EXCHANGE, LAST_TIMESTAMP, HALTED, LAST_EXCHANGE = 32, 33, 45, 49, 84
OPTION_BID, OPTION_ASK, OPTION_LAST, OPTION_MODEL = 10, 11, 12, 13

# The same things, fifteen minutes late.
DELAYED = {
    BID: 66,
    ASK: 67,
    LAST: 68,
    BID_SIZE: 69,
    ASK_SIZE: 70,
    LAST_SIZE: 71,
    HIGH: 72,
    LOW: 73,
    VOLUME: 74,
    CLOSE: 75,
    OPEN: 76,
    OPTION_BID: 80,
    OPTION_ASK: 81,
    OPTION_LAST: 82,
    OPTION_MODEL: 83,
    LAST_TIMESTAMP: 88,
    HALTED: 90,
}


@dataclass(frozen=True)
class Style:
    """The form in which a watcher receives ticks."""

    delayed: bool = False
    lot: int = 1  # before version 159, sizes of US stocks come in hundreds

    def kind(self, tickType: int) -> int:
        return DELAYED.get(tickType, tickType) if self.delayed else tickType

    def size(self, size: Decimal) -> str:
        return text.minimal(size if self.lot == 1 else size // self.lot)


def changes(before: Snapshot | None, after: Snapshot, style: Style) -> list[Tick]:
    """Return the ticks between two snapshots; all ticks for a first snapshot."""
    return [*_quote(before, after, style), *_trade(before, after, style), *_day(before, after, style)]


def exchange_tail(tickType: int, exchange: str) -> bytes:
    """Return an exchange's tick: its letter, which reqSmartComponents explains, else its name."""
    return string_tail(tickType, LETTERS.get(exchange, exchange))


def _quote(before: Snapshot | None, after: Snapshot, style: Style) -> Iterator[Tick]:
    old, new = before.quote if before else None, after.quote
    if old is None and new.bid is None and new.ask is None:
        return  # an index has no quotes at all
    sides = (
        (BID, BID_SIZE, new.bid, new.bidSize, old and old.bid, old and old.bidSize),
        (ASK, ASK_SIZE, new.ask, new.askSize, old and old.ask, old and old.askSize),
    )
    for tickType, sizeType, price, size, old_price, old_size in sides:
        if old is None or price != old_price:
            yield TICK_PRICE, price_tail(style.kind(tickType), price, style.size(size), AUTO_EXECUTE)
        elif size != old_size:
            yield TICK_SIZE, size_tail(style.kind(sizeType), style.size(size))
    if not style.delayed:
        if new.bidExchange and (old is None or new.bidExchange != old.bidExchange):
            yield TICK_STRING, exchange_tail(BID_EXCHANGE, new.bidExchange)
        if new.askExchange and (old is None or new.askExchange != old.askExchange):
            yield TICK_STRING, exchange_tail(ASK_EXCHANGE, new.askExchange)


def _trade(before: Snapshot | None, after: Snapshot, style: Style) -> Iterator[Tick]:
    if after.last is None:
        return
    if before is None or after.last != before.last:
        yield TICK_PRICE, price_tail(style.kind(LAST), after.last, style.size(after.lastSize))
    elif after.lastSize != before.lastSize:
        yield TICK_SIZE, size_tail(style.kind(LAST_SIZE), style.size(after.lastSize))
    if after.lastTime is not None and (before is None or after.lastTime != before.lastTime):
        yield TICK_STRING, string_tail(style.kind(LAST_TIMESTAMP), str(int(after.lastTime)))
    if after.lastExchange and not style.delayed and (before is None or after.lastExchange != before.lastExchange):
        yield TICK_STRING, exchange_tail(LAST_EXCHANGE, after.lastExchange)


def _day(before: Snapshot | None, after: Snapshot, style: Style) -> Iterator[Tick]:
    if before is None or after.volume != before.volume:
        yield TICK_SIZE, size_tail(style.kind(VOLUME), style.size(after.volume))
    prices = (
        (HIGH, after.high, before and before.high),
        (LOW, after.low, before and before.low),
        (CLOSE, after.close, before and before.close),
        (OPEN, after.open, before and before.open),
    )
    for tickType, price, old in prices:
        if price is not None and price != old:
            yield TICK_PRICE, price_tail(style.kind(tickType), price, "0")
    if before is None or after.halted != before.halted:
        yield TICK_GENERIC, generic_tail(style.kind(HALTED), after.halted)


# What each generic tick code of reqMktData adds, by tick type.
GENERIC_TICKS: dict[int, tuple[str, tuple[int, ...]]] = {
    100: ("Option Volume", (29, 30)),
    101: ("Option Open Interest", (27, 28)),
    104: ("Historical Volatility", (23,)),
    105: ("Average Option Volume", (87,)),
    106: ("Option Implied Volatility", (24,)),
    162: ("Index Future Premium", (31,)),
    165: ("Misc. Stats", (15, 16, 17, 18, 19, 20, 21)),
    221: ("Mark Price", (37,)),
    225: ("Auction Values", (34, 35, 36, 61)),
    232: ("Mark Price", (37,)),
    233: ("RTVolume", (48,)),
    236: ("Shortable", (46, 89)),
    256: ("Inventory", ()),
    258: ("Fundamental Ratios", (47,)),
    292: ("News", (62,)),
    293: ("Trade Count", (54,)),
    294: ("Trade Rate", (55,)),
    295: ("Volume Rate", (56,)),
    318: ("Last RTH Trade", (57,)),
    375: ("RTTrdVolume", (77,)),
    411: ("Real-time Historical Volatility", (58,)),
    456: ("IBDividends", (59,)),
    460: ("Bond Factor Multiplier", (60,)),
    576: ("EtfNavBidAsk", (94, 95)),
    577: ("EtfNavLast", (96,)),
    578: ("EtfNavClose", (92,)),
    586: ("IPOPrice", (101, 102)),
    588: ("Futures Open Interest", (86,)),
    595: ("Short-Term Volume X Mins", (63, 64, 65)),
    614: ("EtfNavMisc", (98, 99)),
    619: ("Slow Mark Price", (79,)),
    623: ("EtfFrozenNavLast", (97,)),
}
RT_VOLUME, RT_TRADE_VOLUME, NEWS = 233, 375, 292
PRICES = frozenset({15, 16, 17, 18, 19, 20, 35, 37, 57, 79, 92, 94, 95, 96, 97, 98, 99, 101, 102})
SIZES = frozenset({21, 27, 28, 29, 30, 34, 36, 61, 63, 64, 65, 86, 87, 89})


def generic(tickType: int, value: float | str | Decimal, style: Style) -> Tick:
    """Return one generic tick, in the message of its type."""
    if isinstance(value, str):
        return TICK_STRING, string_tail(tickType, value)
    if tickType in PRICES:
        return TICK_PRICE, price_tail(tickType, float(value), "0")
    if tickType in SIZES:
        return TICK_SIZE, size_tail(tickType, style.size(Decimal(value)))
    return TICK_GENERIC, generic_tail(tickType, float(value))


Generics = Mapping[int, float | str | Decimal]


def generic_changes(before: Generics, after: Generics, wanted: frozenset[int], style: Style) -> list[Tick]:
    """Return the wanted generic ticks that are new or changed."""
    return [
        generic(tickType, value, style)
        for tickType, value in after.items()
        if tickType in wanted and before.get(tickType) != value
    ]
