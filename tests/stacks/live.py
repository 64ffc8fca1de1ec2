"""A stack in live mode, with every limit waived by name, and front replicas over HTTP."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ib_worker.risk.limit_settings import Limits
from ibgateway.simulator.server.server import Simulator
from tests.stacks.front import Running, serving
from tests.stacks.worker import Caller, caller, worker

WAIVED = Limits.model_construct(
    max_quantity=Decimal(10_000), max_order_value="off", max_position_value="off", max_daily_loss="off",
    max_short_option_value="off", max_quantity_cash="off", queued_market_orders="off",
    max_open_orders="off", max_orders_per_minute="off", max_orders_per_day="off", price_collar="off",
    duplicate_window_s="off", allowed_symbols="off", allowed_sec_types="off", allowed_currencies="off",
    allowed_order_types="off", outside_rth="allowed",
)  # fmt: skip
LIVE: dict[str, Any] = {"trading_mode": "live", "live_accounts": frozenset({"DU1234567"}), "limits": WAIVED}


@dataclass(frozen=True)
class Live:
    fronts: list[Running]
    sim: Simulator
    beside: Caller  # of the bus itself

    @property
    def frames(self) -> int:
        return len(self.sim.journal.orders())


@asynccontextmanager
async def live_stack(
    redis_url: str, session: str, replicas: int = 1, front: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Live]:
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator())
        await stack.enter_async_context(worker(redis_url, session, sim.port, **LIVE, **settings))
        fronts = [
            await stack.enter_async_context(serving(redis_url, session, **(front or {}))) for _ in range(replicas)
        ]
        beside = await stack.enter_async_context(caller(redis_url, session))
        await beside.writable()
        yield Live(fronts, sim, beside)


def new_key() -> str:
    return f"key-{secrets.token_hex(8)}"
