"""`python -m benchmarks.order_steps`: from a market order's call to its filled answer, and what each step takes.

The simulator fills at once. Orders go one after another, first unwatched for the whole way, then beside Redis's MONITOR
and the simulator's journal for the steps, which both slow them. A step ends with its event: a script or message that
reaches Redis, or a frame at the gateway. So a step has the sync of the append-only log for the write before it.
`filled_ms` measures any MCP server that has ibkr_place_order, such as a reference without durable records.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count as count_from
from itertools import islice
from pathlib import Path

from benchmarks.http_load import MODERN, Socket, call_of
from benchmarks.orders import PLACE, WARM_UP, stack
from bridge.bus.controls.audit_log import APPEND
from bridge.bus.records.scripts import ACCEPT, FINISH, NOTE, ORDER_IDS, SUBMIT
from bridge.tasks import cancel_and_wait
from cli.errors import Problem

PAUSE_S = 0.1  # between orders: of what TWS takes in a second 35 messages go out steadily, one each 28.6 ms
BAR_MS = 25.0  # p50 from the call to the filled answer
SCRIPTS = {
    SUBMIT.sha: "record written (SUBMIT)",
    ORDER_IDS.sha: "order id taken (ORDER_IDS)",
    APPEND.sha: "intent in the audit log (APPEND)",
    ACCEPT.sha: "record accepted (ACCEPT)",
    NOTE.sha: "progress noted (NOTE)",
    FINISH.sha: "answer stored (FINISH), which publishes the reply",
}
STATUS = "3"  # TWS's message id of orderStatus
COMMAND = re.compile(rb'^\+(\d+\.\d+) \[\d+ (?!lua)\S+\] "EVALSHA" "([0-9a-f]{40})"')
FIRST, END = SCRIPTS[SUBMIT.sha], "answer at the client"

Event = tuple[float, str]
Window = tuple[float, float]


async def filled_ms(port: int, numbers: Iterator[int], count: int, pause_s: float = PAUSE_S) -> list[Window]:
    """Buy and sell in turn at the market, no order equal to another; when each was sent and when it was answered."""
    windows = []
    client = Socket(port)
    await client.open()
    for number in islice(numbers, count):
        action = ("BUY", "SELL")[number % 2]  # of each quantity one after the other, so that the margin lasts
        terms = {"symbol": "AAPL", "action": action, "totalQuantity": number // 2, "orderType": "MKT"}
        call = call_of(MODERN, "ibkr_place_order", terms | {"idempotencyKey": f"steps-{time.time_ns()}"})
        began = time.time()
        answer = await client.ask(call)
        windows.append((began, time.time()))
        if b'"status":"Filled"' not in answer:
            raise Problem(f"an order was not filled at once: {answer[:500]!r}")
        await asyncio.sleep(pause_s)
    await client.close()
    return windows


@asynccontextmanager
async def monitored(url: str) -> AsyncIterator[list[Event]]:
    """The scripts that reach Redis meanwhile, by the machine's clock."""
    reader, writer = await asyncio.open_unix_connection(url.removeprefix("unix://"), limit=1 << 24)
    events: list[Event] = []

    async def read() -> None:
        while line := await reader.readline():
            found = COMMAND.match(line)
            name = SCRIPTS.get(found[2].decode()) if found else None
            if found and name:
                events.append((float(found[1]), name))

    writer.write(b"MONITOR\r\n")
    reading = asyncio.create_task(read())
    try:
        yield events
    finally:
        await cancel_and_wait([reading])
        writer.close()


def frames(journal: Path) -> Iterator[Event]:
    """The frames of orders, and the statuses that say filled."""
    with journal.open() as file:
        for line in file:
            entry = json.loads(line)
            if entry["direction"] == "in" and entry["fields"][0] == PLACE:
                yield entry["wall"], "frame at the gateway"
            elif entry["direction"] == "out" and entry["fields"][0] == STATUS and "Filled" in entry["fields"]:
                yield entry["wall"], "fill sent by the gateway"


def steps(windows: list[Window], events: list[Event]) -> list[tuple[str, float, float]]:
    """Return each event's name, the median of its ms since the call, and of its ms since the event before."""
    since: defaultdict[str, list[float]] = defaultdict(list)
    gaps: defaultdict[str, list[float]] = defaultdict(list)
    for began, ended in windows:
        firsts: dict[str, float] = {}
        for at, name in sorted(each for each in events if began <= each[0] <= ended):
            if firsts or name == FIRST:  # the audit log's entries about the order before come first
                firsts.setdefault(name, at)
        before = began
        for name, at in (firsts | {END: ended}).items():
            since[name].append((at - began) * 1000)
            gaps[name].append((at - before) * 1000)
            before = at
    return sorted(
        ((name, statistics.median(each), statistics.median(gaps[name])) for name, each in since.items()),
        key=lambda step: step[1],
    )


async def run(count: int, pause_s: float) -> int:
    with tempfile.TemporaryDirectory() as folder:
        journal, numbers = Path(folder) / "journal", count_from(2)
        async with stack(Path(folder), journal) as ports:
            await filled_ms(ports.front, numbers, WARM_UP)
            whole = [(ended - began) * 1000 for began, ended in await filled_ms(ports.front, numbers, count, pause_s)]
            async with monitored(ports.redis) as events:
                await filled_ms(ports.front, numbers, WARM_UP)
                windows = await filled_ms(ports.front, numbers, count, pause_s)
        found = steps(windows, [*events, *frames(journal)])
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores; medians of {count} orders, watched:")
    for name, since_ms, step_ms in found:
        print(f"  {name:<52} {since_ms:6.1f} ms  + {step_ms:5.1f} ms")
    p50, p99 = statistics.median(whole), statistics.quantiles(whole, n=100)[98]
    verdict = "met" if p50 <= BAR_MS else "missed"
    print(f"place to filled, unwatched: p50 {p50:.1f} ms, p99 {p99:.1f} ms; the bar of {BAR_MS:g} ms is {verdict}")
    return int(p50 > BAR_MS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.order_steps", description=__doc__)
    parser.add_argument("-n", type=int, default=200, help="orders of each kind (200)")
    parser.add_argument("--pause", type=float, default=PAUSE_S, help=f"seconds between orders ({PAUSE_S:g})")
    asked = parser.parse_args()
    try:
        return asyncio.run(run(asked.n, asked.pause))
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
