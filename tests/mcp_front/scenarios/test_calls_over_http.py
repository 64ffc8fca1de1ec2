"""A call goes over HTTP and the bus to the worker and back, in both protocol eras."""

import asyncio
import json
import time
from contextlib import suppress
from typing import Any

import pytest

from bridge.bus.server.request import RequestContext
from bridge.tool import Effect, ToolError, ToolSpec
from mcp_front.protocol.results import ERROR_META
from mcp_front.tools.catalogue import offered_tools
from tests.busy import BUSY_S
from tests.stacks.example_arguments import example_arguments
from tests.stacks.front import ERAS, RawClient, answering, plain_http, serving, worker
from tests.stacks.handlers import CONTRACT, PNL

POSITIONS = [{"account": "DU1234567", "contract": CONTRACT, "position": 10.0, "avgCost": None}]
CANDIDATES = [{"conId": 1}, {"conId": 2}]


async def ambiguous(_asked: RequestContext) -> bytes:
    raise ToolError("ambiguous_contract", "Two contracts fit. Name one by conId.", candidates=CANDIDATES)


@pytest.mark.parametrize("era", ERAS)
async def test_list_comes_back_as_a_list_with_its_nulls(redis_url: str, session: str, era: str) -> None:
    async with (
        worker(redis_url, session, {"get_positions": answering(POSITIONS)}),
        serving(redis_url, session) as front,
        front.client(era) as client,
    ):
        result = await client.call_tool("ibkr_get_positions")

    assert result.structured_content == {"count": len(POSITIONS), "truncated": False, "result": POSITIONS}
    assert json.loads(result.content[0].text) == POSITIONS


@pytest.mark.parametrize("era", ERAS)
async def test_object_comes_back_as_an_object(redis_url: str, session: str, era: str) -> None:
    async with worker(redis_url, session, {"get_pnl": answering(PNL)}), serving(redis_url, session) as front:
        result = await front.raw(era).call("ibkr_get_pnl")

    assert result["structuredContent"] == PNL
    assert json.loads(result["content"][0]["text"]) == PNL
    assert not result.get("isError")


@pytest.mark.trial("C13")
@pytest.mark.parametrize("era", ERAS)
async def test_workers_error_comes_back_with_code_text_and_details(redis_url: str, session: str, era: str) -> None:
    async with worker(redis_url, session, {"get_contract_details": ambiguous}), serving(redis_url, session) as front:
        result = await front.raw(era).call("ibkr_get_contract_details", symbol="IBKR")

    whole = {"code": "ambiguous_contract", "message": "Two contracts fit. Name one by conId.", "candidates": CANDIDATES}
    first, second = result["content"][0]["text"].splitlines()
    assert result["isError"] is True
    assert first == "[ambiguous_contract] Two contracts fit. Name one by conId."
    assert json.loads(second) == {"candidates": CANDIDATES}
    assert result["_meta"][ERROR_META] == whole
    assert "structuredContent" not in result  # it would break the tool's output schema


