"""The calls that fronts publish: seldom while nobody listens, at once while somebody does, and with few arguments."""

import asyncio
from typing import Any

import pytest

from bridge.bus.client.call_trace import MOST, CallBatch, CallTrace, called_about, decode_calls
from bridge.bus.keys import Keys
from bridge.bus.transport.pubsub import PubSubListener
from tests.stacks.bus import pipe_to
from tests.stacks.timing import PATIENT
from tests.waiting import until


def end(trace: CallTrace, tool: str = "get_quotes") -> None:
    trace.ended(tool, "local", "claude", "ok", 1.5, {"contracts": ["SPY"]})


async def test_a_listener_gets_the_calls_with_their_numbers(redis_url: str, session: str) -> None:
    heard: list[CallBatch] = []
    keys = Keys(session)
    listener = PubSubListener(redis_url, lambda _, message: heard.append(decode_calls(message)), lambda: None, PATIENT)
    async with pipe_to(redis_url) as pipe, listener:
        trace = CallTrace(pipe, keys, "f1", unheard_s=0.1)
        end(trace, "get_status")  # nobody listens yet
        await asyncio.sleep(0.3)
        listener.subscribe(keys.calls)
        await listener.confirmed(keys.calls, 5)
        end(trace)
        await until(lambda: len(heard) == 1, "the second call")
        for _ in range(MOST + 7):
            end(trace)
        await until(lambda: len(heard) == 2, "the others")

    first, others = heard
    assert (first.front, first.first, len(first.calls)) == ("f1", 2, 1)
    assert (others.first, len(others.calls)) == (3 + 7, MOST)  # the oldest give way, and their numbers show it
    assert (first.calls[0].tool, first.calls[0].about, first.calls[0].client) == ("get_quotes", "SPY", "claude")


async def test_many_calls_that_nobody_hears_are_one_command(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pipe_to(redis_url) as pipe:
        sent: list[Any] = []

        def send(*command: Any) -> asyncio.Future[Any]:
            sent.append(command)
            return asyncio.Future()

        monkeypatch.setattr(pipe, "send", send)
        trace = CallTrace(pipe, Keys(session), "f1", unheard_s=0.3)
        for _ in range(50):
            end(trace)
            await asyncio.sleep(0.001)
        assert sent == []
        await until(lambda: len(sent) == 1, "one message")


@pytest.mark.parametrize(
    ("arguments", "about"),
    [
        ({"action": "BUY", "totalQuantity": 10, "symbol": "SPY", "account": "U1234567", "lmtPrice": 1}, "BUY 10 SPY"),
        ({"totalQuantity": 0.5, "symbol": "EUR/USD"}, "0.5 EUR/USD"),
        ({"contracts": ["SPY", {"symbol": "QQQ"}, "IWM", "DIA"]}, "SPY QQQ IWM …"),
        ({"symbol": "A\x1b[31m\ud800" + "B" * 99}, "A [31m " + "B" * 24 + "…"),
        ({"symbol": {"a": 1}, "action": None, "totalQuantity": 10**4000, "contracts": 7}, ""),
        ({"totalQuantity": float("nan"), "contracts": [None, 3]}, "3"),
        ({}, ""),
    ],
)
def test_a_call_tells_its_symbol_side_and_quantity_alone(arguments: dict[str, Any], about: str) -> None:
    assert called_about(arguments) == about
