"""`python -m tests.promises.previews`: random previews, and not one frame without its what-if flag.

Everything is real, from the bus to TWS's wire; the simulator's journal tells what was sent. TWS's pace of messages is
kept, so that ten thousand take some minutes.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from bridge.tool import ToolError
from bridge.tools.order_terms import AUX_PRICE, LMT_PRICE, OrderType, Tif
from cli.local_stack.embedded_redis import EmbeddedRedis
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, trading

PLACE = 3  # TWS's message id of placeOrder, what-ifs included
AT_ONCE = 12
SYMBOLS = ("AAPL", "SPY", "VTI", "MSFT", "NVDA", "NOSUCH")


@dataclass
class Seen:
    """What callers were told, and what crossed the wire."""

    told: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    orders: int = 0  # frames without the flag
    seconds: float = 0.0


def some_preview(dice: random.Random) -> dict[str, Any]:
    """Mostly a sound order of any kind; now and then one with a price too few or too many, or with nonsense."""
    kind = dice.choice(get_args(OrderType))
    terms: dict[str, Any] = {
        "symbol": dice.choices(SYMBOLS, (8, 8, 4, 4, 4, 1))[0],
        "action": dice.choice(("BUY", "SELL")),
        "totalQuantity": dice.choice((1, 2, 7, 100, 999, 10_000, 50_000, 0, -1) if dice.random() < 0.5 else (1, 3, 20)),
        "orderType": kind,
        "tif": dice.choice(get_args(Tif)) if dice.random() < 0.3 else "DAY",
        "outsideRth": dice.random() < 0.2,
    }
    for name, types in (("lmtPrice", LMT_PRICE), ("auxPrice", AUX_PRICE)):
        if (types.get(kind) is not None or kind == "TRAIL") != (dice.random() < 0.05):
            terms[name] = round(dice.uniform(0.5, 600), 2)
    if kind == "TRAIL":
        terms.pop("lmtPrice", None)
        if dice.random() < 0.5:
            terms.pop("auxPrice", None)
            terms["trailingPercent"] = round(dice.uniform(0.1, 20), 2)
    if dice.random() < 0.03:
        terms["account"] = dice.choice(("DU1234567", "DU7654321", "U1234567"))
    return terms


async def play(redis_url: str, session: str, count: int, seed: int) -> Seen:
    seen, dice = Seen(), random.Random(seed)
    wanted = iter([some_preview(dice) for _ in range(count)])
    began = time.perf_counter()
    async with Simulator() as sim, trading(redis_url, session, sim) as front:

        async def one_after_another() -> None:
            for terms in wanted:
                seen.told[await told(front, terms)] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(one_after_another())
        assert await front.ask("get_open_orders") == []
        assert await front.ask("get_executions") == []
    seen.seconds = time.perf_counter() - began
    seen.frames = len(sim.journal.entries("in", PLACE))
    seen.orders = len(sim.journal.orders())
    return seen


async def told(front: Caller, terms: dict[str, Any]) -> str:
    """In one word, what the caller got."""
    try:
        preview = await front.ask("preview_order", **terms)
    except ValidationError:
        return "refused at the edge"
    except ToolError as error:
        return error.code
    return "token" if preview["confirmationToken"] else "previewed, and a limit named"


async def run(count: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedRedis(Path(folder)) as redis:
            seen = await play(redis.url, "previews", count, seed)
    print(f"{count} previews with seed {seed} in {seen.seconds:.0f} s: {dict(seen.told.most_common())}")
    print(f"{seen.frames} what-if frames were sent, {seen.orders} frames without the flag")
    return int(seen.orders > 0 or seen.told.total() != count or not seen.frames)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.promises.previews", description=__doc__)
    parser.add_argument("-n", type=int, default=10_000, help="previews (10000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return asyncio.run(run(options.n, options.seed))


if __name__ == "__main__":
    sys.exit(main())
