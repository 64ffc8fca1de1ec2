"""Random runs of readers: events and quotes are read by handle and by waiting while every part is killed in turn.

Each call is a request of its own, without an MCP session, through any front. A run holds if each reader has what the
logs in Redis have, once and in order, if each execution of the gateway is among it, and if each gap is marked.
"""

import asyncio
import math
import random
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.bus.events.event import Cursor
from bridge.bus.events.event_log import read_events
from bridge.order_references import order_ref
from tests.faults.event_judge import QuoteEntry, Row, wrong_ends, wrong_events, wrong_executions, wrong_quotes
from tests.faults.mcp import LEGACY, MODERN, Answer, ask
from tests.faults.stage import PASSING, START_S, Stage, insisted
from tests.waiting import until

FRONTS = 2
SPAN_S = 5.0  # within which orders are placed and faults begin
RECOVERS_S = START_S  # at loads above 15 a start or a take-over has taken a minute
MOVES = {"event": "price", "symbol": "SPY", "changePercent": 0.001}  # less than a cent: nearly each price fires it
WAIT_S = 3  # of one read
GAP_OF = {"worker killed", "worker terminated", "gateway restarts", "reset", "1101"}  # each ends TWS's subscriptions
ASKED_AGAIN = {"cut", "audit_unavailable"}  # too: the second says that nothing was sent, and to retry with the key
FAULTS = (*sorted(GAP_OF), "front killed", "redis restarted")


@dataclass
class EventResult:
    """The result of a run. `wrong` names each promise that it broke."""

    number: int
    faults: list[str]
    events: int = 0
    executions: int = 0
    alerts: int = 0
    quotes: int = 0
    gaps: int = 0
    conflated: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Client:
    """Asks any front, in either protocol era, until one answers."""

    def __init__(self, stage: Stage, dice: random.Random, result: EventResult) -> None:
        self._stage = stage
        self._dice = dice
        self._result = result

    async def once(self, tool: str, expected: Callable[[], str] = str, **arguments: Any) -> Answer:
        """Ask once. `expected`: the code of an error that is right when the answer comes."""
        front = self._dice.choice(self._stage.fronts)
        answer = await ask(front.port, self._dice.choice((MODERN, LEGACY)), tool, arguments)
        self._result.answers[answer.code] += 1
        if not answer.done and answer.code not in PASSING | ASKED_AGAIN | {expected()}:
            self._result.wrong.append(f"{tool} was answered {answer.code}: {answer.details.get('message')}")
        return answer

    async def insists(self, tool: str, final: str = "", **arguments: Any) -> Any:
        """Ask until it is done, or was answered with the final error's code: then None. Raises AssertionError with the
        answers that came instead."""
        codes = Counter[str]()
        try:
            async with asyncio.timeout(RECOVERS_S):
                while True:
                    answer = await self.once(tool, lambda: final, **arguments)
                    if answer.done or answer.code == final:
                        return answer.value
                    codes[answer.code] += 1
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise AssertionError(f"{tool} was not done within {RECOVERS_S:g} s: {dict(codes)}") from None


class HandleReader:
    """Reads one handle for ever, and keeps all rows."""

    def __init__(self, client: Client, dice: random.Random, opened: dict[str, Any]) -> None:
        self._client = client
        self._dice = dice
        self.handle = opened["handle"]
        self._columns: list[str] = opened["columns"]
        self.cursor = self.began = str(opened["cursor"])
        self.rows: list[Row] = []
        self.conflated = 0
        self.missed: list[int | None] = []  # what answers said is lost, where no row says so

    async def run(self) -> None:
        while True:
            limit = self._dice.choice((1, 5, 200))
            answer = await self._client.once(
                "ibkr_read_stream", handle=self.handle, cursor=self.cursor, wait_seconds=WAIT_S, limit=limit
            )
            if not answer.done:
                await asyncio.sleep(0.2)
                continue
            found = answer.value
            rows = _whole(found, self._columns)
            self.rows += rows
            self.cursor = found["cursor"]
            self.conflated += found["conflated"]
            if found["gap"] and "gap" not in [row[0] for row in rows]:
                self.missed.append(found["missing"])


