"""`python -m tests.promises.limits`: floods of random orders against random limits and modes, held against the wire.

Each round sets limits, a mode and a switch by its dice, and lets callers at several replicas ask for orders as fast as
they can. What is allowed is judged here once more, from the simulator's journal alone, by other code than the
worker's: no order frame may be past a limit.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from bridge.bus.controls.kill_switch import set_halt
from bridge.tool import ToolError
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.risk.limit_settings import Limits
from ibgateway.simulator.server.journal import JournalEntry
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, caller, worker

REPLICAS = 3
SYMBOLS = ("AAPL", "SPY", "VTI", "MSFT")
KINDS = ("MKT", "LMT", "STP")
EQUAL_S = 30


@dataclass(frozen=True)
class Rules:
    """One round's limits, and what holds its orders back altogether."""

    quantity: int
    value: float
    per_minute: int
    symbols: frozenset[str]
    kinds: frozenset[str]
    mode: str
    halted: bool

    @property
    def limits(self) -> Limits:
        """Everything else is the default of a paper account, with equal orders held."""
        return Limits(
            max_quantity=Decimal(self.quantity),
            max_order_value=self.value,
            max_orders_per_minute=self.per_minute,
            allowed_symbols=self.symbols,
            allowed_order_types=self.kinds,
            duplicate_window_s=EQUAL_S,
        )


@dataclass
class Seen:
    asked: int = 0
    frames: int = 0
    told: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def some_rules(dice: random.Random) -> Rules:
    return Rules(
        quantity=dice.choice((5, 50, 500)),
        value=dice.choice((2_000.0, 20_000.0, 200_000.0)),
        per_minute=dice.randint(1, 12),
        symbols=frozenset(dice.sample(SYMBOLS, dice.randint(1, 3))),
        kinds=frozenset(dice.sample(KINDS, dice.randint(1, 3))),
        mode=dice.choices(("paper", "read_only"), (8, 1))[0],
        halted=dice.random() < 0.15,
    )


def some_order(dice: random.Random) -> dict[str, Any]:
    """A buy, since what only closes a position passes the limits by design."""
    kind = dice.choice(KINDS)
    price = {"LMT": {"lmtPrice": dice.randint(1, 400)}, "STP": {"auxPrice": dice.randint(500, 900)}}.get(kind, {})
    return {
        "symbol": dice.choice(SYMBOLS), "action": "BUY", "orderType": kind,
        "totalQuantity": dice.choice((1, 2, 4, 6, 40, 60, 400, 600)),
    } | price  # fmt: skip


async def play(redis_url: str, session: str, rules: Rules, orders: list[dict[str, Any]]) -> Seen:
    """One round: the same flood through each replica at once, and some of its orders twice."""
    seen = Seen(asked=len(orders))
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator())
        settings: dict[str, Any] = {"trading_mode": rules.mode, "limits": rules.limits}
        await stack.enter_async_context(worker(redis_url, session, sim.port, **settings))
        fronts = [await stack.enter_async_context(caller(redis_url, session)) for _ in range(REPLICAS)]
        await fronts[0].writable()
        if rules.halted:
            await set_halt(fronts[0].bus_client.pipe, fronts[0].bus_client.keys, "halt", "dice", "a round")
        asked = [told(fronts[number % REPLICAS], terms) for number, terms in enumerate(orders)]
        seen.told.update(await asyncio.gather(*asked))
        frames = sim.journal.orders()
    seen.frames, seen.wrong = len(frames), judged(rules, frames)
    if seen.told["placed"] > len(frames):
        seen.wrong.append("more orders were told as placed than were sent")
    return seen


async def told(front: Caller, terms: dict[str, Any]) -> str:
    try:
        await front.submit("place_order", **terms)
    except ToolError as error:
        return str(error.details.get("limit", error.code))
    return "placed"


def judged(rules: Rules, frames: list[JournalEntry]) -> list[str]:
    """What is wrong with the frames of a round, which takes less than a minute."""
    wrong = []
    if frames and (rules.halted or rules.mode == "read_only"):
        wrong.append(f"{len(frames)} frames while nothing may trade")
    if len(frames) > rules.per_minute:
        wrong.append(f"{len(frames)} frames in a minute of at most {rules.per_minute}")
    whole = []
    for each in frames:
        contract, order = each.request.placed
        whole.append((contract.symbol, order.orderType, order.totalQuantity, order.lmtPrice, order.auxPrice))
        if order.totalQuantity > rules.quantity:
            wrong.append(f"quantity {order.totalQuantity}")
        if contract.symbol not in rules.symbols or order.orderType not in rules.kinds:
            wrong.append(f"{contract.symbol} {order.orderType}")
        price = order.lmtPrice if order.orderType == "LMT" else order.auxPrice if order.orderType == "STP" else None
        if price is not None and float(order.totalQuantity) * price > rules.value:
            wrong.append(f"value {float(order.totalQuantity) * price}")
    if len(set(whole)) != len(whole):
        wrong.append("an equal order within the window")
    return wrong


async def play_all(redis_url: str, session: str, rounds: int, orders: int, seed: int) -> Seen:
    dice, all_seen = random.Random(seed), Seen()
    for number in range(rounds):
        rules = some_rules(dice)
        wanted = [some_order(dice) for _ in range(orders)]
        seen = await play(redis_url, f"{session}-{number}", rules, wanted + wanted[: orders // 5])
        all_seen.asked += seen.asked
        all_seen.frames += seen.frames
        all_seen.told += seen.told
        all_seen.wrong += [f"round {number}, {rules}: {each}" for each in seen.wrong]
    return all_seen


async def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedRedis(Path(folder)) as redis:
            seen = await play_all(redis.url, "limits", options.rounds, options.orders, options.seed)
    print(f"{options.rounds} rounds, seed {options.seed}: {seen.asked} orders asked at {REPLICAS} replicas")
    print(f"{seen.frames} frames were sent; callers were told {dict(seen.told.most_common())}")
    print("\n".join(seen.wrong) or "not one frame past a limit, a mode or the switch")
    return int(bool(seen.wrong) or not seen.frames)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.promises.limits", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--orders", type=int, default=60, help="in each round (60)")
    parser.add_argument("--seed", type=int, default=1)
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
