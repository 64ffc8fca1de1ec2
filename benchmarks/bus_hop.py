"""A hop over Redis with nothing around it: one process publishes, others hear; no more than hiredis at both ends.

The control of `benchmarks.readers`: what a message of a quote's size takes from a process to another one at the same
rate, in the same bursts. `python -m benchmarks.bus_hop` is the side that hears; `hop` starts it and publishes.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import hiredis

from benchmarks.rig import Stack
from cli.local_stack.processes import Child

BODY = "x" * 500  # a quote's JSON
BURSTS_PER_S, OF_ONE = 25, 14  # as the simulator's clock makes quotes of sixty contracts
END = "end"
START_S = 60.0  # of a process on a busy machine


class RedisConnection(asyncio.Protocol):
    """Commands out, replies in. `told` has each reply in the step that brings it."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self.told: Any = lambda reply: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            self.told(reply)

    def send(self, *commands: tuple[str, ...]) -> None:
        self._transport.write(b"".join(hiredis.pack_command(each) for each in commands))  # type: ignore[arg-type] # of any length

    def close(self) -> None:
        self._transport.close()


async def connected(url: str) -> RedisConnection:
    """Connect to a Redis of this machine, by its socket or its port."""
    loop, parts = asyncio.get_running_loop(), urlsplit(url)
    if parts.scheme == "unix":
        _, connection = await loop.create_unix_connection(RedisConnection, parts.path)
    else:
        _, connection = await loop.create_connection(RedisConnection, parts.hostname or "127.0.0.1", parts.port or 6379)
    return connection


async def hop(stage: Stack, listeners: int, seconds: float) -> list[float]:
    """Return the seconds of each message from its publication to the listener's callback."""
    channels = [f"hop-{number}" for number in range(listeners)]
    environment = {name: value for name, value in stage.settings.items() if name == "REDIS_URL"}
    children = [
        await stage.children.start(each, "benchmarks.bus_hop", **environment, HOP_CHANNEL=each) for each in channels
    ]
    connection = await connected(stage.settings["REDIS_URL"])
    try:
        await _heard_by(connection, channels)
        until = time.time() + seconds
        while time.time() < until:
            at = repr(time.time())
            named = [channels[number % listeners] for number in range(OF_ONE)]
            connection.send(*(("SPUBLISH", each, f"{at} {BODY}") for each in named))
            await asyncio.sleep(1 / BURSTS_PER_S)
        connection.send(*(("SPUBLISH", each, END) for each in channels))
        return [delay for each in children for delay in await _result(each)]
    finally:
        connection.close()


async def _heard_by(connection: RedisConnection, channels: Sequence[str]) -> None:
    """Wait until each channel has its listener."""
    heard: asyncio.Queue[Any] = asyncio.Queue()
    connection.told = heard.put_nowait
    async with asyncio.timeout(START_S):
        for each in channels:
            counted = 0
            while not counted:
                connection.send(("PUBSUB", "SHARDNUMSUB", each))
                counted = (await heard.get())[1]
                await asyncio.sleep(0.02)
    connection.told = lambda reply: None


async def _result(child: Child) -> list[float]:
    async with asyncio.timeout(START_S):
        await child.process.wait()
    found: list[float] = json.loads(child.log.read_text().splitlines()[-1])
    return found


async def listen() -> None:
    """Hear until the end, and print the delays."""
    connection = await connected(os.environ["REDIS_URL"])
    delays = list[float]()
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def told(reply: Any) -> None:
        kind, _, body = reply
        if kind == b"smessage" and body == END.encode():
            ended.set_result(None)
        elif kind == b"smessage":
            delays.append(time.time() - float(body.partition(b" ")[0]))

    connection.told = told
    connection.send(("SSUBSCRIBE", os.environ["HOP_CHANNEL"]))
    await ended
    connection.close()
    sys.stdout.write(json.dumps(delays) + "\n")


if __name__ == "__main__":
    asyncio.run(listen())
