"""One call is found by one id: in the front's line, the worker's lines, the audit log, and the line of its frame."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.stacks.audit_log import lines_of
from tests.stacks.bus import pipe_to
from tests.stacks.handlers import ORDER
from tests.stacks.whole import whole_stack
from tests.waiting import until

FRAMES = "ib_worker.tws.connection"
PLACE_ORDER = "3"  # the type of TWS's message


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EventDict]]:
    """The log at level debug, with what is bound to each line."""
    logging.getLogger(FRAMES).setLevel(logging.DEBUG)
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as captured:
        yield captured
    logging.getLogger(FRAMES).setLevel(logging.NOTSET)


async def test_an_orders_call_is_followed_to_its_frame(redis_url: str, session: str, lines: list[EventDict]) -> None:
    async with whole_stack(redis_url, session) as stack:
        before = len(lines)
        await stack.front.raw().call("ibkr_place_order", **ORDER | {"idempotencyKey": "followed-1"})
        await until(lambda: any(line["event"] == "call" for line in lines), "the front has written its line")
    async with pipe_to(redis_url) as pipe:
        audited = [
            entry for entry in map(json.loads, await lines_of(pipe, session)) if entry.get("key") == "followed-1"
        ]

    (call,) = (line for line in lines if line["event"] == "call" and line["tool"] == "place_order")
    found = {line["event"] for line in lines[before:] if line.get("request_id") == call["request_id"]}
    frames = [line for line in lines if line["event"] == "frame_sent" and line["message_type"] == PLACE_ORDER]
    assert {"call", "request_answered", "order_sent", "frame_sent"} <= found
    assert [line["request_id"] for line in frames] == [call["request_id"]]
    assert [entry["request_id"] for entry in audited if entry["event"] == "intent"] == [call["request_id"]]
