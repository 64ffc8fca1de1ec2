"""The front notes when a key that it made has reached its client; where the client has gone, it does not."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from bridge.bus.server.request import RequestContext
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from tests.stacks.bus import pipe_to
from tests.stacks.front import ERAS, serving, worker
from tests.stacks.handlers import ORDER, REPORT, filling
from tests.waiting import until


async def noted(pipe: CommandPipeline, session: str, key: str | None) -> bool:
    found: bytes | None = await pipe.send("HGET", f"ibkr:{{{session}}}:op:{key}", "n:told")
    return found == b"1"


@pytest.mark.trial("A33")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("fails", [False, True])
async def test_a_made_key_that_was_delivered_is_noted_with_an_answer_as_with_an_error(
    redis_url: str, session: str, era: str, fails: bool
) -> None:
    sent: list[RequestContext] = []

    async def failing(context: RequestContext) -> bytes:
        await context.accept()
        sent.append(context)
        raise ToolError("unknown", "Nobody knows.")

    handler = failing if fails else filling(sent)
    async with worker(redis_url, session, {"place_order": handler}), serving(redis_url, session) as front:
        await front.raw(era).call("ibkr_place_order", **ORDER)
        async with pipe_to(redis_url) as pipe:
            await until(lambda: noted(pipe, session, sent[0].key), "it is noted")

    assert sent[0].request.keyless


@pytest.mark.trial("A33")
@pytest.mark.parametrize("era", ERAS)
async def test_a_made_key_whose_client_has_hung_up_is_not_noted(redis_url: str, session: str, era: str) -> None:
    sent: list[RequestContext] = []
    taken, answered = asyncio.Event(), asyncio.Event()

    async def slow(context: RequestContext) -> bytes:
        await context.accept()
        sent.append(context)
        taken.set()
        await answered.wait()
        return json.dumps(REPORT).encode()

    async with worker(redis_url, session, {"place_order": slow}), serving(redis_url, session) as front:
        prepared: dict[str, Any] = front.raw(era).prepared("tools/call", name="ibkr_place_order", arguments=ORDER)
        async with httpx.AsyncClient(verify=False) as http:
            call = asyncio.create_task(http.post(front.endpoint, **prepared))
            await taken.wait()
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        await until(lambda: not front.server.server_state.connections, "the front has seen that the client is gone")
        answered.set()
        async with pipe_to(redis_url) as pipe:
            name = f"ibkr:{{{session}}}:op:{sent[0].key}"

            async def done() -> bool:
                return bool(await pipe.send("HGET", name, "st") == b"done")

            await until(done, "the order is answered all the same")
            assert not await noted(pipe, session, sent[0].key)


@pytest.mark.trial("A33")
async def test_a_key_of_the_callers_own_needs_no_note(redis_url: str, session: str) -> None:
    sent: list[RequestContext] = []
    async with worker(redis_url, session, {"place_order": filling(sent)}), serving(redis_url, session) as front:
        await front.raw().call("ibkr_place_order", **ORDER, idempotencyKey="a-key-of-mine")

    assert not sent[0].request.keyless
