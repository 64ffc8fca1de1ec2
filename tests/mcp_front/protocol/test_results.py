"""From the worker's reply, or an error, to what an MCP client receives."""

import asyncio
import json
import urllib.request

import pytest
from fastmcp.tools import ToolResult
from mcp_types import TextContent

from bridge.bus.server.request import RequestContext
from bridge.tool import OPERATIONS
from mcp_front.protocol.results import TEXT_BYTES, to_result
from tests.stacks.front import ERAS, answering, serving, worker
from tests.stacks.handlers import CONTRACT
from tests.steps import measured_again

POSITIONS = [{"account": "DU1234567", "contract": CONTRACT, "position": 10.0, "avgCost": None}]


@pytest.mark.trial("B1", "B2")
@pytest.mark.parametrize("era", ERAS)
async def test_an_answer_that_was_cut_says_so_in_its_text_and_to_programs(
    redis_url: str, session: str, era: str
) -> None:
    cut = {"rows": 1, "of": 5000, "newest": True, "narrow": "Name a symbol."}

    async def positions(context: RequestContext) -> bytes:
        context.truncated = cut
        return json.dumps(POSITIONS).encode()

    async with worker(redis_url, session, {"get_positions": positions}), serving(redis_url, session) as running:
        told = await running.raw(era).call("ibkr_get_positions")

    assert told["content"][0]["text"].startswith("truncated: the newest 1 of 5000 rows. Name a symbol.\n")
    assert told["_meta"]["ibkr/truncated"] == cut
    content = told["structuredContent"]
    assert list(content) == ["count", "truncated", "shown", "next", "result"]
    assert (content["count"], content["truncated"], content["shown"]) == (5000, True, 1)
    assert content["next"] == "Name a symbol."
    assert len(content["result"]) == 1


def test_a_table_has_its_rows_as_text_and_no_mark_of_a_wrapped_result() -> None:
    positions = OPERATIONS["get_positions"]
    body = {
        "count": 2, "same": {"account": "DU1"}, "copies": {"avgPrice": "avgCost"}, "columns": ["symbol", "avgCost"],
        "rows": [["SPY", 400], ["IBM", 200.5]],
    }  # fmt: skip

    told = to_result(positions, json.dumps(body).encode(), {"simulated": True})

    assert told.meta is None
    assert told.structured_content == {"count": 2, "truncated": False, "simulated": True} | body
    assert list(told.structured_content or {})[:3] == ["count", "truncated", "simulated"]
    assert text_of(told) == (
        "2 rows; the same in each: account=DU1\nsymbol\tavgCost\tavgPrice\nSPY\t400\t400\nIBM\t200.5\t200.5"
    )


def test_the_text_of_a_table_has_what_the_answer_says_beside_its_rows() -> None:
    quotes = {
        "count": 2, "truncated": False, "simulated": True, "same": {"halted": False}, "columns": ["name", "bid"],
        "rows": [["SPY", 400], ["IBM", 200.5]], "failed": [{"entry": 2, "contract": "X", "code": "not_found"}],
    }  # fmt: skip

    text = text_of(to_result(OPERATIONS["get_quotes"], json.dumps(quotes).encode()))

    assert text == (
        '{"truncated":false,"simulated":true,"failed":[{"entry":2,"contract":"X","code":"not_found"}]}\n'
        "2 rows; the same in each: halted=false\nname\tbid\nSPY\t400\nIBM\t200.5"
    )


def test_the_list_is_there_also_when_it_is_empty() -> None:
    told = to_result(OPERATIONS["get_positions"], b"[]")

    assert told.structured_content == {"count": 0, "truncated": False, "result": []}
    assert told.meta == {"fastmcp": {"wrap_result": True}}


def test_a_reply_that_comes_again_has_its_text_made_once() -> None:
    positions = next(spec for spec in OPERATIONS.values() if spec.name == "get_positions")
    reply = json.dumps(POSITIONS * 3).encode()

    first, second = to_result(positions, reply), to_result(positions, bytes(bytearray(reply)))

    assert first == second
    assert text_of(first) is text_of(second)
    assert text_of(to_result(positions, json.dumps(POSITIONS * 4).encode())).startswith("4 rows")


def test_a_text_of_a_long_reply_is_not_kept() -> None:
    positions = next(spec for spec in OPERATIONS.values() if spec.name == "get_positions")
    reply = json.dumps(POSITIONS * (TEXT_BYTES // 100)).encode()

    assert text_of(to_result(positions, reply)) is not text_of(to_result(positions, reply))


def text_of(result: ToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@pytest.mark.trial("B1")
async def test_a_long_answer_takes_no_long_step_of_the_front(redis_url: str, session: str) -> None:
    bar = {"date": "2025-06-11T09:30:00-04:00", "open": 420.13, "high": 421.5, "low": 419.25, "close": 420.75}
    bars = [bar | {"volume": 12345.0 + number, "average": 420.5213, "barCount": number} for number in range(2_000)]
    long, answers = answering(bars), list[str]()
    async with worker(redis_url, session, {"get_historical_data": long}), serving(redis_url, session) as running:
        prepared = running.raw().prepared("tools/call", name="ibkr_get_historical_data", arguments={"symbol": "SPY"})
        asked = urllib.request.Request(running.endpoint, prepared["content"].encode(), prepared["headers"])

        async def ask() -> None:  # in a thread: in the front's it would take steps of its loop
            answer = await asyncio.to_thread(lambda: urllib.request.urlopen(asked).read())
            answers.append(answer.decode().split("data:")[-1])

        steps = await measured_again(ask)

    assert not steps.over
    assert len(json.loads(answers[-1])["result"]["structuredContent"]["result"]) == 2_000
