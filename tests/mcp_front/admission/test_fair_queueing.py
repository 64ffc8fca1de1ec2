"""The fair queue: callers in rotation, a few inside at a time, and a flood that is rejected as `paced`."""

import asyncio
from collections import Counter
from contextlib import nullcontext
from functools import partial
from typing import Any

import httpx
import pytest
from starlette.authentication import SimpleUser, UnauthenticatedUser
from starlette.types import Message, Receive, Scope, Send

from bridge.metrics.figures import QueueFigures
from mcp_front.admission import fair_queueing as queueing
from mcp_front.admission.fair_queueing import MAX_CONCURRENT, SHARE, FairQueueMiddleware, release_slot
from mcp_front.admission.rate_limits import RateLimiter
from tests.stacks.fair_queue import CANCEL, HALT, UNPACED, WAITING, Inside, call, flooded, keep_places, nothing
from tests.stacks.front import MODERN, serving
from tests.waiting import until


@pytest.fixture(autouse=True)
def long_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_places(monkeypatch)


async def test_a_few_are_inside_and_the_rest_wait() -> None:
    inside = Inside()
    async with flooded(inside):
        assert inside.entered == ["hungry"] * MAX_CONCURRENT


async def test_what_waits_and_what_is_rejected_is_counted() -> None:
    inside, figures = Inside(), QueueFigures()
    guarded = FairQueueMiddleware(inside, UNPACED, nullcontext, figures)
    tasks = [call(guarded, "hungry") for _ in range(MAX_CONCURRENT + WAITING)]
    await asyncio.sleep(0.01)
    await call(guarded, "hungry")
    full = (figures.waiting, figures.rejected)
    inside.go.release()
    await until(lambda: len(inside.entered) > MAX_CONCURRENT, "one more is in")
    after = figures.waiting
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert (full, after, figures.waiting) == ((WAITING, 1), WAITING - 1, 0)


async def test_another_caller_is_next_however_many_of_one_wait() -> None:
    inside = Inside()
    async with flooded(inside) as (guarded, tasks):
        tasks.append(call(guarded, "quiet"))
        await asyncio.sleep(0)
        inside.go.release()
        await until(lambda: len(inside.entered) > MAX_CONCURRENT, "one more is in")

        assert inside.entered[MAX_CONCURRENT:] == ["quiet"]


async def test_a_caller_has_its_share_of_the_places_while_another_calls_and_all_of_them_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside = Inside()
    async with flooded(inside) as (guarded, tasks):
        tasks.append(call(guarded, "quiet"))
        for _ in range(MAX_CONCURRENT - SHARE):  # the first place that is free is the quiet caller's
            inside.go.release()
        await until(lambda: "quiet" in inside.entered, "the quiet caller is in")
        await asyncio.sleep(0.02)
        beside = Counter(inside.entered)
        monkeypatch.setattr(queueing, "ABOUT_S", 0.0)  # the quiet caller has gone
        inside.go.release()
        await until(lambda: len(inside.entered) == beside.total() + 2, "no place is free")

    assert beside == {"hungry": MAX_CONCURRENT, "quiet": 1}


async def test_a_call_that_waits_for_the_worker_holds_no_place() -> None:
    inside = Inside()

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        release_slot(scope)
        await inside(scope, receive, send)

    async with flooded(waits) as (_, tasks):
        await until(lambda: len(inside.entered) == len(tasks), "all are in")


async def test_an_answer_that_begins_holds_no_place() -> None:
    inside = Inside()

    async def answers(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await inside(scope, receive, send)

    async with flooded(answers) as (_, tasks):
        await until(lambda: len(inside.entered) == len(tasks), "all are in")


async def test_whoever_stays_long_holds_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "LONGEST_S", 0.01)
    inside = Inside()
    async with flooded(inside) as (_, tasks):
        await until(lambda: len(inside.entered) == len(tasks), "all are in")


async def test_whoever_leaves_before_its_turn_takes_no_place_along() -> None:
    inside = Inside()
    async with flooded(inside) as (guarded, tasks):
        for each in tasks[MAX_CONCURRENT:]:
            each.cancel()
        inside.go.release()
        tasks.append(call(guarded, "quiet"))

        await until(lambda: "quiet" in inside.entered, "the place is free")