def _whole(found: dict[str, Any], columns: list[str]) -> list[Row]:
    """Return the rows in all columns of the stream: an answer tells once what is equal in all of its rows."""
    cells = [found["same"] | dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
    return [[each[name] for name in columns] for each in cells]


class Waiter:
    """Waits for one event after the other, each time with the cursor of the last answer. `detail`: what of an event
    tells it from others. `ends`: the error's code that ends it, once the thing that it waits for is cancelled."""

    def __init__(self, client: Client, cursor: str, condition: dict[str, Any], detail: str) -> None:
        self._client = client
        self._condition = condition
        self._detail = detail
        self.cursor = self.began = cursor
        self.found: list[Any] = []
        self.ends = ""
        self.ended = False

    async def run(self) -> None:
        while True:
            wanted = {"events": [self._condition], "timeout_seconds": WAIT_S, "cursor": self.cursor}
            answer = await self._client.once("ibkr_wait_for", lambda: self.ends, **wanted)
            if self.ends and answer.code == self.ends:
                self.ended = True
                return
            if not answer.done:
                await asyncio.sleep(0.2)
                continue
            self.cursor = answer.value["cursor"]
            if answer.value["event"] == self._condition["event"]:
                self.found.append(answer.value["happened"]["details"][self._detail])


def _drawn(seed: int, number: int) -> tuple[random.Random, list[str]]:
    dice = random.Random(f"events-{seed}-{number}")
    return dice, [dice.choice(FAULTS) for _ in range(dice.choice((1, 1, 2, 3)))]


async def play(stage: Stage, seed: int, number: int) -> EventResult:
    dice, faults = _drawn(seed, number)
    result, began = EventResult(number, faults), time.monotonic()
    await stage.worker(0)
    for place in range(FRONTS):
        await stage.front(place)
    await stage.ready()
    client = Client(stage, dice, result)
    orders = HandleReader(client, dice, await client.insists("ibkr_subscribe", kind="orders"))
    quotes = HandleReader(client, dice, await client.insists("ibkr_subscribe", kind="quotes", symbol="SPY"))
    nothing = await client.insists("ibkr_wait_for", events=[{"event": "halt"}], timeout_seconds=1)
    waiter = Waiter(client, nothing["cursor"], {"event": "execution"}, "execId")
    alert = (await client.insists("ibkr_create_alert", events=[MOVES], repeat=True))["alertId"]
    watcher = Waiter(client, nothing["cursor"], {"event": "alert", "alertId": alert}, "price")
    reading = [asyncio.create_task(each.run()) for each in (orders, quotes, waiter, watcher)]
    try:
        names = [f"events-{seed}-{number}-{each}" for each in range(dice.randint(2, 4))]
        striking = [_strike(stage, name, dice.uniform(0, SPAN_S), dice.uniform(0, 2)) for name in faults]
        placing = [_place(stage, client, result, key, dice.uniform(0, SPAN_S)) for key in names]
        keys, _ = await asyncio.gather(asyncio.gather(*placing), asyncio.gather(*striking))
        await stage.ready()
        watcher.ends = "not_found"  # which is told only to whoever has every firing
        await client.insists("ibkr_cancel_alert", alertId=alert)
        await _caught_up(stage, orders, quotes, (waiter, watcher), keys)
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    await _judge(stage, result, orders, quotes, waiter, keys)
    await _judge_alerts(stage, result, watcher, alert)
    result.seconds = time.monotonic() - began
    for reader in (orders, quotes):
        await client.insists("ibkr_unsubscribe", handle=reader.handle)
    return result


async def _place(stage: Stage, client: Client, result: EventResult, key: str, at_s: float) -> str:
    """Return the key that has brought the order: one whose frame a fault has eaten is not_found for good."""
    await asyncio.sleep(at_s)
    order = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}
    while await client.insists("ibkr_place_order", "not_found", **order, idempotencyKey=key) is None:
        if any(each.request.placed[1].orderRef == order_ref(key) for each in stage.sim.journal.orders()):
            result.wrong.append(f"{key} was answered not_found, and the gateway had its frame")
        key = f"{key}-again"
    return key


async def _strike(stage: Stage, name: str, at_s: float, for_s: float) -> None:
    await asyncio.sleep(at_s)
    await STRIKES[name](stage, for_s)


async def _front_killed(stage: Stage, for_s: float) -> None:
    await stage.fronts[0].kill()
    await asyncio.sleep(for_s)
    await stage.front(0)


async def _worker_killed(stage: Stage, for_s: float) -> None:
    await stage.workers[0].kill()
    await asyncio.sleep(for_s)
    await stage.workers[0].start()


async def _worker_terminated(stage: Stage, for_s: float) -> None:
    await stage.workers[0].stop()
    await asyncio.sleep(for_s)
    await stage.workers[0].start()


async def _redis_restarted(stage: Stage, for_s: float) -> None:
    async with stage.redis_turn:
        await stage.redis_faults.run("restarted")


def _scripted(*lines: str) -> Callable[[Stage, float], Awaitable[None]]:
    async def strike(stage: Stage, for_s: float) -> None:
        for line in lines:
            stage.sim.fault(line)
        await asyncio.sleep(3)

    return strike


STRIKES: dict[str, Callable[[Stage, float], Awaitable[None]]] = {
    "front killed": _front_killed,
    "worker killed": _worker_killed,
    "worker terminated": _worker_terminated,
    "redis restarted": _redis_restarted,
    "gateway restarts": _scripted("restart 2"),
    "reset": _scripted("reset"),
    "1101": _scripted("link down", "after 1 link lost"),
}


