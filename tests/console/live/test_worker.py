"""Questions of the console to the worker."""

import json

import pytest

from bridge.bus.client.client import BusClient
from bridge.tool import ToolError
from bridge.tools.console.candles import ContractCandles, GetCandles
from console.live.worker import ask_worker
from tests.console.live.test_candles import CANDLES
from tests.stacks.front import READY, worker

ASKED = GetCandles(conId=1)


async def test_an_answer_of_another_release_is_said_to_be_one(redis_url: str, session: str) -> None:
    answers = iter([CANDLES, {"rows": "of another shape"}])

    async def tell(_: object) -> bytes:
        return json.dumps(next(answers)).encode()

    async with (
        worker(redis_url, session, {"get_candles": tell}, READY),
        BusClient(redis_url, session, "console-test") as bus,
    ):
        told = await ask_worker(bus, "get_candles", ASKED, ContractCandles, "", 5)
        with pytest.raises(ToolError, match="Update console and worker together") as unreadable:
            await ask_worker(bus, "get_candles", ASKED, ContractCandles, "", 5)

    assert told.name == "AAPL"
    assert unreadable.value.code == "internal"
