"""The fair queue's rejections: their words, their status, and what they leave to other clients."""

import asyncio
import json
import tracemalloc
from contextlib import nullcontext

import httpx
import pytest
from starlette.authentication import SimpleUser
from starlette.types import Message

from mcp_front.admission import fair_queueing as queueing
from mcp_front.admission.fair_queueing import COUNTED, FairQueueMiddleware
from mcp_front.admission.rate_limits import RateLimiter
from mcp_front.protocol.results import ERROR_META
from tests.stacks.fair_queue import (
    READ,
    UNPACED,
    WAITING,
    Inside,
    call,
    flooded,
    keep_places,
    nothing,
)
from tests.stacks.front import ERAS, serving
from tests.waiting import until


@pytest.fixture(autouse=True)
def long_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_places(monkeypatch)


async def test_beyond_its_line_a_caller_is_told_to_come_again_and_others_are_not() -> None:
    inside, told = Inside(), list[Message]()

    async def hear(message: Message) -> None:
        told.append(message)

    async with flooded(inside) as (guarded, tasks):
        tasks += [call(guarded, "hungry") for _ in range(WAITING - 10)]
        await asyncio.sleep(0)
        await call(guarded, "hungry", hear)
        waiting = call(guarded, "quiet", hear)
        tasks.append(waiting)
        await asyncio.sleep(0)

        assert told[0]["status"] == 429
        assert b"retry-after" in dict(told[0]["headers"])
        assert b'"code": "paced"' in told[1]["body"]
        assert len(told) == 2
        assert not waiting.done()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"id":1,"method":"tools/call","params":{"name":"ibkr_get_pnl"}}', 200), (b'{"id":1,"method":"ping"}', 503)],
)
async def test_a_request_that_waits_when_the_front_is_cut_off_is_told_to_retry(body: bytes, status: int) -> None:
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    async with flooded(Inside()) as (guarded, _):
        waiting = call(guarded, "hungry", send, body)
        await asyncio.sleep(0)
        waiting.cancel()  # as uvicorn does
        await waiting

    assert told[0]["status"] == status
    assert b"not begun" in told[1]["body"]


async def test_a_refusal_that_is_held_back_goes_out_when_the_front_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "RETRY_IN_S", 60)
    monkeypatch.setattr(queueing, "REJECTED_PER_S", 1)
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    async with flooded(Inside()) as (guarded, tasks):
        tasks += [call(guarded, "hungry") for _ in range(WAITING - 10 + 1)]  # the last is rejected at once
        await asyncio.sleep(0)
        refused = call(guarded, "hungry", send)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        refused.cancel()
        await refused

    assert told[0]["status"] == 429


async def test_what_is_no_tool_call_is_refused_in_https_words() -> None:
    told = list[Message]()

    async def hear(message: Message) -> None:
        told.append(message)

    guarded = FairQueueMiddleware(Inside(), RateLimiter(0.001, 1), nullcontext)
    tasks = [call(guarded, "claude", hear, b'{"method": "tools/list", "id": 1}') for _ in range(2)]
    await tasks[1]
    tasks[0].cancel()

    assert told[0]["status"] == 429
    assert json.loads(told[1]["body"])["error"]["data"] == {"code": "paced", "retry_after_s": 1000}


async def test_a_body_that_does_not_come_is_waited_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "BODY_S", 0.05)
    told = list[Message]()

    async def hear(message: Message) -> None:
        told.append(message)

    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    await FairQueueMiddleware(Inside(), UNPACED, nullcontext)(
        {"type": "http", "method": "POST", "user": SimpleUser("slow")}, never, hear
    )

    assert told[0]["status"] == 408


async def test_no_client_makes_the_front_hold_more_than_so_many_bytes() -> None:
    inside, told = Inside(), list[Message]()

    async def hear(message: Message) -> None:
        told.append(message)

    async with flooded(inside) as (guarded, tasks):
        tasks.append(call(guarded, "large", body=bytes(8 * COUNTED)))
        await asyncio.sleep(0)
        await call(guarded, "large", hear, body=bytes(8 * COUNTED))
        tasks.append(call(guarded, "other", hear, body=bytes(8 * COUNTED)))
        await asyncio.sleep(0)

        assert told[0]["status"] == 429
        assert b"Too many requests of large wait (limit: 192 KiB). Retry in" in told[1]["body"]
        assert len(told) == 2
        inside.go.release()
        inside.go.release()
        await until(lambda: "large" in inside.entered, "what was held is let in")
        assert guarded._places.line.size_of(("large",)) == 0