async def test_body_beyond_four_megabytes_is_refused_unread(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        prepared = front.raw().prepared("tools/call", name="ibkr_get_pnl", arguments={"account": "A" * 5_000_000})
        response = await http.post(front.endpoint, **prepared)

    assert response.status_code == 413


@pytest.mark.parametrize("era", ERAS)
async def test_client_that_hangs_up_cancels_its_call(redis_url: str, session: str, era: str) -> None:
    asked = asyncio.Event()

    async def slow(_asked: RequestContext) -> bytes:
        asked.set()
        await asyncio.Event().wait()
        return b""

    async with serving(redis_url, session) as front, worker(redis_url, session, {"get_pnl": slow}):
        client = asyncio.create_task(front.raw(era).call("ibkr_get_pnl"))
        await asked.wait()
        client.cancel()

        async with asyncio.timeout(3 + BUSY_S):
            await front.front.calls.idle()


@pytest.mark.fault(104)
@pytest.mark.trial("C13")
@pytest.mark.parametrize("era", ERAS)
async def test_calls_beyond_the_allowance_are_paced(redis_url: str, session: str, era: str) -> None:
    handlers = {"get_pnl": answering(PNL)}
    limits: dict[str, Any] = {"front_calls_per_s": 0.001, "front_burst": 2}
    async with worker(redis_url, session, handlers), serving(redis_url, session, **limits) as front:
        client = front.raw(era)
        answers = [await client.call("ibkr_get_pnl") for _ in range(3)]

    assert [bool(answer.get("isError")) for answer in answers] == [False, False, True]
    assert answers[2]["content"][0]["text"].startswith("[paced] ")
    assert answers[2]["_meta"][ERROR_META]["retry_after_s"] > 100
    assert "structuredContent" not in answers[2]


@pytest.mark.fault(104)
async def test_calls_that_come_too_early_wait_for_their_turn(redis_url: str, session: str) -> None:
    handlers = {"get_pnl": answering(PNL)}
    limits: dict[str, Any] = {"front_calls_per_s": 10, "front_burst": 1}
    async with worker(redis_url, session, handlers), serving(redis_url, session, **limits) as front:
        client, began = front.raw(), time.monotonic()
        answers = await asyncio.gather(*(client.call("ibkr_get_pnl") for _ in range(6)))

    assert not any(answer.get("isError") for answer in answers)
    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize("era", ERAS)
async def test_every_tool_says_at_once_that_no_worker_is_there(redis_url: str, session: str, era: str) -> None:
    async with serving(redis_url, session) as front:
        answers = await answers_of_all_tools(front.raw(era))

    halted = answers.pop("ibkr_halt_trading")["structuredContent"]  # needs no worker
    assert halted["halted"] is True
    assert "Only the operator can release it." in halted["message"]
    assert answers.pop("ibkr_wait_for")["structuredContent"]["event"] == "none"  # a worker may come while it waits
    assert answers.pop("ibkr_get_streams")["structuredContent"]["count"] == 0  # the handles are in Redis
    for tool in ("ibkr_read_stream", "ibkr_unsubscribe"):
        assert answers.pop(tool)["_meta"][ERROR_META]["code"] == "not_found"
    # No worker has ever compared this Redis with IBKR, so nobody can say what became of a key.
    assert codes(answers) == expected_codes("no_worker", write="unknown")
    assert "Start ib_worker" in answers["ibkr_get_positions"]["content"][0]["text"]


@pytest.mark.fault(79)
@pytest.mark.parametrize("era", ERAS)
async def test_every_tool_says_in_time_that_redis_is_not_there(session: str, era: str) -> None:
    async with serving("redis://127.0.0.1:1/0", session) as front:
        answers = await answers_of_all_tools(front.raw(era))

    assert codes(answers) == expected_codes("bus_down")
    for answer in answers.values():
        assert "Redis" in answer["content"][0]["text"]


async def answers_of_all_tools(client: RawClient, *but: Effect) -> dict[str, dict[str, Any]]:
    """What each tool answers, but those of an effect; none may take two seconds.

    Twelve at a time, so that waiting here is not counted there, and all of them take less than a lease. One that was
    late is asked twice more: a slow tool is late each time, a machine that was held up by another test is not.
    """
    places = asyncio.Semaphore(12)

    async def answer(declared: ToolSpec) -> tuple[str, dict[str, Any]]:
        arguments = example_arguments(declared)
        for _ in range(3):
            with suppress(TimeoutError):
                async with places, asyncio.timeout(2):
                    return declared.tool_name, await client.call(declared.tool_name, **arguments)
        pytest.fail(f"{declared.tool_name} took more than two seconds, three times of three")

    return dict(await asyncio.gather(*(answer(each) for each in offered_tools() if each.effect not in but)))


WITHOUT_WORKER = frozenset({"ibkr_get_streams", "ibkr_unsubscribe"})  # handles are in Redis


def expected_codes(code: str, write: str = "not_executed") -> dict[str, str]:
    """A write that was not sent says so; everything else says what is missing. What the front composes reads first."""
    return {
        each.tool_name: write if each.effect is Effect.WRITE and not each.composed else code
        for each in offered_tools()
        if code != "no_worker" or not (each.effect is Effect.HALT or each.waits or each.tool_name in WITHOUT_WORKER)
    }


def codes(answers: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The error's code of each answer; ibkr_get_status has its state instead, since it always answers."""
    return {
        name: answer["_meta"][ERROR_META]["code"] if answer.get("isError") else answer["structuredContent"]["state"]
        for name, answer in answers.items()
    }
