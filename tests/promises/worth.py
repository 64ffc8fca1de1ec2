"""`python -m tests.promises.worth`: what orders are worth, judged by other code than the worker's.

Random orders, contracts and quotes, with sentinels of TWS among them, go through the checks alone. The sweep takes
every secType of the simulator in each order type and tif over the wire: the preview's worth must be what is worked out
here from the simulator's own instruments, and of the orders that are then asked for on both sides of a limit none may
leave that is worth more.
"""

import argparse
import asyncio
import math
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import ib_async

from bridge.tool import ToolError
from bridge.tools.order_terms import OrderType, Tif
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.pre_trade.order_intents import intent_of
from ib_worker.risk.intent import Leg, RiskInputs, Unit
from ib_worker.risk.limit_settings import Limits
from ib_worker.risk.limits import check, only_reduces_position
from ib_worker.risk.worth import known_worth
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import trading

LIMIT = 20_000.0
MOVES = 0.01  # the market between a preview and its order
UNSET = sys.float_info.max
NONE = (0.0, -1.0, UNSET, float("nan"), float("inf"))  # each stands for no price
TRADED: tuple[dict[str, Any], ...] = (
    {"symbol": "AAPL"},
    {"symbol": "SAP", "exchange": "IBIS", "currency": "EUR"},
    {"symbol": "VOD", "exchange": "LSE", "currency": "GBP"},
    {"symbol": "AAPL", "secType": "OPT", "lastTradeDateOrContractMonth": "20250718", "strike": 430.0, "right": "C"},
    {"symbol": "ES", "secType": "FUT", "exchange": "CME", "lastTradeDateOrContractMonth": "202506"},
    {"symbol": "ES", "secType": "FOP", "exchange": "CME", "lastTradeDateOrContractMonth": "20250620", "strike": 3800.0,
     "right": "C"},
    {"symbol": "EUR", "secType": "CASH", "exchange": "IDEALPRO", "currency": "USD"},
    {"symbol": "USD", "secType": "CASH", "exchange": "IDEALPRO", "currency": "JPY"},
    {"symbol": "91282CHT1", "secType": "BOND"},
    {"symbol": "SPX", "secType": "IND", "exchange": "CBOE"},
)  # fmt: skip
# One unit in its currency, per point of price.
POINTS = {"STK": 1, "OPT": 100, "FUT": 50, "FOP": 50, "CASH": 1, "BOND": 10}
RATES = {
    "USD": 1.0,
    "EUR": 1.14,
    "GBP": 1.352,
    "JPY": 1 / 144.88,
}  # of the simulator's morning, within a percent or two
NO_LIMIT = ("MKT", "MTL", "MOC", "STP", "MIT", "TRAIL")
CAPPED = ("REL", "MIDPRICE")
TRIGGERED = ("STP", "STP LMT", "MIT", "LIT")


@dataclass
class Seen:
    told: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    compared: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


# --- the sweep ---------------------------------------------------------------------------------------------------


