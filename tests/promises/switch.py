"""`python -m tests.promises.switch`: the kill switch, set at one replica while orders flow through all of them.

Fronts serve MCP over HTTP. The time from the switch's answer to the last order frame is read from the simulator's
journal; then everything is stopped and started again, Redis too, and orders must still be refused.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.risk.limit_settings import Limits
from ibgateway.simulator.server.server import Simulator
from mcp_front.protocol.results import ERROR_META
from tests.stacks.front import Running, serving
from tests.stacks.worker import caller, worker
from tests.waiting import until

REPLICAS = 3
CLIENTS = 6  # of each replica
FLOWING = 15  # frames that must have gone out before the switch is set
BAR_S = 1.0
# Only the switch is to hold orders back.
OPEN = Limits(
    max_orders_per_minute="off", max_orders_per_day="off", max_open_orders="off", price_collar="off",
    max_order_value="off", duplicate_window_s="off",
)  # fmt: skip


@dataclass
class Seen:
    """Each round's last frame, in seconds after the switch was answered: negative is before it."""

    last_s: list[float] = field(default_factory=list)
    frames: int = 0
    cancelled: int = 0
    told: Counter[str] = field(default_factory=Counter)
    after_restart: Counter[str] = field(default_factory=Counter)

    @property
    def held(self) -> bool:
        return max(self.last_s) <= BAR_S and set(self.after_restart) == {"halted"}


class Flood:
    """Clients that place small orders one after another until they are told to stop."""

    def __init__(self, fronts: list[Running], dice: random.Random) -> None:
        self._fronts = fronts
        self._dice = dice
        self.told: Counter[str] = Counter()
        self.over = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for front in self._fronts:
                for _ in range(CLIENTS):
                    group.create_task(self._client(front))

    async def _client(self, front: Running) -> None:
        raw = front.raw()
        while not self.over.is_set():
            quantity, price = self._dice.randint(1, 9), self._dice.randint(10, 90)
            terms: dict[str, Any] = {"symbol": "AAPL", "action": "BUY", "totalQuantity": quantity}
            terms |= {"orderType": "LMT", "lmtPrice": price}
            self.told[outcome(await raw.call("ibkr_place_order", **terms))] += 1


def outcome(result: dict[str, Any]) -> str:
    return str(result["_meta"][ERROR_META]["code"]) if result.get("isError") else "placed"


async def play(redis: EmbeddedRedis, session: str, seed: int, seen: Seen, *, cancel: bool) -> None:
    dice = random.Random(seed)
    async with Simulator() as sim:
        async with AsyncExitStack() as stack:
            fronts = await everything(stack, redis, session, sim)
            flood = Flood(fronts, dice)
            flowing = asyncio.create_task(flood.run())
            await until(lambda: len(sim.journal.orders()) >= FLOWING, "orders flow", 30)
            halted = await dice.choice(fronts).raw().call("ibkr_halt_trading", reason="a round", cancelOrders=cancel)
            answered = time.time()
            told = flood.told["halted"]
            await until(lambda: flood.told["halted"] >= told + 30, "clients are told that trading is halted", 30)
            flood.over.set()
            await flowing
            frames = sim.journal.orders()
            seen.last_s.append(frames[-1].wall - answered)
            seen.frames += len(frames)
            seen.told += flood.told
            seen.cancelled += len(halted["structuredContent"]["cancelled"] or [])
        await redis.stop()
        await redis.start()
        async with AsyncExitStack() as stack:
            fronts = await everything(stack, redis, session, sim)
            for front in fronts:
                told_now = await front.raw().call("ibkr_place_order", symbol="AAPL", action="BUY", totalQuantity=1)
                seen.after_restart[outcome(told_now)] += 1
        assert len(sim.journal.orders()) == len(frames)


async def everything(stack: AsyncExitStack, redis: EmbeddedRedis, session: str, sim: Simulator) -> list[Running]:
    """A worker and the replicas, ready for orders."""
    await stack.enter_async_context(worker(redis.url, session, sim.port, limits=OPEN))
    fronts = [await stack.enter_async_context(serving(redis.url, session)) for _ in range(REPLICAS)]
    beside = await stack.enter_async_context(caller(redis.url, session))

    async def ready() -> bool:
        status = await beside.bus_client.status()
        return status is not None and status.receivers > 0 and (await beside.status())["state"] == "ready"

    await until(ready, "the session is ready", 30)
    await beside.writable()
    return fronts


async def play_all(folder: Path, rounds: int, seed: int) -> Seen:
    seen = Seen()
    for number in range(rounds):
        async with EmbeddedRedis(folder / str(number)) as redis:
            await play(redis, "switch", seed + number, seen, cancel=number % 2 == 1)
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.promises.switch", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = asyncio.run(play_all(Path(folder), options.rounds, options.seed))
    print(f"{options.rounds} rounds, seed {options.seed}, {REPLICAS} replicas with {CLIENTS} clients each: "
          f"{seen.frames} frames, told {dict(seen.told)}, {seen.cancelled} cancelled by the switch")  # fmt: skip
    print(f"last frame after the switch's answer: {max(seen.last_s) * 1000:.0f} ms (negative: before it)")
    print(f"after a restart of everything: {dict(seen.after_restart)}")
    print("held" if seen.held else "BROKEN")
    return int(not seen.held)


if __name__ == "__main__":
    sys.exit(main())