async def test_whoever_is_early_waits_before_it_takes_a_place() -> None:
    inside = Inside()
    guarded = FairQueueMiddleware(inside, RateLimiter(20, 1), nullcontext)
    inside.go.release()
    tasks = [call(guarded, "claude") for _ in range(2)]
    await until(lambda: tasks[0].done(), "the first is through")
    assert inside.entered == ["claude"]
    assert guarded._places._inside.total() == 0

    inside.go.release()
    await asyncio.gather(*tasks)
    assert inside.entered == ["claude"] * 2


async def test_what_came_before_the_door_opened_is_not_lost() -> None:
    heard: list[bytes] = []

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append((await receive())["body"])

    await call(FairQueueMiddleware(reads, UNPACED, nullcontext), "claude", body=b"hello")

    assert heard == [b"hello"]


async def test_health_is_told_while_the_door_is_crowded(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as running, httpx.AsyncClient(verify=False) as http:
        calls = [asyncio.create_task(running.raw().call("ibkr_get_status")) for _ in range(8)]
        answer = await http.get(f"{running.url}/healthz")
        await asyncio.gather(*calls)

        assert answer.status_code == 200


async def test_a_halt_waits_behind_nobody_not_even_its_own_flood() -> None:
    inside = Inside()
    async with flooded(inside) as (guarded, tasks):
        tasks += [call(guarded, "hungry") for _ in range(WAITING - 10)]  # one more would be refused
        before = len(inside.entered)
        tasks.append(call(guarded, "hungry", body=HALT))

        await until(lambda: len(inside.entered) == before + 1, "the halt is in")


@pytest.mark.parametrize("relief", [HALT, CANCEL])
async def test_no_number_of_calls_that_reduce_risk_is_rejected(relief: bytes) -> None:
    inside, told, relieved = Inside(), list[Message](), list[int]()

    async def hear(message: Message) -> None:
        told.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["user"].display_name == "careful":
            relieved.append(1)
        else:
            await inside(scope, receive, send)

    async with flooded(app) as (guarded, _):
        await asyncio.gather(*(call(guarded, "careful", hear, relief) for _ in range(10 * WAITING)))

        assert len(relieved) == 10 * WAITING
        assert not told


async def test_a_halt_waits_for_no_cancel_and_for_no_status() -> None:
    inside = Inside()
    async with flooded(inside) as (guarded, tasks):
        tasks += [call(guarded, "hungry", body=CANCEL) for _ in range(20)]
        await until(lambda: len(inside.entered) == 2 * MAX_CONCURRENT, "the first cancels are in")
        tasks.append(call(guarded, "hungry", body=HALT))

        await until(lambda: len(inside.entered) == 2 * MAX_CONCURRENT + 1, "the halt is in")


@pytest.mark.parametrize(
    "other",
    [{"user": UnauthenticatedUser()}, {"method": "GET", "user": SimpleUser("claude")}, {"type": "lifespan"}],
    ids=["who is not known", "a GET", "the start"],
)
async def test_what_is_no_request_of_a_known_client_is_neither_read_nor_held_up(other: Scope) -> None:
    came: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        came.append(scope)

    async def never() -> Message:
        raise AssertionError("it is read")

    guarded = FairQueueMiddleware(app, RateLimiter(0.001, 1), nullcontext)
    for _ in range(3):
        await guarded({"type": "http", "method": "POST", **other}, never, nothing)

    assert len(came) == 3
    assert not any(queueing.PLACE in scope for scope in came)


NAMED = b'{"method": "tools/list", "params": {"_meta": {"io.modelcontextprotocol/clientInfo": {"name": "%s"}}}}'
MODERN_SCOPE: dict[str, Any] = {"headers": [(b"mcp-protocol-version", MODERN.encode())]}


async def test_without_tokens_clients_are_told_apart_by_name_and_else_by_connection() -> None:
    entered: list[str] = []
    go = asyncio.Semaphore(0)

    async def inside(scope: Scope, receive: Receive, send: Send) -> None:
        entered.append((await receive())["body"].decode())
        await go.acquire()

    guarded = FairQueueMiddleware(inside, UNPACED, nullcontext)

    def come(body: bytes, port: int) -> asyncio.Task[None]:
        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        scope = {"type": "http", "method": "POST", "client": ("127.0.0.1", port), **MODERN_SCOPE}
        return asyncio.create_task(guarded(scope, receive, nothing))

    tasks = [come(NAMED % b"hungry", 1_000 + number) for number in range(8)]
    tasks += [come(b"unnamed", 2_000), come(NAMED % b"quiet", 3_000)]
    await until(lambda: len(entered) == MAX_CONCURRENT, "the first are in")
    for number in range(3):
        go.release()
        await until(lambda least=MAX_CONCURRENT + number: len(entered) > least, "the next is in")  # type: ignore[misc]
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert "unnamed" in entered
    assert any("quiet" in each for each in entered)


class Body:
    """A request body that comes in pieces, and how much of it was read."""

    def __init__(self, *pieces: bytes) -> None:
        self.left = list(pieces)

    async def receive(self) -> Message:
        piece = self.left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self.left)}


