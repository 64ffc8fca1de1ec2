"""The tour's client of a front: a value, or an error's code and text; a front that is lost is a problem."""

import pytest

from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from cli.errors import Problem
from cli.mcp_client import Tools
from tests.stacks.front import answering, serving, worker
from tests.stacks.handlers import PNL


async def refusing(_asked: RequestContext) -> bytes:
    raise ToolError("read_only", "This session is read-only.", mode="read_only")


async def test_a_list_and_an_object_come_back_as_they_are(redis_url: str, session: str) -> None:
    handlers = {"get_positions": answering([]), "get_pnl": answering(PNL)}
    async with (
        worker(redis_url, session, handlers),
        serving(redis_url, session) as front,
        Tools(front.endpoint, None) as tools,
    ):
        positions, pnl = await tools.call("get_positions"), await tools.call("get_pnl", account="DU1")

    assert (positions.value, positions.code) == ([], "")
    assert pnl.value == PNL


async def test_an_error_has_its_code_its_text_and_its_details(redis_url: str, session: str) -> None:
    async with (
        worker(redis_url, session, {"get_pnl": refusing}),
        serving(redis_url, session) as front,
        Tools(front.endpoint, None) as tools,
    ):
        answer = await tools.call("get_pnl")

    assert (answer.value, answer.code, answer.message) == (None, "read_only", "This session is read-only.")
    assert answer.details["mode"] == "read_only"


async def test_a_front_that_is_not_there_is_a_problem_with_its_address(unused_port: int) -> None:
    url = f"http://127.0.0.1:{unused_port}/api/v1"

    with pytest.raises(Problem, match=url):
        async with Tools(url, None):
            pass
