"""Pushes by apprise against an ntfy server on loopback, and what apprise is not let do."""

import asyncio
import json

import pytest

from ib_worker.pushes.apprise_channel import send
from ib_worker.pushes.webhook import PushFailed
from tests.stacks.webhook import Webhook, listening


async def test_ntfy_gets_the_text() -> None:
    async with listening(Webhook()) as hook:
        await asyncio.to_thread(send, f"ntfy://127.0.0.1:{hook.port}/topic", "[paper] Filled: BUY 10 SPY at 400")

    body = json.loads(hook.bodies[0])
    assert (body["topic"], body["message"]) == ("topic", "[paper] Filled: BUY 10 SPY at 400")


@pytest.mark.parametrize("address", ["file:///tmp/x", "json://127.0.0.1/x", "schema://x", "python://x"])
def test_another_scheme_is_refused_for_good(address: str) -> None:
    with pytest.raises(PushFailed, match="not let in") as failed:
        send(address, "text")

    assert failed.value.lasting


def test_one_that_is_down_may_be_asked_again(unused_port: int) -> None:
    with pytest.raises(PushFailed) as failed:
        send(f"ntfy://127.0.0.1:{unused_port}/topic", "text")

    assert not failed.value.lasting
