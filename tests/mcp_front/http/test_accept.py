"""Clients that accept JSON alone get the result as JSON; who accepts neither is told what to send."""

from typing import Any

import httpx
import pytest

from tests.stacks.front import ERAS, LEGACY, answering, messages_of, plain_http, serving, worker
from tests.stacks.handlers import PNL
from tests.stacks.ticking_worker import ticking


async def posted(http: httpx.AsyncClient, endpoint: str, prepared: dict[str, Any], accept: str) -> httpx.Response:
    return await http.post(endpoint, **prepared | {"headers": prepared["headers"] | {"accept": accept}})


@pytest.mark.trial("E17")
@pytest.mark.parametrize("era", ERAS)
async def test_client_that_accepts_json_alone_gets_the_result_as_json(redis_url: str, session: str, era: str) -> None:
    async with (
        worker(redis_url, session, {"get_pnl": answering(PNL)}),
        serving(redis_url, session) as front,
        plain_http() as http,
    ):
        call = front.raw(era).prepared("tools/call", name="ibkr_get_pnl", arguments={})
        answers = [await posted(http, front.endpoint, call, each) for each in ("application/json", "application/*;q=1")]
        both = await http.post(front.endpoint, **call)

    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json() == messages_of(both)[-1]


@pytest.mark.trial("E17")
@pytest.mark.parametrize("era", ERAS)
async def test_stream_ends_with_its_summary_for_a_client_that_accepts_json_alone(
    redis_url: str, session: str, era: str
) -> None:
    async with ticking(redis_url, session), serving(redis_url, session) as front, plain_http() as http:
        arguments = {"symbol": "SPY", "duration_seconds": 1}
        prepared = front.raw(era).prepared(
            "tools/call", {"progressToken": 7}, name="ibkr_stream_market_data", arguments=arguments
        )
        answer = await posted(http, front.endpoint, prepared, "application/json")

    assert answer.json()["result"]["structuredContent"]["updates_count"] > 0


@pytest.mark.trial("E17")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("accept", ["text/html", "text/event-stream", "image/png"])
async def test_client_that_accepts_no_json_is_told_what_to_send(
    redis_url: str, session: str, era: str, accept: str
) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        answer = await posted(http, front.endpoint, front.raw(era).prepared("tools/list"), accept)

    assert answer.status_code == 406
    assert "send the header Accept: application/json, text/event-stream" in answer.json()["error"]["message"]


@pytest.mark.trial("E17")
@pytest.mark.parametrize("era", ERAS)
async def test_client_that_says_nothing_of_what_it_accepts_is_answered(redis_url: str, session: str, era: str) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        prepared = front.raw(era).prepared("tools/list")
        del prepared["headers"]["accept"]
        request = http.build_request("POST", front.endpoint, **prepared)
        del request.headers["accept"]  # httpx adds */*
        answer = await http.send(request)

    assert messages_of(answer)[-1]["result"]["tools"]


async def test_error_of_a_json_only_client_keeps_its_id(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front, plain_http() as http:
        answer = await posted(http, front.endpoint, front.raw(LEGACY).prepared("no/such"), "application/json")

    assert (answer.json()["id"], answer.json()["error"]["code"]) == (1, -32601)