async def test_a_large_body_is_read_when_its_turn_has_come() -> None:
    inside = Inside()
    guarded = FairQueueMiddleware(inside, UNPACED, nullcontext)
    fill = [call(guarded, "hungry") for _ in range(MAX_CONCURRENT)]
    bodies = [Body(bytes(queueing.SMALL + 1), b"the", b"rest") for _ in range(3)]
    scope = {"type": "http", "method": "POST", "user": SimpleUser("large")}
    tasks = [asyncio.create_task(guarded(scope, each.receive, nothing)) for each in bodies]
    await until(lambda: not bodies[0].left, "the first is read")
    for _ in range(5):
        await asyncio.sleep(0)
    assert [len(each.left) for each in bodies] == [0, 2, 2]

    inside.go.release()
    await until(lambda: not bodies[1].left, "the second is read once the first is in")
    assert len(bodies[2].left) == 2
    for each in [*fill, *tasks]:
        each.cancel()
    await asyncio.gather(*fill, *tasks, return_exceptions=True)


async def test_a_large_body_arrives_whole() -> None:
    arrived: list[bytes] = []

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            arrived.append(message["body"])
            more = message["more_body"]

    pieces = [bytes(queueing.SMALL + 1), b"the", b"rest"]
    scope = {"type": "http", "method": "POST", "user": SimpleUser("large")}
    await FairQueueMiddleware(reads, UNPACED, nullcontext)(scope, Body(*pieces).receive, nothing)

    assert b"".join(arrived) == b"".join(pieces)


async def test_large_bodies_that_wait_count_too() -> None:
    """What came of each before its turn is held: a client that stalls after that makes the front hold no more."""
    guarded = FairQueueMiddleware(Inside(), UNPACED, nullcontext)
    answered: list[int] = []

    async def note(message: Message) -> None:
        answered.extend([message["status"]] if "status" in message else [])

    async def stalled(pieces: list[bytes]) -> Message:
        if not pieces:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(), "more_body": True}

    scope = {"type": "http", "method": "POST", "user": SimpleUser("large")}
    tasks = []
    for _ in range(20):
        pieces = [bytes(queueing.SMALL + 1)]
        tasks.append(asyncio.create_task(guarded(scope, partial(stalled, pieces), note)))
    other = {**scope, "user": SimpleUser("other")}
    tasks.append(asyncio.create_task(guarded(other, partial(stalled, [bytes(queueing.SMALL + 1)]), note)))
    await until(lambda: len(answered) == 17, "all but two of the first client's are rejected")

    assert set(answered) == {429}
    assert guarded._large.line.size <= 2 * queueing.WAITING
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_body_beyond_the_limit_is_413_with_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "BODY_LIMIT", 1024 * 1024)
    inside, told = Inside(), list[Message]()

    async def hear(message: Message) -> None:
        told.append(message)

    endless = Body(*[bytes(256 * 1024)] * 20)
    scope = {"type": "http", "method": "POST", "user": SimpleUser("large")}
    await FairQueueMiddleware(inside, UNPACED, nullcontext)(scope, endless.receive, hear)

    assert told[0]["status"] == 413
    assert b"at most 1 MiB" in told[1]["body"]
    assert len(endless.left) >= 14
    assert not inside.entered


@pytest.mark.parametrize(("user", "told"), [(SimpleUser("claude"), 1), (UnauthenticatedUser(), 0), (None, 1)])
async def test_a_connection_is_told_once_its_client_is_known(user: Any, told: int) -> None:
    known: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "POST", queueing.AUTHENTICATED: lambda: known.append(1)}
    await FairQueueMiddleware(app, None, nullcontext)(
        scope if user is None else {**scope, "user": user}, receive, nothing
    )

    assert len(known) == told
