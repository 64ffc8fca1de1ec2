"""An order has one answer and one frame, whether the direct lane or FastMCP takes its call."""

import asyncio
import json
import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest

import mcp_front.__main__
from bridge.bus.server.request import RequestContext
from bridge.tool import TOOLS, Effect, ToolError
from mcp_front.http import direct_lane
from mcp_front.timing import FrontTiming
from tests.stacks.front import ERAS, LEGACY, MODERN, Running, plain_http, serving, worker
from tests.stacks.whole import Stack, whole_stack

FASTMCP = {"mcp-session-id": "none"}  # a header that the lane leaves to FastMCP, and a stateless front ignores
WAYS: tuple[dict[str, str], ...] = (FASTMCP, {})
MOVING = re.compile(
    r'mcp[a-z2-7]{20,}|[\w-]{20,}(?=\\?")|-?\d[\d.,:T+-]*'
)  # orderRefs, made keys, ids, times, and the figures of a market
LATER = re.compile(r'(commission(?:Currency)?\\?": ?)(?:null|[\d.]+|\\?"USD\\?")')  # TWS may report it after the answer
NVDA = {"symbol": "NVDA", "action": "BUY"}
EXITS = {"takeProfitPrice": 900.0, "stopLossPrice": 50.0}
RESTS = {"orderType": "LMT", "lmtPrice": 100.0, "tif": "GTC"}


def numbers() -> Iterator[int]:
    """Quantities, of which no two are the same: an equal order would be held."""
    return count(2)


async def answered(front: Running, era: str, way: dict[str, str], tool: str, arguments: Any) -> dict[str, Any]:
    call = await front.raw(era, **way).request("tools/call", name=tool, arguments=arguments)
    return call["result"]  # type: ignore[no-any-return]


class Trader:
    """A client that uses one way, and the words of all its answers but for what moves."""

    def __init__(self, stack: Stack, era: str, way: dict[str, str], quantities: Iterator[int]) -> None:
        self._front, self._era, self._way, self._quantities = stack.front, era, way, quantities
        self._prefix = f"{era}-{'fastmcp' if way else 'direct'}"
        self.tools: set[str] = set()
        self.words: list[str] = []

    def key(self, name: str) -> str:
        return f"{self._prefix}-{name}"

    def terms(self, **more: Any) -> dict[str, Any]:
        return NVDA | {"totalQuantity": next(self._quantities)} | more

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        told = await answered(self._front, self._era, self._way, tool, arguments)
        said = json.dumps(told, ensure_ascii=False).replace(self._prefix, "KEY")
        self.words.append(MOVING.sub("…", LATER.sub(r"\1…", said)))
        self.tools.add(tool)
        return told


async def orders(trader: Trader) -> None:
    """Orders that are placed, changed, cancelled, replayed and refused, in this order."""
    filled, resting, bracket = (
        trader.terms(idempotencyKey=trader.key("filled")),
        trader.key("rests"),
        trader.key("exits"),
    )
    await trader.call("ibkr_place_order", **filled)
    await trader.call("ibkr_place_order", **filled)  # replayed
    await trader.call("ibkr_place_order", **filled | {"action": "SELL"})  # a conflict
    await trader.call("ibkr_place_order", **filled | {"idempotencyKey": trader.key("equal")})  # held
    await trader.call("ibkr_place_order", **trader.terms())  # without a key
    await trader.call("ibkr_place_order", **trader.terms(**RESTS, idempotencyKey=resting))
    await trader.call("ibkr_modify_order", orderKey=resting, lmtPrice=101.0)
    await trader.call("ibkr_modify_order", orderKey=resting, lmtPrice=101.003)  # between two prices
    await trader.call("ibkr_cancel_order", orderKey=resting, idempotencyKey=trader.key("cancel"))
    await trader.call("ibkr_cancel_order", orderKey=resting, idempotencyKey=trader.key("cancel"))  # replayed
    await trader.call("ibkr_cancel_order", orderKey=resting)  # not open any more
    await trader.call("ibkr_modify_order", orderKey=resting, lmtPrice=102.0)
    await trader.call("ibkr_place_bracket_order", **trader.terms(**EXITS, lmtPrice=100.0, idempotencyKey=bracket))
    await trader.call("ibkr_cancel_order", orderKey=bracket)
    await trader.call("ibkr_cancel_all_orders")
    await trader.call("ibkr_close_positions", symbol="KO")  # of which nothing is held
    await refused(trader)


