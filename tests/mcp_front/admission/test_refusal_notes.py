"""A front's reports of the order calls that it refused itself."""

import asyncio
from typing import Any

import pytest

from bridge.bus.messages import BusCaller
from bridge.tool import TOOLS, ToolError
from mcp_front.admission.refusal_notes import BURST, RefusalNotes
from tests.stacks.front import serving, worker
from tests.stacks.handlers import Recorder

PLACE, CLOSE, PREVIEW = (TOOLS[f"ibkr_{name}"] for name in ("place_order", "close_positions", "preview_order"))
WRONG = ToolError("invalid_arguments", "totalQuantity: a number above 0 is expected.")
CLIENT, OTHER = (BusCaller(principal=name, request_id="r-1") for name in ("claude", "codex"))


async def test_a_clients_flood_is_reported_in_part_and_another_clients_call_whole(redis_url: str, session: str) -> None:
    noted = Recorder({"kept": True})
    async with worker(redis_url, session, {"note_refused_call": noted}), serving(redis_url, session) as front:
        notes = RefusalNotes(front.front.bus)
        for number in range(2 * BURST):
            await notes.note(PLACE, {"totalQuantity": -number}, CLIENT, WRONG)
        await notes.note(CLOSE, {"all": "perhaps"}, OTHER, WRONG)
        await notes.note(PREVIEW, {"totalQuantity": -1}, OTHER, WRONG)
        await notes.note(PLACE, {}, OTHER, ToolError("not_executed", "the worker has written that one"))

    of = [each.caller for each in noted.asked]
    assert BURST <= of.count("claude") <= BURST + 1
    assert of.count("codex") == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"idempotencyKey": "no key", "symbol": "\ud800"},
        {"idempotencyKey": ["a"], "symbol": "A" * 100_000},
        {"totalQuantity": float("nan")},
    ],
)
async def test_a_report_of_any_arguments_goes_out(redis_url: str, session: str, odd: dict[str, Any]) -> None:
    noted = Recorder({"kept": True})
    async with worker(redis_url, session, {"note_refused_call": noted}), serving(redis_url, session) as front:
        error = ToolError("invalid_arguments", "\ud800" * 5000)
        await RefusalNotes(front.front.bus).note(PLACE, odd, CLIENT, error)

    assert len(noted.asked) == 1


@pytest.mark.parametrize("has_worker", [False, True])
async def test_a_refused_call_is_answered_soon_where_no_worker_keeps_the_report(
    redis_url: str, session: str, has_worker: bool
) -> None:
    never = asyncio.Event()

    async def silent(_context: Any) -> bytes:
        await never.wait()
        return b""

    async with serving(redis_url, session) as front:
        client = front.raw()
        if has_worker:
            async with worker(redis_url, session, {"note_refused_call": silent}):
                answer = await client.call("ibkr_place_order", symbol="AAPL", action="BUY", totalQuantity=-1)
        else:
            answer = await client.call("ibkr_place_order", symbol="AAPL", action="BUY", totalQuantity=-1)

    assert answer["isError"] is True
    assert "[invalid_arguments] totalQuantity" in answer["content"][0]["text"]
