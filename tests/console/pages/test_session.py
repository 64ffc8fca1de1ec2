"""The session's page: lend, take back, disconnect, each asked of the worker in the operator's name."""

import json

import pytest

from bridge.tool import ToolError
from tests.stacks.console import console
from tests.stacks.front import READY, Handler, worker
from tests.stacks.handlers import Recorder, failing

LOAN = {"until": "2025-06-11T15:30:00Z", "message": ""}
BACK = {"connected": True, "message": ""}


@pytest.mark.parametrize(
    ("path", "operation", "answer", "fields", "arguments"),
    [
        ("/lend", "lend_session", LOAN, {"minutes": "45"}, {"minutes": 45}),
        ("/connect", "take_back_session", BACK, {}, {}),
        ("/disconnect", "disconnect", {"status": "disconnected"}, {}, {}),
    ],
)
async def test_a_form_asks_the_worker_for_one_thing(
    redis_url: str,
    session: str,
    path: str,
    operation: str,
    answer: dict[str, object],
    fields: dict[str, str],
    arguments: dict[str, object],
) -> None:
    asked = Recorder(answer)
    async with worker(redis_url, session, {operation: asked}, READY), console(redis_url, session) as visitor:
        await visitor.sign_in()
        done = await visitor.post(path, form_of="/session", **fields)
        got = await visitor.get(path)
        forged = await visitor.post(path, form_token="0" * 64, **fields)

    assert (done.status_code, done.url.path) == (200, "/session")
    assert [(each.request.label, json.loads(each.arguments)) for each in asked.asked] == [("operator anna", arguments)]
    assert (got.status_code, forged.status_code) == (405, 403)


async def test_a_loan_has_a_sensible_length(redis_url: str, session: str) -> None:
    asked = Recorder(LOAN)
    async with worker(redis_url, session, {"lend_session": asked}, READY), console(redis_url, session) as visitor:
        await visitor.sign_in()
        for minutes in ("", "0", "-5", "721", "1e2", "٣"):
            answer = await visitor.post("/lend", form_of="/session", minutes=minutes)

            assert (answer.status_code, asked.asked) == (400, []), minutes
            assert "1 to 720 minutes" in answer.text


async def test_a_refusal_of_the_worker_is_told(redis_url: str, session: str) -> None:
    handlers: dict[str, Handler] = {"disconnect": failing(lambda: ToolError("in_use", "It is lent."))}
    async with worker(redis_url, session, handlers, READY), console(redis_url, session) as visitor:
        await visitor.sign_in()
        answer = await visitor.post("/disconnect", form_of="/session")

    assert answer.status_code == 409
