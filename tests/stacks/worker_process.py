"""A worker as a process of its own, to be killed and frozen: it writes each order that it would send into a file."""

import asyncio
from pathlib import Path

from bridge.bus.leadership.lease import LeaseLost
from bridge.bus.server.request import RequestContext
from bridge.bus.server.server import BusServer
from bridge.bus.timing import BusTiming
from bridge.bus.transport.errors import Fenced

LEASE_S, RENEW_S = 3.0, 0.2  # short, so that tests need not wait long; a busy machine may hold a leader up for a second


class Worker:
    """`where` it stops for good: `before` accepting, `between` accepting and sending, `after` sending, or nowhere."""

    def __init__(self, name: str, journal: Path, where: str) -> None:
        self.name = name
        self.journal = journal
        self.where = where

    def say(self, word: str) -> None:
        with self.journal.open("a") as journal:
            journal.write(f"{self.name} {word}\n")

    async def handle(self, context: RequestContext) -> bytes:
        self.say(f"asked {context.operation}")
        await self.stop_at("before")
        if context.key is not None:
            await context.accept()
            await self.stop_at("between")
            if not context.still_leader():
                raise Fenced
            self.say(f"sent {context.key}")
        await self.stop_at("after")
        return f'{{"by":"{self.name}","replayed":false}}'.encode()

    async def stop_at(self, where: str) -> None:
        if self.where == where:
            self.say(f"stops {where}")
            self.where = ""
            await asyncio.Event().wait()

    async def run(self, url: str, session: str, leader_file: Path | None, timing: BusTiming) -> None:
        async with BusServer(url, session, self.name, leader_file, timing=timing) as bus:
            while True:
                self.say("waits")
                await bus.lead()
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(bus.serve(self.handle))
                        group.create_task(self.say_when_open(bus))
                except* LeaseLost:
                    self.say("lost the lease")

    async def say_when_open(self, bus: BusServer) -> None:
        """Both requests and writes are taken from now on."""
        while True:
            _, receivers = await bus.pipe.send("PUBSUB", "SHARDNUMSUB", bus.keys.requests)
            if receivers and await bus.pipe.send("GET", bus.keys.generation):
                return self.say("serves")
            await asyncio.sleep(0.01)


def main(
    url: str, session: str, name: str, journal: Path, where: str, leader_file: Path | None, lease_s: float
) -> None:
    timing = BusTiming(lease_s=lease_s, renew_s=RENEW_S, margin_s=0.3)
    asyncio.run(Worker(name, journal, where).run(url, session, leader_file, timing))