def place_of(cursor: str) -> Cursor:
    """Return the place that a sealed cursor names."""
    return Cursor.parse(cursor.rpartition(".")[0])


async def _caught_up(
    stage: Stage, orders: HandleReader, quotes: HandleReader, waiters: tuple[Waiter, ...], keys: list[str]
) -> None:
    """Wait until every order's end is logged and everybody has read to the log's end, and quotes come again."""
    pipe, names = stage.operator.bus_client.pipe, stage.operator.bus_client.keys

    async def read_all() -> bool:
        page = await insisted(lambda: read_events(pipe, names, place_of(orders.began), 10_000))
        filled = {each.event.orderRef for each in page.events if each.event.details.get("status") == "Filled"}
        cursors = [orders.cursor, *(each.cursor for each in waiters if not each.ended)]
        there = all(place_of(each).number >= page.next.number for each in cursors)
        return {order_ref(key) for key in keys} <= filled and there  # a new leader knows no key

    seen = len(quotes.rows)
    await until(read_all, "every event is read", RECOVERS_S)
    await until(lambda: any(row[0] == "quote" for row in quotes.rows[seen:]), "quotes come again", RECOVERS_S)


async def _judge(
    stage: Stage,
    result: EventResult,
    orders: HandleReader,
    quotes: HandleReader,
    waiter: Waiter,
    keys: list[str],
) -> None:
    bus_client = stage.operator.bus_client
    page = await insisted(lambda: read_events(bus_client.pipe, bus_client.keys, place_of(orders.began), 10_000))
    last = place_of(orders.cursor).number
    truth = [
        [each.event.kind, each.event.time, each.event.details] for each in page.events if each.cursor.number <= last
    ]
    told = [[row[0], row[1], row[-1]] for row in orders.rows]
    result.events = len(told)
    result.wrong += wrong_events(told, truth)
    start, reached = place_of(waiter.began).number, place_of(waiter.cursor).number
    logged = [
        each.event.details["execId"]
        for each in page.events
        if each.event.kind == "execution" and start < each.cursor.number <= reached
    ]
    result.executions = len(logged)
    result.wrong += wrong_executions(waiter.found, logged)
    ended = [each.event.orderRef for each in page.events if each.event.kind == "order" and each.event.details["done"]]
    result.wrong += wrong_ends(ended, keys)
    if orders.missed or any(each != 0 for each in quotes.missed):
        result.wrong.append(f"answers say that entries are missing: {orders.missed} {quotes.missed}")
    await _judge_quotes(stage, result, quotes)


async def _judge_alerts(stage: Stage, result: EventResult, watcher: Waiter, alert: str) -> None:
    bus_client = stage.operator.bus_client
    start = place_of(watcher.began)
    reached = math.inf if watcher.ended else place_of(watcher.cursor).number
    page = await insisted(lambda: read_events(bus_client.pipe, bus_client.keys, start, 10_000))
    logged = [
        each.event.details["price"]
        for each in page.events
        if each.event.kind == "alert" and each.event.details["watch"] == alert and each.cursor.number <= reached
    ]
    result.alerts = len(logged)
    if watcher.found != logged:
        result.wrong.append(f"the watcher has the alerts {watcher.found}, the log {logged}")


async def _judge_quotes(stage: Stage, result: EventResult, quotes: HandleReader) -> None:
    """Compare with the log itself, and look whether each update is in it or a gap stands for it."""
    bus_client = stage.operator.bus_client
    start, last = place_of(quotes.began), place_of(quotes.cursor)
    handles = await insisted(bus_client.streams.all)
    stream = next(each.stream for each in handles if each.handle == quotes.handle)
    rows = await bus_client.pipe.send("XRANGE", bus_client.keys.kept(stream), f"({start.id}", last.id)
    entries = [QuoteEntry.parse(_fields(row[1])) for row in rows]
    told = [[row[0], row[1], row[-1]] for row in quotes.rows]
    result.quotes, result.conflated = len(told), quotes.conflated
    result.gaps = sum(row[0] == "gap" for row in told)
    result.wrong += wrong_quotes(told, entries, needs_gap=bool(GAP_OF & set(result.faults)))


def _fields(flat: list[bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}


async def play_or_say(stage: Stage, seed: int, number: int) -> EventResult:
    """A run that can't be played has not held."""
    try:
        return await play(stage, seed, number)
    except Exception as error:  # noqa: BLE001  # the run's end must not be the end of all
        where = traceback.extract_tb(error.__traceback__)[-1]
        why = f"not played: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        return EventResult(number, _drawn(seed, number)[1], wrong=[why])