async def refused(trader: Trader) -> None:
    """Calls of which nothing is sent."""
    await trader.call("ibkr_place_order", **NVDA | {"action": "HOLD", "totalQuantity": "many"})
    await trader.call("ibkr_place_order", **trader.terms(limitPrice=100.0))
    await trader.call("ibkr_place_order", **NVDA)
    await trader.call("ibkr_place_order", **NVDA | {"totalQuantity": 10_000_000})
    await trader.call("ibkr_place_order", **trader.terms(symbol="NOSUCH"))
    await trader.call("ibkr_place_order", **trader.terms(confirmationToken="no-such-token"))
    await trader.call("ibkr_place_bracket_order", **trader.terms(takeProfitPrice=50.0, stopLossPrice=900.0))
    await trader.call("ibkr_modify_order", orderId=4711)
    await trader.call("ibkr_modify_order", orderId=4711, lmtPrice=1.0)
    await trader.call("ibkr_cancel_order", orderId=4711)
    await trader.call("ibkr_cancel_order", verbose=True)
    await trader.call("ibkr_cancel_all_orders", everyClient="no such")


async def test_each_write_has_the_same_answer_either_way(redis_url: str, session: str) -> None:
    quantities = numbers()
    async with whole_stack(redis_url, session) as stack:
        await Trader(stack, LEGACY, {"mcp-session-id": "first"}, quantities).call(
            "ibkr_place_order", **NVDA, totalQuantity=1
        )
        frames = [len(stack.sim.journal.orders())]
        for era in ERAS:
            traders = [Trader(stack, era, way, quantities) for way in WAYS]
            for trader in traders:
                await orders(trader)
                frames.append(len(stack.sim.journal.orders()))
            assert traders[1].words == traders[0].words
        for era in ERAS:
            await answered(stack.front, era, {}, "ibkr_halt_trading", {"reason": "the last"})
            traders = [Trader(stack, era, way, quantities) for way in WAYS]
            for trader in traders:
                await trader.call("ibkr_place_order", **trader.terms())
                await trader.call("ibkr_cancel_all_orders")
            assert traders[1].words == traders[0].words

    sent = [after - before for before, after in pairwise(frames)]
    assert sent == [sent[0]] * 4
    offered = {name for name, spec in TOOLS.items() if spec.effect is Effect.WRITE}
    before = {"ibkr_modify_order", "ibkr_cancel_order", "ibkr_place_bracket_order", "ibkr_close_positions"}
    assert offered == {*traders[0].tools, *before}


@pytest.mark.parametrize("fault", ["answer 201 Order rejected - reason:none", "answer 399 A notice", "swallowed"])
async def test_what_tws_says_of_an_order_is_told_the_same(redis_url: str, session: str, fault: str) -> None:
    quantities, words = numbers(), []
    async with whole_stack(redis_url, session) as stack:
        await Trader(stack, LEGACY, {}, quantities).call("ibkr_place_order", **NVDA, totalQuantity=1)
        for era in ERAS:
            for way in WAYS:
                stack.sim.fault("on order hold 0.3" if fault == "swallowed" else f"on order {fault}")
                trader = Trader(stack, era, way, quantities)
                await trader.call("ibkr_place_order", **trader.terms(idempotencyKey=trader.key("one")))
                words.append(trader.words)
                assert len(words[0][0]) > 100

    assert words[1] == words[0]
    assert words[3] == words[2]


async def _open(context: RequestContext) -> bytes:
    await context.accept()
    raise ToolError("pending", "TWS has not answered yet. Retry with the same key.")


async def _broken(context: RequestContext) -> bytes:
    await context.accept()
    raise KeyError("after the acceptance")


async def _failed(_asked: RequestContext) -> bytes:
    raise KeyError("before the acceptance")