async def test_where_too_much_waits_in_all_whoever_has_most_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "WAITING_IN_ALL", 10 * COUNTED)
    inside, told = Inside(), list[Message]()

    async def hear(message: Message) -> None:
        told.append(message)

    async with flooded(inside) as (guarded, tasks):  # ten wait
        quiet = call(guarded, "quiet", hear)
        tasks.append(quiet)
        await until(lambda: any(each.done() for each in tasks), "one of them was rejected")

        assert not quiet.done()
        assert not told
        assert guarded._places.line.size_of(("hungry",)) == 9 * COUNTED
        assert guarded._places.line.size_of(("quiet",)) == COUNTED


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": []}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": {}}}',
        b'{"jsonrpc": "2.0", "id": "\xff", "method": "tools/call"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b"[" * 100_000,
        b"",
    ],
    ids=["name-list", "name-object", "not-utf-8", "deep", "deep-list", "empty"],
)
async def test_a_malformed_request_is_the_clients_fault(redis_url: str, session: str, body: bytes) -> None:
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    async with serving(redis_url, session) as front, httpx.AsyncClient(verify=False) as http:
        answer = await http.post(front.endpoint, content=body, headers=headers)

        assert answer.status_code < 500
        assert (await front.raw().call("ibkr_get_status"))["structuredContent"]


async def test_rejections_come_at_once_and_later_to_a_client_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "RETRY_IN_S", 30)
    monkeypatch.setattr(queueing, "REJECTED_PER_S", 5)
    inside = Inside()
    async with flooded(inside) as (guarded, tasks):
        tasks += [call(guarded, "hungry") for _ in range(2 + 20)]
        await until(lambda: sum(each.done() for each in tasks) == 5, "some are answered at once")
        await asyncio.sleep(0.05)

        assert sum(each.done() for each in tasks) == 5


async def test_no_rejection_is_held_back_for_longer_than_clients_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "REJECTED_PER_S", 0.001)
    monkeypatch.setattr(queueing, "REJECTED_LATER_S", 0.05)
    async with flooded(Inside()) as (guarded, tasks):
        tasks += [call(guarded, "hungry") for _ in range(WAITING - 10)]
        async with asyncio.timeout(30):
            await asyncio.gather(*(call(guarded, "hungry") for _ in range(5)))


@pytest.mark.parametrize("era", ERAS)
async def test_a_tool_call_is_rejected_in_its_tools_words_and_let_in_once_there_is_room(era: str) -> None:
    inside, told = Inside(), list[Message]()

    async def hear(message: Message) -> None:
        told.append(message)

    headers = [(b"mcp-protocol-version", era.encode())]
    async with flooded(inside) as (guarded, tasks):
        tasks += [call(guarded, "hungry") for _ in range(WAITING - 10)]
        await asyncio.sleep(0)
        await call(guarded, "hungry", hear, READ, headers=headers)
        for _ in tasks:
            inside.go.release()
        await asyncio.gather(*tasks)
        tasks.append(call(guarded, "hungry", body=READ, headers=headers))
        await until(lambda: len(inside.entered) == len(tasks), "the client is let in again")

    result = json.loads(told[1]["body"])
    assert (told[0]["status"], result["id"], result["result"]["isError"]) == (200, 7, True)
    assert "paced" in result["result"]["content"][0]["text"]
    assert result["result"]["_meta"][ERROR_META]["code"] == "paced"


async def test_a_rejection_that_is_held_back_holds_no_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "RETRY_IN_S", 30)
    monkeypatch.setattr(queueing, "REJECTED_PER_S", 1)
    size, count = 50_000, 100

    async def send_body() -> Message:
        return {"type": "http.request", "body": bytes(size), "more_body": False}

    scope = {"type": "http", "method": "POST", "user": SimpleUser("hungry")}
    async with flooded(Inside()) as (guarded, tasks):
        tracemalloc.start()
        try:
            tasks += [asyncio.create_task(guarded(scope, send_body, nothing)) for _ in range(count)]
            for _ in range(5):
                await asyncio.sleep(0)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert sum(not each.done() for each in tasks) > count - 10
        assert held < (WAITING + count // 10) * size
