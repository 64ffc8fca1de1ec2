"""Quotes and bars of a combination (BAG), made of its legs' quotes and bars; other contracts as the world has them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ibgateway.simulator.model.chunks import Pieces
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.market_data import BarData, BidAsk, HistoricalBars, Snapshot

if TYPE_CHECKING:
    from ibgateway.simulator.world.world import World

COMBO = "BAG"
MOST_LEGS = 8
DIGITS = 4  # a sum of prices is rounded to
NO_LEGS = Refusal(321, "Error validating request.-'bW' : cause - Invalid combination: it has no legs, or too many")
ONLY_MIDPOINTS = Refusal(
    162, "Historical Market Data Service error message:No historical data of this kind for combinations"
)
SIDES = {"MIDPOINT": ("MIDPOINT", "MIDPOINT"), "BID": ("BID", "ASK"), "ASK": ("ASK", "BID"), "TRADES": ("TRADES",) * 2}
Legs = list[tuple[Contract, int]]  # ratios are signed: below zero where buying the combination sells the leg


def resolve(world: World, contract: Contract) -> Contract:
    """Return the complete contract; a combination stays as it is, once its legs are known."""
    if contract.secType != COMBO:
        return world.resolve(contract)
    legs(world, contract)
    return contract


def legs(world: World, contract: Contract) -> Legs:
    if not 0 < len(contract.comboLegs) <= MOST_LEGS or any(leg.ratio < 1 for leg in contract.comboLegs):
        raise NO_LEGS
    return [
        (
            world.resolve(Contract(conId=leg.conId, exchange=leg.exchange or contract.exchange)),
            leg.ratio if leg.action == "BUY" else -leg.ratio,
        )
        for leg in contract.comboLegs
    ]


def first(world: World, contract: Contract) -> Contract:
    """Return the contract whose sessions and time zone apply."""
    return legs(world, contract)[0][0] if contract.secType == COMBO else contract


def snapshot(world: World, contract: Contract, at: float) -> Snapshot:
    if contract.secType != COMBO:
        return world.snapshot(contract, at)
    looks = [(world.snapshot(leg, at), ratio) for leg, ratio in legs(world, contract)]
    closes = [(look.close, ratio) for look, ratio in looks]
    quote = _quote([(look.quote, ratio) for look, ratio in looks], contract.exchange)
    return Snapshot(
        time=at,
        quote=quote,
        last=None,
        lastSize=Decimal(0),
        lastTime=None,
        lastExchange="",
        open=None,
        high=None,
        low=None,
        close=_sum(closes),
        volume=Decimal(0),
        halted=max(look.halted for look, _ in looks),
    )


def _sum(parts: list[tuple[float | None, int]]) -> float | None:
    """Return the sum; None if one number is missing."""
    known = [(price, ratio) for price, ratio in parts if price is not None]
    return round(sum(price * ratio for price, ratio in known), DIGITS) if len(known) == len(parts) else None


def _quote(quotes: list[tuple[BidAsk, int]], exchange: str) -> BidAsk:
    """Return the prices at which all legs are sold and bought at once."""
    bid = _sum([(q.bid if ratio > 0 else q.ask, ratio) for q, ratio in quotes])
    ask = _sum([(q.ask if ratio > 0 else q.bid, ratio) for q, ratio in quotes])
    bidSize = min((q.bidSize if ratio > 0 else q.askSize) // abs(ratio) for q, ratio in quotes)
    askSize = min((q.askSize if ratio > 0 else q.bidSize) // abs(ratio) for q, ratio in quotes)
    time = max(q.time for q, _ in quotes)
    return BidAsk(
        time,
        bid,
        bidSize if bid is not None else Decimal(0),
        ask,
        askSize if ask is not None else Decimal(0),
        exchange,
        exchange,
    )


def bars(
    world: World, contract: Contract, end: float | None, duration: str, barSize: str, whatToShow: str, useRTH: bool
) -> Pieces[HistoricalBars]:
    """Return a combination's bars: the sums of its legs, for the bars that all legs have."""
    if contract.secType != COMBO:
        return (yield from world.bars_in_pieces(contract, end, duration, barSize, whatToShow, useRTH))
    if whatToShow not in SIDES:
        raise ONLY_MIDPOINTS
    buys, sells = SIDES[whatToShow]
    found = []
    for leg, ratio in legs(world, contract):
        side = buys if ratio > 0 else sells
        found.append(((yield from world.bars_in_pieces(leg, end, duration, barSize, side, useRTH)), ratio))
    by_time = [({bar.time: bar for bar in requested.bars}, ratio) for requested, ratio in found]
    times = [bar.time for bar in found[0][0].bars if all(bar.time in one for one, _ in by_time)]
    summed = [_bar([(one[time], ratio) for one, ratio in by_time]) for time in times]
    return replace(found[0][0], bars=summed)


def _bar(parts: list[tuple[BarData, int]]) -> BarData:
    opened = round(sum(bar.open * ratio for bar, ratio in parts), DIGITS)
    closed = round(sum(bar.close * ratio for bar, ratio in parts), DIGITS)
    return BarData(parts[0][0].time, opened, max(opened, closed), min(opened, closed), closed, Decimal(-1), -1.0, -1)