@pytest.mark.parametrize("handler", [_open, _broken, _failed, None])
@pytest.mark.parametrize("era", ERAS)
async def test_an_open_outcome_is_told_the_same(redis_url: str, session: str, era: str, handler: Any) -> None:
    words = []

    async def told(front: Running) -> None:
        for way in WAYS:
            for more in ({"idempotencyKey": f"a-key-of-{'fastmcp' if way else 'thelane'}"}, {}):
                found = await answered(front, era, way, "ibkr_place_order", NVDA | {"totalQuantity": 1} | more)
                said = json.dumps(found).replace("fastmcp", "KEY").replace("thelane", "KEY")
                words.append(MOVING.sub("…", re.sub(r"idempotencyKey=[\w-]+", "KEY", said)))

    async with serving(redis_url, session) as front:
        if handler is None:
            await told(front)
        else:
            async with worker(redis_url, session, {"place_order": handler}):
                await told(front)

    assert words[:2] == words[2:]


@pytest.mark.parametrize("era", ERAS)
async def test_a_token_that_may_only_read_places_nothing_either_way(
    redis_url: str, session: str, era: str, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps([{"name": "desk", "sha256": sha256(b"desk").hexdigest(), "scopes": ["read"]}]))
    async with serving(redis_url, session, front_tokens_file=tokens) as front:
        bearer = {"authorization": "Bearer desk"}
        told = [
            await answered(front, era, way | bearer, "ibkr_place_order", NVDA | {"totalQuantity": 1}) for way in WAYS
        ]

    assert told[0] == told[1]
    assert told[0]["_meta"]["ibkr/error"]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("era", "tool", "elicitation", "direct"),
    [
        (LEGACY, "ibkr_place_order", None, True),
        (MODERN, "ibkr_place_order", None, True),
        (MODERN, "ibkr_place_order", {}, False),
        (MODERN, "ibkr_place_order", {"form": {}}, False),
        (MODERN, "ibkr_modify_order", {}, False),
        (MODERN, "ibkr_cancel_order", {}, True),
        (MODERN, "ibkr_cancel_all_orders", {}, True),
        (MODERN, "ibkr_get_positions", {}, True),
    ],
)
async def test_orders_of_a_client_that_can_be_asked_go_by_fastmcp_alone(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch, era: str, tool: str, elicitation: Any, direct: bool
) -> None:
    taken: list[str] = []

    class Watched(direct_lane.DirectLane):
        async def _answer(self, call: Any, *rest: Any) -> None:
            taken.append(call.tool)
            await super()._answer(call, *rest)

    monkeypatch.setattr(mcp_front.__main__, "DirectLane", Watched)
    capabilities = {} if elicitation is None else {"elicitation": elicitation}
    async with serving(redis_url, session) as front, plain_http() as http:
        meta = {"io.modelcontextprotocol/clientCapabilities": capabilities}
        call = front.raw(era).prepared("tools/call", meta, name=tool, arguments={})
        await http.post(front.endpoint, **call)

    assert taken == ([tool] if direct else [])


@pytest.mark.parametrize("key", ["a-key-of-the-caller", None])
async def test_an_order_that_a_stop_cuts_off_is_unknown_and_names_its_key(
    redis_url: str, session: str, key: str | None
) -> None:
    begun, timing = asyncio.Event(), FrontTiming(cut_s=0)

    async def slow(context: RequestContext) -> bytes:
        await context.accept()
        begun.set()
        await asyncio.sleep(60)
        return b"{}"

    async with worker(redis_url, session, {"place_order": slow}), serving(redis_url, session, timing=timing) as front:
        front.server._drain_s = 0.05
        terms = NVDA | {"totalQuantity": 1} | ({"idempotencyKey": key} if key else {})
        asking = asyncio.create_task(front.raw().call("ibkr_place_order", None, **terms))
        await begun.wait()
        front.server.drain()
        told = (await asking)["_meta"]["ibkr/error"]

    assert told["code"] == "unknown"
    assert told.get("details", told).get("idempotencyKey") == key
