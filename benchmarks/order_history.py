"""`python -m benchmarks.order_history`: how long the worker takes to read an order's history from a long audit log.

The order was placed elsewhere, so that only its permId names it. Its events lie at the log's beginning, middle and end.
The log was written by an earlier release, without an index: the first call fills the index, the others read it.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.audit import SESSION, fill
from bridge.audit_chain import GENESIS, AuditEntry, digest, encode
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tools.types import Contract
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.audit.order_history import OrderHistoryReader
from ib_worker.audit.trail import to_json
from ib_worker.orders.events import Event, OpenOrderReported, Status, Terms
from ib_worker.orders.state import OrderState

BAR_MS = 20.0  # for the median
PERM_ID, CLIENT_ID = 1_806_000_000, 9
BEGAN = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
TERMS = Terms(
    Contract(conId=265598, symbol="AAPL", secType="STK", primaryExchange="NASDAQ", strike=None),
    "DU***567", "BUY", 100.0, "LMT", 187.5, None, "GTC",
)  # fmt: skip
EVENTS_OF_AN_ORDER = 8


def event(number: int, permId: int) -> Event:
    """Return the order's event of this number: it is shown first, and then reported again and again."""
    at = BEGAN + timedelta(seconds=number)
    if number == 0:
        return OpenOrderReported(at, permId, None, TERMS, "Submitted")
    return Status(at, permId, "Submitted", float(number), 100.0 - number, 187.4, 187.4)


def happened(count: int) -> Iterator[tuple[int, Event]]:
    """Yield the permId and the event of each entry. The measured order's lie between those of the others."""
    own = {round(number * (count - 1) / (EVENTS_OF_AN_ORDER - 1)): number for number in range(EVENTS_OF_AN_ORDER)}
    for position in range(count):
        order, number = divmod(position, EVENTS_OF_AN_ORDER)
        permId, number = (PERM_ID, own[position]) if position in own else (PERM_ID + 1 + order, number)
        yield permId, event(number, permId)


def lines_of(count: int) -> list[bytes]:
    """Return lines as the worker writes them."""
    lines, prev = [], GENESIS
    for seq, (permId, each) in enumerate(happened(count), 1):
        entry = AuditEntry(
            seq=seq, prev=prev, at="2025-06-11T14:30:00.123Z", event=each.kind, account="DU***567", clientId=CLIENT_ID,
            permId=permId, status="Submitted", token="1795741840", details=to_json(each),
        )  # fmt: skip
        lines.append(encode(entry))
        prev = digest(lines[-1])
    return lines


async def timed(reader: OrderHistoryReader) -> float:
    """Return the milliseconds of one call. Raises RuntimeError where an event is missing."""
    began = time.perf_counter()
    events = await reader.of(OrderState(0, CLIENT_ID, TERMS, permIds=(PERM_ID,)))
    took = (time.perf_counter() - began) * 1000
    if len(events) != EVENTS_OF_AN_ORDER:
        raise RuntimeError(f"{len(events)} events of {EVENTS_OF_AN_ORDER} were found")
    return took


async def run(entries: int, calls: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedRedis(Path(folder) / "redis") as redis, CommandPipeline(redis.url) as pipe:
            await fill(redis.url, lines_of(entries))
            reader = OrderHistoryReader(pipe, Keys(SESSION))
            first = await timed(reader)
            times = [await timed(reader) for _ in range(calls)]
    median = statistics.median(times)
    print(f"{entries} entries: the first call, which fills the index, {first:.1f} ms; then median {median:.2f} ms,")
    print(f"longest {max(times):.2f} ms of {calls} calls; load {os.getloadavg()[0]:.1f}")
    print(f"the bar of {BAR_MS:g} ms for the median is {'met' if median <= BAR_MS else 'missed'}")
    return int(median > BAR_MS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.order_history", description=__doc__)
    parser.add_argument("--entries", type=int, default=20_000, help="entries in the log (20000)")
    parser.add_argument("-n", type=int, default=100, help="calls that are measured (100)")
    asked = parser.parse_args()
    return asyncio.run(run(asked.entries, asked.n))


if __name__ == "__main__":
    sys.exit(main())
