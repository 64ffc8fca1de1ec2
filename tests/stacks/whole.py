"""The whole stack in one process: MCP over HTTP, the bus on a real Redis, the worker, TWS's wire, the simulator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from mcp_front.timing import USUAL, FrontTiming
from tests.stacks.front import Running, serving
from tests.stacks.redis_users import redis_users
from tests.stacks.worker import caller, worker

SIMULATED = SimulatorConfig()


@dataclass(frozen=True)
class Stack:
    """A front, and the gateway at the other end."""

    front: Running
    sim: Simulator


@asynccontextmanager
async def whole_stack(
    redis_url: str, session: str, timing: FrontTiming = USUAL, config: SimulatorConfig = SIMULATED
) -> AsyncIterator[Stack]:
    """Everything, ready for reads and writes; front and worker have the rights in Redis that they need, and no more."""
    async with (
        redis_users(redis_url, session, ("front", "worker")) as users,
        Simulator(config) as sim,
        worker(users["worker"], session, sim.port),
        serving(users["front"], session, timing=timing) as front,
        caller(redis_url, session) as other,
    ):
        await other.writable()
        yield Stack(front, sim)
