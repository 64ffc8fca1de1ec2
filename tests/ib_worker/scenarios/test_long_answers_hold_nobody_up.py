"""A day of ten thousand orders: the worker reads it, and tells of it, in steps that hold nobody up."""

import asyncio
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from queue import Queue

import pytest

from bridge.bus.messages import TRUNCATED, Reply
from bridge.runtime.heap import tune
from bridge.tool import OPERATIONS
from ib_worker.answers.bounds import BOUNDS
from ib_worker.pacing.long_lists import LONG_ROWS
from ibgateway.simulator.server.server import Simulator
from tests.stacks.bus import CALLER
from tests.stacks.worker import caller, order, trading, worker
from tests.steps import measured_again
from tests.waiting import until

ORDERS, FILLS = 10_000, 5_000
POSITION = "61"
POSITIONS_END, ORDERS_END, COMPLETED_END, EXECUTIONS_END = "62", "53", "102", "55"
PERM_ID = 9_000_000_000

# Where the simulator writes what differs from one order to the next, at the worker's version of the protocol.
COMPLETED_REF, COMPLETED_PERM = 22, 23
FILL_REQUEST, FILL_ORDER, FILL_EXEC, FILL_PERM, FILL_CLIENT, FILL_REF = 1, 2, 14, 21, 22, 26


def framed(fields: list[str]) -> bytes:
    payload = "".join(f"{each}\0" for each in fields).encode()
    return struct.pack(">I", len(payload)) + payload


def changed(frame: list[str], **fields: object) -> list[str]:
    """A frame with other fields, by their numbers: `_22="ref"`."""
    values = {int(name[1:]): str(value) for name, value in fields.items()}
    return [values.get(number, each) for number, each in enumerate(frame)]


