"""The capabilities that a client is told are those that are there."""

from typing import Any

import pytest

from tests.stacks.front import ERAS, LEGACY, MODERN, serving


@pytest.mark.trial("D20")
async def test_capabilities_are_those_that_are_there(redis_url: str, session: str) -> None:
    client: dict[str, Any] = {
        "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"},
    }  # fmt: skip
    async with serving(redis_url, session) as front:
        older = (await front.raw(LEGACY).request("initialize", **client))["result"]
        newer = (await front.raw(MODERN).request("server/discover"))["result"]

    assert older["capabilities"] == {"tools": {}, "logging": {}}
    assert newer["capabilities"] == {"tools": {}, "logging": {}, "prompts": {}, "resources": {}}


@pytest.mark.trial("D20")
@pytest.mark.parametrize("era", ERAS)
async def test_lists_that_clients_ask_for_unseen_are_empty(redis_url: str, session: str, era: str) -> None:
    async with serving(redis_url, session) as front:
        for method, name in (("prompts/list", "prompts"), ("resources/list", "resources")):
            assert (await front.raw(era).request(method))["result"][name] == []
