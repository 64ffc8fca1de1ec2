"""What the bus tests share: a worker in this process, calls as a front makes them, a socket that can fail."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import bridge.tools.account
import bridge.tools.market.market_data
import bridge.tools.orders
import bridge.tools.session  # noqa: F401 - the declarations fill the registry
from bridge.bus.client.client import BusClient
from bridge.bus.keys import Keys
from bridge.bus.messages import BusCaller
from bridge.bus.records.records import RecordClient
from bridge.bus.records.take_over import Judge, doubt_all
from bridge.bus.server.request import Handle, RequestContext
from bridge.bus.server.server import BusServer, Reconcile
from bridge.bus.timing import BusTiming
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import OPERATIONS, ToolRequest
from tests.stacks.timing import waits_at
from tests.waiting import until

GET_POSITIONS = OPERATIONS["get_positions"]
PLACE_ORDER = OPERATIONS["place_order"]
KEY = "a-key-of-the-caller"
CALLER = BusCaller(principal="claude", request_id="r-1")


def order(**changes: Any) -> ToolRequest:
    return PLACE_ORDER.request(**{"symbol": "AAPL", "action": "BUY", "totalQuantity": 1} | changes)


async def ask(bus_client: BusClient, principal: str = "claude", **options: Any) -> bytes:
    caller = BusCaller(principal=principal, request_id="r-1")
    return await bus_client.ask(GET_POSITIONS, GET_POSITIONS.request(), caller, **options)


async def submit(bus_client: BusClient, key: str = KEY, arguments: ToolRequest | None = None, **options: Any) -> bytes:
    return await bus_client.submit(PLACE_ORDER, arguments or order(), CALLER, key=key, **options)


class Broker:
    """A handler that counts what it would have sent; `hold` keeps it before or after the accept."""

    def __init__(self) -> None:
        self.sent: Counter[str | None] = Counter()
        self.asked: list[RequestContext] = []
        self.answer = b'{"orderId":7,"replayed":false}'
        self.before = asyncio.Event()
        self.after = asyncio.Event()
        self.before.set()
        self.after.set()

    async def handle(self, context: RequestContext) -> bytes:
        self.asked.append(context)
        await self.before.wait()
        if context.key is not None:
            await context.accept()
        self.sent[context.key] += 1
        await self.after.wait()
        return self.answer


@asynccontextmanager
async def serving(
    url: str,
    session: str,
    handle: Handle,
    *,
    worker: str = "w1",
    reconcile: Reconcile | None = None,
    timing: BusTiming | None = None,
    judge: Judge = doubt_all,
) -> AsyncIterator[BusServer]:
    """A worker that leads and serves; writes are open."""
    async with BusServer(url, session, worker, timing=timing or waits_at(url)) as bus:
        await bus.lead()
        bus.on_unowned(judge)
        task = asyncio.create_task(bus.serve(handle, reconcile))
        await until_open(bus.pipe, bus.keys)
        try:
            yield bus
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until_open(pipe: CommandPipeline, keys: Keys) -> None:
    async def is_open() -> bool:
        _, receivers = await pipe.send("PUBSUB", "SHARDNUMSUB", keys.requests)
        return bool(receivers) and await pipe.send("GET", keys.generation) is not None

    await until(is_open, "a worker serves and the generation is marked")


@asynccontextmanager
async def front(url: str, session: str, name: str = "f1", timing: BusTiming | None = None) -> AsyncIterator[BusClient]:
    async with BusClient(url, session, name, timing or waits_at(url)) as bus_client:
        yield bus_client


@asynccontextmanager
async def pipe_to(url: str, timing: BusTiming | None = None) -> AsyncIterator[CommandPipeline]:
    async with CommandPipeline(url, timing or waits_at(url)) as pipe:
        yield pipe


def intents(pipe: CommandPipeline, session: str, name: str = "f1") -> RecordClient:
    return RecordClient(pipe, Keys(session), name)


@asynccontextmanager
async def full(pipe: CommandPipeline) -> AsyncIterator[None]:
    """The server is out of memory meanwhile."""
    await pipe.send("CONFIG", "SET", "maxmemory", "1")
    try:
        yield
    finally:
        await pipe.send("CONFIG", "SET", "maxmemory", "0")
