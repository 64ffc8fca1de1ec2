"""The two stream tools: open a subscription, relay it for a while, return a summary that the model can read."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import msgspec
from fastmcp.tools import ToolResult

from bridge.bus.client.client import BusClient
from bridge.bus.client.stream_reader import StreamReader
from bridge.bus.messages import Tick
from bridge.metrics.figures import StreamFigures
from bridge.text.contract_name import contract_name
from bridge.tool import ToolError, ToolRequest
from bridge.tools.account import OpenAccountUpdates, StreamAccountUpdates
from bridge.tools.market.market_data import OpenMarketData, StreamMarketData
from mcp_front.admission.auth import ClientTokens
from mcp_front.protocol.results import value_result
from mcp_front.streams.relay import Outcome, Relay, StreamText
from mcp_front.streams.subscription import Opened, Subscription
from mcp_front.streams.summaries import AccountSummary, QuoteSummary, main_updates, update_kind
from mcp_front.streams.updates import QuoteFigures, QuoteUpdate, Update
from mcp_front.timing import USUAL, FrontTiming
from mcp_front.tools.pipeline import Call
from mcp_front.tools.status import session_status

ALIVE = ("ready", "link_down")  # IBKR's servers may come back, and the line with them
NEVER_S = 86_400.0  # longer than any stream
# Streams whose checks fall into one turn of the loop, and groups of them: a turn for each would wake this process up
# for each, which takes three times as long, and all in one turn would keep a thousand streams' updates waiting.
GROUP, GROUPS = 32, 16
GAP = "gap"  # a tick of this kind says that TWS's subscription broke: its values are null, as nothing is known then


@dataclass(frozen=True)
class _Relayed:
    """The result of a stream, with all losses on the way counted together."""

    outcome: Outcome
    conflated: int
    gaps: int


@dataclass(frozen=True)
class _Look:
    """The session as a look at it found it: its status, and the token of its leader."""

    at: float  # when it began, by the loop's clock
    status: dict[str, Any]
    token: int | None


@dataclass(frozen=True)
class _StreamTool:
    """A call's stream, and the functions that take its ticks and the state with which a worker opens it again."""

    call: Call
    subscription: Subscription
    feed: StreamReader
    take: Callable[[msgspec.Raw], None]
    know: Callable[[Opened], None]


class Streams:
    """Answers the stream tools through one BusClient; once `draining` is set they end early, with a summary so far."""

    def __init__(
        self, bus: BusClient, draining: asyncio.Event, tokens: ClientTokens | None, timing: FrontTiming = USUAL
    ) -> None:
        self._bus = bus
        self._draining = draining
        self._tokens = tokens
        self._timing = timing
        self._looking: asyncio.Future[_Look] | None = None
        self._looked_at = float("-inf")
        self._begun = count()
        self.figures = StreamFigures()

    async def market_data(self, call: Call) -> ToolResult:
        asked_at, request = asyncio.get_running_loop().time(), call.request
        assert isinstance(request, StreamMarketData)
        subscription = Subscription(self._bus, call, "open_market_data", _without_duration(request, OpenMarketData))
        async with subscription.listen() as (feed, opened):
            summary = QuoteSummary(None if opened["quote"] is None else QuoteUpdate.of(opened["quote"]))
            name = contract_name(opened["contract"])
            wording = StreamText(lambda quote: "quote", lambda quote: quote_line(name, quote.figures))
            relay = Relay(call.messages, request.duration_seconds, wording, asked_at, self._timing)

            def take(body: bytes | msgspec.Raw) -> None:
                update = QuoteUpdate(body)
                relay.put(update)
                summary.see(update)

            def know(opened: Opened) -> None:
                if opened["quote"] is not None:
                    take(msgspec.json.encode(opened["quote"]))

            relayed = await self._relay(_StreamTool(call, subscription, feed, take, know), relay)
        outcome = relayed.outcome
        last = None if summary.last is None else summary.last.brief
        whole = {
            "symbol": request.symbol or opened["contract"]["symbol"],
            "updates_count": outcome.sent,
            "message": _quote_message(name, outcome, summary),
            "conId": opened["contract"]["conId"],
            "seconds": outcome.seconds,
            "marketDataType": None if last is None else last.get("marketDataType"),
            "first": summary.first,
            "last": last,
            "high": summary.high,
            "low": summary.low,
            "spread": summary.spread.told(),
            **summary.sample(),
            "conflated": relayed.conflated,
            "gaps": relayed.gaps,
            "name": name,
        }
        return value_result(call.declared, whole)

    async def account_updates(self, call: Call) -> ToolResult:
        asked_at, request = asyncio.get_running_loop().time(), call.request
        assert isinstance(request, StreamAccountUpdates)
        subscription = Subscription(
            self._bus, call, "open_account_updates", _without_duration(request, OpenAccountUpdates)
        )
        async with subscription.listen() as (feed, opened):
            summary = AccountSummary()
            wording = StreamText(lambda each: update_kind(each.values), lambda each: account_line(each.values))
            relay = Relay(call.messages, request.duration_seconds, wording, asked_at, self._timing)

            def take(body: msgspec.Raw) -> None:
                update = Update(body)
                relay.put(update)
                summary.see(update.values)

            def know(opened: Opened) -> None:
                updates = [*opened["updates"], *summary.closed(opened["updates"])]
                for update in updates:
                    summary.see(update)
                for update in main_updates(updates):
                    relay.put(Update.of(update))

            know(opened)
            relayed = await self._relay(_StreamTool(call, subscription, feed, take, know), relay)
        outcome = relayed.outcome
        whole = {
            "account": opened["account"],
            "updates_count": outcome.sent,
            "message": f"{outcome.sent} updates in {outcome.seconds:g} s{_why(outcome)}",
            "seconds": outcome.seconds,
            "values": summary.values(),
            "portfolio": summary.portfolio(),
            "conflated": relayed.conflated,
            "gaps": relayed.gaps,
        }
        return value_result(call.declared, whole)

    async def _relay(self, stream: _StreamTool, relay: Relay) -> _Relayed:
        feed = stream.feed
        breaks = 0

        def take(batch: list[Tick]) -> None:
            nonlocal breaks
            for tick in batch:
                breaks += tick.kind == GAP
                stream.take(tick.body)

        async def read() -> str:
            try:
                await feed.handed_to(take)
            except ToolError as error:
                return error.message

        group = next(self._begun) // GROUP
        session_lost, revoked = (partial(each, stream, group) for each in (self._session_lost, self._revoked))
        outcome = await relay.run(read, session_lost, self._stopping, revoked)
        self.figures.sent += outcome.sent
        self.figures.left_out += outcome.left_out + feed.dropped
        return _Relayed(outcome, outcome.left_out + feed.dropped, feed.gaps + breaks)

    async def _session_lost(self, stream: _StreamTool, group: int) -> str:
        """Return the reason for a silent stream: a worker that took over at once hides that the session was away."""
        while True:
            await _turn(self._timing.session_check_s, group)
            try:
                look = await self._look()
                if look.status["state"] not in ALIVE:
                    return _lost(look.status)
                if stream.subscription.is_superseded(look.at, look.token):
                    stream.know(await stream.subscription.open(stream.feed))
            except ToolError as error:
                return error.message

    async def _look(self) -> _Look:
        """Look at the session, once for all streams that want to at about the same time. Raises ToolError."""
        now = asyncio.get_running_loop().time()
        is_old = now - self._looked_at >= self._timing.session_check_s / 2
        if self._looking is None or (self._looking.done() and is_old):
            self._looked_at = now
            self._looking = asyncio.ensure_future(self._found(now))
            self._looking.add_done_callback(_fetched)
        return await asyncio.shield(self._looking)

    async def _found(self, at: float) -> _Look:
        status = await session_status(self._bus)
        beat = await self._bus.status() if status["state"] in ALIVE else None
        return _Look(at, status, beat.token if beat else None)

    async def _revoked(self, stream: _StreamTool, group: int) -> str:
        """A stream may run for an hour, and its token be taken away meanwhile."""
        caller = stream.call.caller
        while True:
            await _turn(self._timing.rights_check_s if self._tokens is not None else NEVER_S, group)
            if self._tokens is not None and not await self._tokens.may_go_on(caller.proof, caller.rights):
                return "the client's token was revoked or its rights were changed"

    async def _stopping(self) -> str:
        await self._draining.wait()
        return "this front is stopping; call again"