def swept(kinds: tuple[str, ...], tifs: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Every contract in every type and tif. Prices are filled in once the quote is known."""
    for contract in TRADED:
        for kind in kinds:
            for tif in tifs:
                yield contract | {"action": "BUY", "orderType": kind, "tif": tif, "totalQuantity": 1}


def priced(terms: dict[str, Any], price: float) -> dict[str, Any]:
    """The prices that the type needs, near the market and on the coarsest grid."""
    kind = terms["orderType"]
    near = max(round(price * 4) / 4, 0.25) if price < 1000 else round(price)
    told: dict[str, Any] = {}
    if kind in ("LMT", "LOC", "LIT", "STP LMT"):
        told["lmtPrice"] = near
    if kind in TRIGGERED:
        told["auxPrice"] = near
    if kind == "REL":
        told["auxPrice"] = 0.25
    if kind == "TRAIL":
        told["trailingPercent"] = 2.0
    return terms | told


def by_hand(terms: dict[str, Any], quantity: float, quote: list[float], rates: dict[str, float]) -> float:
    """The worth in dollars of one of the sweep's orders, all of which buy."""
    secType, currency = terms.get("secType", "STK"), terms.get("currency", "USD")
    if secType == "CASH" and terms["symbol"] == "USD":
        return quantity
    if "lmtPrice" in terms:
        price = terms["lmtPrice"]
    else:
        price = max([*quote, terms.get("auxPrice", 0.0) if terms["orderType"] in TRIGGERED else 0.0])
        price *= 1.02 if terms["orderType"] == "TRAIL" else 1.0
        if terms["orderType"] == "REL":  # it bids so much above the best bid, which comes first
            price = max(price, quote[0] + terms["auxPrice"])
    return float(price * POINTS[secType] * quantity * rates[currency])


async def sweep(redis_url: str, session: str, kinds: tuple[str, ...], tifs: tuple[str, ...]) -> Seen:
    """Preview each, then ask for as many as are just inside and just past the limit."""
    seen = Seen()
    off = dict.fromkeys(("max_quantity", "max_quantity_cash", "max_open_orders", "price_collar"), "off")
    off |= dict.fromkeys(("max_orders_per_minute", "max_orders_per_day", "max_short_option_value"), "off")
    limits = Limits(max_order_value=LIMIT, **off)  # type: ignore[arg-type]  # as the environment has them
    async with Simulator() as sim, trading(redis_url, session, sim, limits=limits) as front:
        for terms in swept(kinds, tifs):
            await _swept(front, terms, seen)
        frames = sim.journal.orders()
    seen.frames = len(frames)
    return seen


async def _swept(front: Any, terms: dict[str, Any], seen: Seen) -> None:
    name = " ".join(str(terms.get(each, "STK")) for each in ("symbol", "secType", "orderType", "tif"))
    plain = terms | {"orderType": "MKT", "tif": "DAY"}
    try:
        look = await front.ask("preview_order", **plain)
    except ToolError as error:
        seen.told[error.code] += 1
        await _no_order(front, plain, seen, name)
        return
    quote = [price for price in (look["bid"], look["ask"], look["last"]) if price]
    terms = priced(terms, max(quote))
    try:
        told = await front.ask("preview_order", **terms)
    except ToolError as error:  # a type that the exchange does not take
        seen.told[error.code] += 1
        told = None
    worth = by_hand(terms, 1, quote, RATES)
    if told is not None:
        seen.compared += 1
        if told["worthCurrency"] != "USD" or abs(told["worth"] / worth - 1) > 0.04:  # 2 % of it the margin of a rate
            seen.wrong.append(f"{name}: {told['worth']} {told['worthCurrency']}, by hand {worth}")
    if terms["orderType"] == "REL" and terms.get("secType", "STK") not in ("STK", "FUT"):
        return  # the simulator follows the prints with it, of which others have fewer than quotes
    past = terms | {"totalQuantity": int(LIMIT / worth * 1.05) + 1}
    await _no_order(front, past, seen, name)
    await _order(front, terms | {"totalQuantity": max(int(LIMIT / worth * 0.9), 1)}, worth, seen, name)


async def _no_order(front: Any, terms: dict[str, Any], seen: Seen, name: str) -> None:
    try:
        await front.submit("place_order", **terms)
    except ToolError as error:
        seen.told[str(error.details.get("limit", error.code))] += 1
        if error.code not in ("limit_exceeded", "not_tradable"):
            seen.wrong.append(f"{name}: {error.code} where the limit should have refused")
        return
    seen.wrong.append(f"{name}: {terms['totalQuantity']} of it passed a limit of {LIMIT:,.0f}")


async def _order(front: Any, terms: dict[str, Any], worth: float, seen: Seen, name: str) -> None:
    """Inside the limit it is TWS alone that may refuse."""
    try:
        await front.submit("place_order", **terms)
        seen.told["placed"] += 1
    except ToolError as error:
        seen.told[str(error.details.get("limit", error.code))] += 1
        inside = worth * terms["totalQuantity"] <= LIMIT * (1 - 3 * MOVES)
        if error.details.get("limit") == "max_order_value" and inside:
            seen.wrong.append(f"{name}: refused, though {terms['totalQuantity']} are inside the limit")


# --- random orders against the checks alone ------------------------------------------------------------------------

SECURITIES = ("STK", "OPT", "FUT", "FOP", "CASH", "BOND", "CFD", "CRYPTO", "FUND", "WAR", "CMDTY", "BAG")
RANDOM_RATES = {"EUR": 1.25, "JPY": 0.0078125, "GBP": 1.5}
SIGNED = ("FUT", "FOP", "BAG")


@dataclass(frozen=True)
class Drawn:
    """One order as TWS would have it, what is known of its market, and its legs."""

    contract: ib_async.Contract
    details: ib_async.ContractDetails
    order: ib_async.Order
    facts: RiskInputs


def draw(dice: random.Random) -> Drawn:
    secType = dice.choice(SECURITIES)
    multiplier = dice.choice({"OPT": ("100", "10"), "FUT": ("50", "1000"), "FOP": ("50",)}.get(secType, ("", "1")))
    contract = ib_async.Contract(
        secType=secType, symbol=dice.choice(("X", "USD")), currency=dice.choice(("USD", "EUR", "JPY", "GBP")),
        multiplier=multiplier, conId=1,
    )  # fmt: skip
    details = ib_async.ContractDetails(priceMagnifier=dice.choice((0, 1, 1, 1, 100)), minTick=0.01)
    kind = dice.choice(get_args(OrderType))
    middle = dice.choice((0.05, 1.0, 25.0, 480.0, 6000.0)) * dice.choice((1, 1, -1) if secType in SIGNED else (1,))
    order = ib_async.Order(
        action=dice.choice(("BUY", "SELL")), totalQuantity=dice.choice((1, 7, 100, 999, 25_000)), orderType=kind,
        lmtPrice=_price(dice, middle, needed=kind in ("LMT", "LOC", "LIT", "STP LMT")),
        auxPrice=_price(dice, abs(middle), needed=kind in TRIGGERED),
        trailingPercent=dice.choice((2.0, 50.0)) if kind == "TRAIL" else dice.choice((0.0, UNSET)),
    )  # fmt: skip
    if kind == "TRAIL":
        order.auxPrice = dice.choice((0.0, UNSET))
    return Drawn(contract, details, order, _facts(dice, contract, middle))


def _price(dice: random.Random, middle: float, needed: bool) -> float:
    if needed:
        return round(middle * dice.choice((0.5, 0.97, 1.0, 1.02, 3.0)), 4)
    return dice.choice((*NONE, round(middle * 0.99, 4)))


def _facts(dice: random.Random, contract: ib_async.Contract, middle: float) -> RiskInputs:
    bid, ask, last = (round(middle * each, 4) for each in (0.99, 1.01, 1.0))
    told: list[float | None] = [None if dice.random() < 0.1 else each for each in (bid, ask, last)]
    share, option = Unit("STK", "X", "USD"), Unit("OPT", "X", "USD", Decimal(100))
    legs = (Leg(option, 1, 12.0), Leg(option, -2, 9.5), Leg(share, -100, 200.0)) if contract.secType == "BAG" else ()
    known = dice.sample(sorted(RANDOM_RATES), 2)
    return RiskInputs(
        bid=told[0], ask=told[1], last=told[2], quote_age_s=dice.choice((0.0, 0.0, 0.0, 15.1, None)),
        position=Decimal(dice.choice((0, 0, 50, -50))), closing=Decimal(0), open_orders=0, daily_pnl=0.0, base="USD",
        rates={each: RANDOM_RATES[each] for each in known}, close=None, trading="open", legs=legs,
    )  # fmt: skip


def worth_by_hand(drawn: Drawn) -> Fraction | None:
    """The order's worth in dollars out of what TWS has, in exact arithmetic; None where it can't be told."""
    contract, order, facts = drawn.contract, drawn.order, drawn.facts
    quantity = Fraction(order.totalQuantity)
    rates = {"USD": 1.0} | dict(facts.rates or {})
    if contract.secType == "CASH" and contract.symbol == "USD":
        return quantity
    if contract.secType == "BAG":
        return quantity * (1200 + 2 * 950 + 100 * 200)
    if contract.currency not in rates:
        return None
    price = _price_by_hand(drawn)
    if price is None:
        return None
    each = price * Fraction(contract.multiplier or 1) / max(drawn.details.priceMagnifier, 1)
    if contract.secType == "BOND":
        each *= 10
    return quantity * each * Fraction(rates[contract.currency])


def _price_by_hand(drawn: Drawn) -> Fraction | None:
    order, facts, signed = drawn.order, drawn.facts, drawn.contract.secType in SIGNED
    kind, limit = order.orderType, _of_the_order(float(order.lmtPrice or 0), signed)
    if kind in NO_LIMIT or (kind in CAPPED and limit == 0):
        limit = None
    if order.action == "BUY" and limit is not None and limit > 0:
        return limit
    if facts.quote_age_s is None or facts.quote_age_s > 15:
        return None
    quoted = [abs(Fraction(each)) for each in (facts.bid, facts.ask, facts.last) if each is not None]
    if not quoted:
        return None
    dearest = max(quoted)
    if order.action == "BUY" and kind == "TRAIL":
        dearest += dearest * Fraction(float(order.trailingPercent or 0)) / 100
    own = [abs(limit)] if limit is not None else []
    if order.action == "BUY" and kind == "REL" and limit is None:  # it bids so much above the best bid
        best = dearest if facts.bid is None else abs(Fraction(facts.bid))
        own.append(best + (_of_the_order(float(order.auxPrice or 0), False) or 0))
    if kind in TRIGGERED:
        own.append(Fraction(float(order.auxPrice or 0)))
    return max([dearest, *own])


def _of_the_order(told: float, signed: bool) -> Fraction | None:
    """None for what no order of this kind can have as its price."""
    if told != told or abs(told) > 1e9 or (told <= 0 and not signed):
        return None
    return Fraction(told)


def judge(drawn: Drawn, limits: Limits, seen: Seen) -> None:
    """The worth as it is told, and the verdict, against the judge's own."""
    intent = intent_of(drawn.contract, drawn.order, drawn.details)
    whole, told = worth_by_hand(drawn), known_worth(intent, drawn.facts)
    seen.compared += whole is not None
    if (whole is None) != (told is None) or (told and not math.isclose(told.amount, float(whole or 0), rel_tol=1e-9)):
        seen.wrong.append(f"worth {told}, by hand {whole and float(whole)}: {drawn}")
    try:
        check(intent, drawn.facts, limits)
    except ToolError as error:
        seen.told[str(error.details.get("limit", error.code))] += 1
        if error.details.get("limit") == "max_order_value" and whole is not None and whole <= LIMIT:
            seen.wrong.append(f"refused, though worth {float(whole)}: {drawn}")
        return
    seen.told["passed"] += 1
    if not only_reduces_position(intent, drawn.facts) and (whole is None or whole > LIMIT):
        seen.wrong.append(f"passed, worth {whole and float(whole)}: {drawn}")


def play(count: int, seed: int) -> Seen:
    dice, seen = random.Random(seed), Seen()
    waived: dict[str, Any] = dict.fromkeys(Limits.model_fields, "off") | {"outside_rth": "allowed"}
    limits = Limits(**waived | {"max_order_value": LIMIT})
    began = time.monotonic()
    for _ in range(count):
        judge(draw(dice), limits, seen)
    seen.seconds = time.monotonic() - began
    return seen


async def run(options: argparse.Namespace) -> int:
    drawn = play(options.orders, options.seed)
    print(f"{options.orders} random orders, seed {options.seed}, in {drawn.seconds:.0f} s: {drawn.told.most_common()}")
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedRedis(Path(folder)) as redis:
            seen = await sweep(redis.url, "worth", get_args(OrderType), get_args(Tif))
    print(f"the sweep: {seen.compared} previews compared, {seen.frames} frames, {seen.told.most_common()}")
    wrong = drawn.wrong + seen.wrong
    print("\n".join(wrong[:50]) or "every worth is the one by hand, and no order over a limit left")
    return int(bool(wrong) or not seen.frames)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.promises.worth", description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000, help="random ones, against the checks alone (100,000)")
    parser.add_argument("--seed", type=int, default=1)
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