class BusyGateway:
    """A gateway on which another program has traded all day; it answers what a session asks at its start, and later."""

    def __init__(self, completed: list[str], executed: list[str], orders: int, fills: int) -> None:
        self.asked: Counter[str] = Counter()  # by type of message
        self.executed = executed
        self._fills = fills
        self._writer: asyncio.StreamWriter
        self._loop: asyncio.AbstractEventLoop
        self._completed = b"".join(
            framed(changed(completed, _22=f"theirs-{number}", _23=PERM_ID + number)) for number in range(orders)
        )

    def _executions(self, reqId: str) -> bytes:
        ids = (f"0000e0d5.{number:08x}.01.01" for number in range(self._fills))
        return b"".join(
            framed(changed(self.executed, _1=reqId, _2=number, _14=each, _21=PERM_ID + number, _22=9, _26="theirs"))
            for number, each in enumerate(ids)
        )

    def _answer(self, asked: list[str]) -> list[bytes]:
        end = {"61": POSITIONS_END, "5": ORDERS_END, "16": ORDERS_END, "99": COMPLETED_END}.get(asked[0])
        if asked[0] == "7":
            return [self._executions(asked[2]), framed([EXECUTIONS_END, "1", asked[2]])]
        if asked[0] == "49":
            return [framed(["49", "1", "1749652200"])]
        return [*([self._completed] if asked[0] == "99" else []), *([framed([end, "1"])] if end else [])]

    async def _read(self, reader: asyncio.StreamReader) -> list[str]:
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        return (await reader.readexactly(length)).decode().split("\0")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer, self._loop = writer, asyncio.get_running_loop()
        await reader.readexactly(4)
        await self._read(reader)
        for greeting in (["178", "20250611 10:30:00 US/Eastern"], ["15", "1", "DU1234567"], ["9", "1", "50000"]):
            writer.write(framed(greeting))
        while True:
            try:
                asked = await self._read(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                return writer.close()
            self.asked[asked[0]] += 1
            for data in self._answer(asked):
                writer.write(data)

    def say(self, fields: list[str]) -> None:
        """A message that nobody asked for."""
        self._loop.call_soon_threadsafe(self._writer.write, framed(fields))

    @contextmanager
    def running(self) -> Iterator[int]:
        """Its port, while it runs in a thread of its own: the steps of its loop are not the worker's."""
        listening: Queue[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Queue()

        async def run() -> None:
            stop = asyncio.Event()
            async with await asyncio.start_server(self.serve, "127.0.0.1", 0) as server:
                listening.put((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stop))
                await stop.wait()

        thread = threading.Thread(target=asyncio.run, args=(run(),))
        thread.start()
        port, loop, stop = listening.get()
        try:
            yield port
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()


async def busy_gateway(redis_url: str, session: str, orders: int, fills: int) -> BusyGateway:
    """Its frames are as the simulator writes them."""
    async with Simulator() as sim, trading(redis_url, session, sim) as front:
        await front.submit("place_order", **order())
        await front.ask("get_executions")
        await front.ask("get_completed_orders")
        completed, executed = sim.journal.entries("out", 101)[-1], sim.journal.entries("out", 11)[-1]
    return BusyGateway(completed.fields, executed.fields, orders, fills)


def moved(position: int) -> list[str]:
    """A position of IBM."""
    contract = ["8314", "IBM", "STK", "", "0", "", "", "", "USD", "IBM", "IBM"]
    return [POSITION, "3", "DU1234567", *contract, str(position), "100.0"]


@pytest.mark.trial("B1")
@pytest.mark.usefixtures("untuned")
@pytest.mark.timeout(300)  # a round takes seven seconds, and half a minute on a machine that does much else
async def test_a_day_of_ten_thousand_orders_is_read_and_told_in_short_steps(redis_url: str, session: str) -> None:
    gateway = await busy_gateway(redis_url, session, ORDERS, FILLS)
    tune()  # as the worker's process does
    rounds, told = count(1), dict[str, Reply]()

    async def read_and_tell() -> None:
        busy = f"{session}-busy-{next(rounds)}"
        async with worker(redis_url, busy, port), caller(redis_url, busy) as front:
            await front.reaches("ready", timeout_s=90)
            for operation in ("get_executions", "get_completed_orders"):
                declared = OPERATIONS[operation]
                told[operation] = await front.bus_client.reply(declared, declared.request(), CALLER, 40)

    with gateway.running() as port:
        assert not (await measured_again(read_and_tell, rounds=3)).over

    assert told["get_executions"].details[TRUNCATED]["of"] == FILLS
    assert told["get_completed_orders"].details[TRUNCATED]["of"] == ORDERS
    assert told["get_completed_orders"].details[TRUNCATED]["rows"] <= (BOUNDS["get_completed_orders"].rows or 0)


@pytest.mark.trial("B1")
async def test_a_long_list_is_asked_for_anew_only_when_it_may_lack_something(redis_url: str, session: str) -> None:
    """It is told together with this session's own fills that came since; another program's move a position."""
    gateway, callers = await busy_gateway(redis_url, session, 2 * LONG_ROWS, 2 * LONG_ROWS), count(1)
    with gateway.running() as port:
        busy = f"{session}-busy"
        async with worker(redis_url, busy, port), caller(redis_url, busy) as front:
            await front.reaches("ready", timeout_s=90)

            async def newest() -> str:
                front.name = f"caller-{next(callers)}"  # each has a share of the worker's time
                fills, _ = await asyncio.gather(
                    front.ask("get_executions", deadline_s=40), front.ask("get_completed_orders", deadline_s=40)
                )
                return str(fills[-1]["execId"])

            first = await newest()
            asked = gateway.asked["7"], gateway.asked["99"]
            assert await newest() == first
            own = changed(gateway.executed, _1=-1, _2=4, _14="0000e0d5.ffffffff.01.01", _21=7, _26="own")
            gateway.say(own)
            await until_told(newest, "0000e0d5.ffffffff.01.01")
            assert (gateway.asked["7"], gateway.asked["99"]) == asked

            gateway.say(moved(5))

            async def asked_anew() -> bool:
                await newest()
                return gateway.asked["7"] == asked[0] + 1 and gateway.asked["99"] == asked[1] + 1

            await until(asked_anew, "both lists are asked for anew", 20)


async def until_told(newest: Callable[[], Awaitable[str]], execId: str) -> None:
    async def told() -> bool:
        return await newest() == execId

    await until(told, f"{execId} is told", 20)