async def _turn(every_s: float, group: int) -> None:
    """Wait for the next check of the streams of this group."""
    await asyncio.sleep(until_turn_s(asyncio.get_running_loop().time(), every_s, group))


def until_turn_s(now: float, every_s: float, group: int) -> float:
    """Return the seconds until the next check of a group, by the loop's clock. A timer that came a little early waits
    for the one after."""
    left_s = every_s - (now - every_s * (group % GROUPS) / GROUPS) % every_s
    return left_s if left_s > every_s / 100 else left_s + every_s


def _fetched(looking: "asyncio.Future[_Look]") -> None:
    """Fetch the error of a look that nobody waits for any more."""
    if not looking.cancelled():
        looking.exception()


def _lost(status: dict[str, Any]) -> str:
    return f"the session is {status['state']}: {status['cause'] or status['remedy'] or 'see ibkr_get_status'}"


def _without_duration(request: ToolRequest, operation: type[ToolRequest]) -> ToolRequest:
    return operation.model_validate(request.model_dump(exclude={"duration_seconds"}, exclude_unset=True))


def quote_line(name: str, quote: QuoteFigures) -> str:
    """SPY last 512.3 x 100, bid 512.29 x 300, ask 512.31 x 200."""
    sides = (("last", quote.last, quote.lastSize), ("bid", quote.bid, quote.bidSize), ("ask", quote.ask, quote.askSize))
    parts = [
        f"{side} {price:.10g}" if size is None else f"{side} {price:.10g} x {size:.10g}"
        for side, price, size in sides
        if price is not None
    ]
    return f"{name} {', '.join(parts) or 'no price yet'}"


def account_line(update: dict[str, Any]) -> str:
    if update["kind"] == "portfolio":
        name = contract_name(update["contract"] or {})
        return f"{name} {_number(update['position'])} at {_number(update['marketPrice'])}"
    if update["tag"] is None:
        return "TWS's subscription broke: its current values follow"
    return f"{update['tag']} {_number(update['value'])} {update['currency'] or ''}".rstrip()


def _number(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _quote_message(name: str, outcome: Outcome, summary: QuoteSummary) -> str:
    text = f"{name}: {outcome.sent} updates in {round(outcome.seconds, 1):g} s"
    if not outcome.sent and not outcome.ended:
        text += ", so the market may be closed and the price old"
    if summary.last is not None:
        text += f"; {quote_line(name, summary.last.figures)}"
    return text + _why(outcome)


def _why(outcome: Outcome) -> str:
    return f". Ended early: {outcome.ended}" if outcome.ended else ""
