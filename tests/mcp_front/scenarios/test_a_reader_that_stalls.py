"""A client that never reads its answer costs the others nothing, and its call ends on time."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bridge.bus.events.kept_stream import KEPT, KeptBatch, KeptUpdate, record
from tests.stacks.front import MODERN, Running
from tests.stacks.whole import whole_stack
from tests.stacks.worker import Caller, caller
from tests.waiting import until

STALLED = 20
MEASURED = 30


@asynccontextmanager
async def stalled(front: Running, arguments: dict[str, Any]) -> AsyncIterator[None]:
    """A connection that sends a call and reads nothing of its answer."""
    prepared = front.raw(MODERN).prepared("tools/call", name="ibkr_read_stream", arguments=arguments)
    body = prepared["content"].encode()
    host = front.endpoint.split("/")[2]
    fields = prepared["headers"] | {"host": host, "content-length": str(len(body))}
    head = f"POST /{front.endpoint.split('/', 3)[3]} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    link.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(link, (host.split(":")[0], int(host.split(":")[1])))
        await loop.sock_sendall(link, head.encode() + body)
        yield
    finally:
        link.close()


async def full_log(other: Caller, stream: str) -> None:
    """As many entries as a log keeps, so that one answer is long."""
    pipe, keys = other.bus_client.pipe, other.bus_client.keys
    token = int(await pipe.send("GET", keys.lease))
    body = json.dumps({"bid": 512.25, "bidSize": 300.0, "time": "2026-01-02T03:04:05.678901Z"}).encode()
    updates = [KeptUpdate(number, number, "quote", body) for number in range(1, KEPT + 1)]
    await record(pipe, keys, token, [KeptBatch(stream, "1-1", updates)])


async def test_others_read_on_and_the_stalled_calls_end(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack, caller(redis_url, session) as other:
        front = stack.front
        raw = front.raw(MODERN)
        opened = (await raw.call("ibkr_subscribe", kind="quotes", symbol="SPY"))["structuredContent"]
        stream = (await other.bus_client.streams.all())[0].stream
        await full_log(other, stream)
        mine = {"handle": opened["handle"], "limit": 1, "wait_seconds": 0}

        async def read_s() -> float:
            began = time.monotonic()
            answer = await raw.call("ibkr_read_stream", **mine)
            assert answer["structuredContent"]["count"] == 1
            return time.monotonic() - began

        before = sorted([await read_s() for _ in range(MEASURED)])
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            ended = asyncio.Event()

            async def stall(limit: int, wait_s: int) -> None:
                given = {"handle": opened["handle"], "limit": limit, "wait_seconds": wait_s}
                async with stalled(front, given):
                    await ended.wait()

            for number in range(STALLED):
                group.create_task(stall(1_000 if number % 2 else 1, 2))
            await asyncio.sleep(2)
            beside = sorted([await read_s() for _ in range(MEASURED)])
            await until(lambda: front.front.calls.is_idle, "the stalled calls have ended", 10)
            ended.set()

    median = MEASURED // 2
    assert beside[median] < 2 * before[median] + 0.05, (before[median], beside[median])
