"""A request that FastMCP answers, and that a stop of the front cuts off: its answer is MCP's, not a bare 500."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sse_starlette.sse import AppStatus
from starlette.types import Message, Receive, Scope, Send

from bridge.bus.server.request import RequestContext
from mcp_front.http.cut_off import CutOffMiddleware
from mcp_front.protocol.delivery import FOLLOWING, when_delivered
from mcp_front.protocol.envelope import MESSAGE
from mcp_front.timing import FrontTiming
from tests.stacks.front import ERAS, LEGACY, MODERN, Running, messages_of, plain_http, serving, worker

BOTH, JSON = "application/json, text/event-stream", "application/json"
FASTMCP = {"mcp-session-id": "none"}  # a header that the direct lane leaves to FastMCP
STREAM: dict[str, Any] = {"name": "ibkr_stream_market_data", "arguments": {"symbol": "SPY"}}
CANCEL: dict[str, Any] = {"name": "ibkr_cancel_order", "arguments": {"orderId": 5, "idempotencyKey": "one-of-mine"}}
STREAM_START: Message = {
    "type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")],
}  # fmt: skip


class Unanswered:
    """A worker that does not answer."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def call(self, _asked: RequestContext) -> bytes:
        self.begun.set()
        await asyncio.sleep(60)
        return b"{}"


async def cut_off(
    front: Running,
    era: str,
    accept: str,
    unanswered: Unanswered,
    stop: Callable[[], object],
    call: dict[str, Any] = CANCEL,
    **headers: str,
) -> dict[str, Any]:
    """The error of a call whose front stops meanwhile."""
    front.server._drain_s = 0.05
    async with plain_http() as http:
        raw = front.raw(era, accept=accept, **headers)
        asking = asyncio.create_task(http.post(front.endpoint, **raw.prepared("tools/call", **call)))
        await unanswered.begun.wait()
        stop()
        response = await asking
    assert response.status_code == 200
    told = messages_of(response)[-1]
    assert told["id"] == 1
    return told["result"]["_meta"]["ibkr/error"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("accept", [BOTH, JSON])
@pytest.mark.parametrize("era", ERAS)
async def test_a_write_that_a_stop_cuts_off_is_unknown(redis_url: str, session: str, era: str, accept: str) -> None:
    unanswered, at_once = Unanswered(), FrontTiming(cut_s=0)
    handlers = {"cancel_order": unanswered.call}
    async with worker(redis_url, session, handlers), serving(redis_url, session, timing=at_once) as front:
        error = await cut_off(front, era, accept, unanswered, front.server.drain)

    assert (error["code"], error["idempotencyKey"]) == ("unknown", "one-of-mine")
    assert "ibkr_get_open_orders" in error["message"]


@pytest.mark.parametrize("accept", [BOTH, JSON])
async def test_an_event_stream_that_its_library_ends_at_a_stop_ends_with_the_error(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    unanswered = Unanswered()
    handlers = {"open_market_data": unanswered.call}
    async with worker(redis_url, session, handlers), serving(redis_url, session) as front:
        stop = partial(monkeypatch.setattr, AppStatus, "should_exit", True)  # as in a process of its own
        error = await cut_off(front, LEGACY, accept, unanswered, stop, STREAM, **FASTMCP)

    assert error["code"] == "retry"


class App:
    """An application that sends its messages, and is then cut off."""

    def __init__(self, *messages: Message, following: bool = False) -> None:
        self._messages = messages
        self._following = following

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if self._following:
            when_delivered(scope, nothing)
        for message in self._messages:
            await send(message)
        raise asyncio.CancelledError


async def nothing() -> None:
    """What would follow a delivered answer."""


async def none_come() -> Message:
    raise AssertionError("nothing is read")


async def sent_of(app: App, message: dict[str, Any], era: str = MODERN) -> tuple[list[Message], Scope]:
    sent: list[Message] = []

    async def send(each: Message) -> None:
        sent.append(each)

    headers = [(b"mcp-protocol-version", era.encode())]
    scope: Scope = {"type": "http", "headers": headers, MESSAGE: message, FOLLOWING: []}
    await CutOffMiddleware(app)(scope, none_come, send)
    return sent, scope


@pytest.mark.parametrize("era", ERAS)
async def test_another_request_is_told_to_retry(era: str) -> None:
    (start, body), _ = await sent_of(App(), {"id": "a", "method": "tools/list"}, era)
    told = json.loads(body["body"])

    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"1"
    assert (told["id"], told["error"]["data"]["code"]) == ("a", "retry")


async def test_the_error_ends_a_stream_that_has_begun() -> None:
    (start, end), _ = await sent_of(App(STREAM_START), {"id": 3, "method": "tools/list"})

    assert start is STREAM_START
    assert end["body"].startswith(b"event: message\r\ndata: {")
    assert not end.get("more_body")


async def test_an_answer_that_was_cut_off_is_not_the_delivered_one() -> None:
    message = {"id": 3, "method": "tools/call", "params": CANCEL}
    _, scope = await sent_of(App(following=True), message)

    assert scope[FOLLOWING] == []


async def test_a_whole_answer_stays_as_it_is() -> None:
    body = {"type": "http.response.body", "body": b"data: 1\r\n\r\n"}
    with pytest.raises(asyncio.CancelledError):
        await sent_of(App(STREAM_START, body), {"id": 3, "method": "tools/list"})
