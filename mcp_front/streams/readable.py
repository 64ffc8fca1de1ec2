"""The tools about streams that can be read: a handle in Redis, and its entries by cursor."""

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
from fastmcp.tools import ToolResult

from bridge.bus.client.client import BusClient
from bridge.bus.events.event import Cursor
from bridge.bus.events.event_log import PAGE
from bridge.bus.events.stream_handles import LAPSES_MS, StreamHandle, new_handle
from bridge.bus.identity.rights import Rights
from bridge.bus.transport.connection import BusError, bus_errors
from bridge.conditions import owner_tag
from bridge.text.contract_name import bare_name, contract_name
from bridge.tool import OPERATIONS, ToolError, ToolRequest
from bridge.tools.account import OpenAccountUpdates
from bridge.tools.market.market_data import OpenLiveFeed, OpenMarketData
from bridge.tools.streams import ReadStream, StreamKind, StreamRow, Subscribe, Unsubscribe
from mcp_front.protocol.results import value_result
from mcp_front.streams.cursors import opened_cursor, sealed_cursor
from mcp_front.streams.stream_rows import (
    COLUMNS,
    SUMMARY,
    Entries,
    Row,
    as_factored,
    as_summary,
    as_table,
    of_events,
    of_kept,
    stream_row,
)
from mcp_front.streams.summaries import main_updates
from mcp_front.streams.waiting import Waiting, WaitPlaces
from mcp_front.timing import USUAL, FrontTiming
from mcp_front.tools.pipeline import Call
from mcp_front.tools.status import session_status

HANDLES_OF_ONE = 100
HANDLES = 1_000  # of the session
READS_OF_ONE = 64  # that wait at once
READS = 1_000  # at this front
NOTE_S = 30.0  # a reader that waits for hours keeps its handle
NOT_FOUND = "Nobody read it for 10 minutes, or it was ended. Call ibkr_subscribe again."


@dataclass(frozen=True)
class _Opened:
    """A stream that a handle is made for, and the state of what it is about."""

    name: str
    cursor: str
    stream: str = ""
    arguments: dict[str, Any] | None = None
    rows: tuple[Row, ...] = ()
    facts: dict[str, Any] | None = None  # further fields of the answer
    symbol: str = ""


class ReadableStreams:
    """Answers the tools through one BusClient. A reader holds nothing here between two calls."""

    def __init__(self, bus: BusClient, waiting: Waiting, timing: FrontTiming = USUAL) -> None:
        self._bus = bus
        self._waiting = waiting
        self._timing = timing
        self._places = WaitPlaces("ibkr_read_stream", READS_OF_ONE, READS, "End one first.")
        self._open = {
            "quotes": self._quotes,
            **dict.fromkeys(("depth", "bars", "bars5s", "ticks", "news"), self._feed),
            "account": self._account,
            "orders": self._orders,
        }

    async def subscribe(self, call: Call) -> ToolResult:
        request = call.request
        assert isinstance(request, Subscribe)
        await self._require_room(call.caller.principal)
        opened = await self._open[request.kind](call, request)
        handle = await self._made(call.caller.principal, request.kind, opened)
        cursor = sealed_cursor(Cursor.parse(opened.cursor), handle.principal, handle.stream)
        text = f"{opened.name}: read {handle.handle} with ibkr_read_stream and this cursor."
        facts = {"contract": None, "account": None, "simulated": None} | (opened.facts or {})
        return value_result(
            call.declared,
            {
                "handle": handle.handle,
                "kind": request.kind,
                "name": opened.name,
                **facts,
                "cursor": cursor,
                "lapses_after_seconds": LAPSES_MS // 1000,
                "message": text,
                "columns": list(COLUMNS[request.kind]),
                "rows": as_table(request.kind, opened.rows),
            },
        )

    async def read_stream(self, call: Call) -> ToolResult:
        request, clock = call.request, asyncio.get_running_loop().time
        assert isinstance(request, ReadStream)
        began, principal, rights = clock(), call.caller.principal, call.caller.rights
        with self._places.place(principal):
            handle = await self._own(request.handle, principal)
            require_rights(handle, rights)
            start = opened_cursor(request.cursor, principal, handle.stream) if request.cursor else None
            after = start or Cursor.parse(handle.cursor)
            with bus_errors(self._bus.pipe.url):
                found, why = await self._page(handle, after, request.limit, rights), ""
            if not found.rows and not found.gap and request.wait_seconds:
                line = f"waiting for the next entry of {handle.name}"
                finding = self._find(handle, found.next, request.limit, rights)
                more, why = await self._waiting.first(call, finding, request.wait_seconds, line)
                found = more or found
        waited = round(clock() - began, 3)
        return value_result(call.declared, await self._answer(handle, request, found, why, waited))

    async def unsubscribe(self, call: Call) -> ToolResult:
        request = call.request
        assert isinstance(request, Unsubscribe)
        handle = await self._own(request.handle, call.caller.principal)
        with bus_errors(self._bus.pipe.url):
            await self._bus.streams.end(handle)
        return value_result(call.declared, {"handle": handle.handle, "message": f"{handle.name}: the stream is ended."})

    async def get_streams(self, call: Call) -> ToolResult:
        with bus_errors(self._bus.pipe.url):
            handles = await self._bus.streams.all()
        now = self._bus.streams.now_ms()
        own = [each for each in handles if each.principal == call.caller.principal]
        rows = [
            [each.handle, each.kind, each.name, _seconds(now - each.created_ms), _seconds(each.lapses_ms - now)]
            for each in own
        ]
        return value_result(call.declared, {"count": len(rows), "columns": list(StreamRow.model_fields), "rows": rows})

    # subscribing

    async def _require_room(self, principal: str) -> None:
        """Raises ToolError `paced` where there are too many handles."""
        with bus_errors(self._bus.pipe.url):
            handles = await self._bus.streams.all()
        own = sum(each.principal == principal for each in handles)
        if own >= HANDLES_OF_ONE or len(handles) >= HANDLES:
            text = f"Too many streams are open (limit: {HANDLES_OF_ONE} per client, {HANDLES} in total)."
            raise ToolError("paced", f"{text} End one with ibkr_unsubscribe first.", retry_after_s=1.0)

    async def _made(self, principal: str, kind: StreamKind, opened: _Opened) -> StreamHandle:
        now = self._bus.streams.now_ms()
        handle = StreamHandle(
            handle=new_handle(),
            principal=principal,
            kind=kind,
            stream=opened.stream,
            name=opened.name,
            arguments=opened.arguments or {},
            cursor=opened.cursor,
            created_ms=now,
            last_read_ms=now,
            symbol=opened.symbol,
        )
        with bus_errors(self._bus.pipe.url):
            await self._bus.streams.add(handle)
        return handle

    async def _quotes(self, call: Call, request: Subscribe) -> _Opened:
        arguments = request.model_dump(exclude={"kind", "account"}, exclude_unset=True)
        opened = await self._ask(call, "open_market_data", OpenMarketData(**arguments, keep=True))
        contract, quote = opened["contract"], opened["quote"]
        rows = (stream_row("quotes", "quote", quote),) if quote else ()
        facts = {"contract": contract, "simulated": quote["simulated"] if quote else None}
        known = arguments | {"conId": contract["conId"]}
        symbol = contract["symbol"] or ""
        return _Opened(contract_name(contract), opened["cursor"], opened["stream"], known, rows, facts, symbol)

    async def _feed(self, call: Call, request: Subscribe) -> _Opened:
        arguments = request.model_dump(exclude={"kind", "account"}, exclude_unset=True)
        opened = await self._ask(call, "open_live_feed", OpenLiveFeed(**arguments, feed=request.kind))
        contract = opened["contract"]
        known = arguments | {"conId": contract["conId"]}
        facts = {"contract": contract}
        size = f" {request.barSizeSetting}" if request.kind == "bars" else ""
        name, symbol = f"{contract_name(contract)}{size}", contract["symbol"] or ""
        return _Opened(name, opened["cursor"], opened["stream"], known, facts=facts, symbol=symbol)

    async def _account(self, call: Call, request: Subscribe) -> _Opened:
        asked = OpenAccountUpdates(account=request.account, keep=True)
        opened = await self._ask(call, "open_account_updates", asked)
        account = opened["account"]
        rows = tuple(stream_row("account", each["kind"], each) for each in main_updates(opened["updates"]))
        return _Opened(account, opened["cursor"], opened["stream"], {"account": account}, rows, {"account": account})

    async def _orders(self, call: Call, request: Subscribe) -> _Opened:
        with bus_errors(self._bus.pipe.url):
            return _Opened("orders and the session", str(await self._bus.events.newest()))

    async def _ask(self, call: Call, operation: str, request: ToolRequest) -> dict[str, Any]:
        reply = await self._bus.ask(OPERATIONS[operation], request, call.caller)
        told: dict[str, Any] = msgspec.json.decode(reply)
        return told

    # reading

    async def _own(self, name: str, principal: str) -> StreamHandle:
        """Return the caller's handle, noted as read. Raises ToolError not_found, forbidden or bus_down."""
        with bus_errors(self._bus.pipe.url):
            handle = await self._bus.streams.find(name)
            if handle is not None and handle.principal != principal:
                raise ToolError("forbidden", f"handle: {name} belongs to another client. Call ibkr_subscribe yourself.")
            noted = await self._bus.streams.note_read(handle) if handle else None
        if noted is None:
            raise ToolError("not_found", f"handle: there is no stream {name}. {NOT_FOUND}")
        return noted

    async def _page(self, handle: StreamHandle, after: Cursor, limit: int, rights: Rights) -> Entries:
        if not handle.stream:
            return of_events(await self._bus.events.page(after), limit, PAGE, owner_tag(handle.principal), rights)
        return of_kept(await self._bus.streams.page(handle.stream, after, limit + 1), handle.kind, limit)

    async def _after(self, handle: StreamHandle, after: Cursor, limit: int, rights: Rights) -> Entries:
        if not handle.stream:
            return of_events(await self._bus.events.after(after), limit, PAGE, owner_tag(handle.principal), rights)
        return of_kept(await self._bus.streams.after(handle.stream, after, limit + 1), handle.kind, limit)

    async def _find(self, handle: StreamHandle, after: Cursor, limit: int, rights: Rights) -> Entries:
        """Wait for entries, over every restart. Raises ToolError where the handle is ended meanwhile."""
        while True:
            try:
                async with asyncio.timeout(NOTE_S):
                    found = await self._after(handle, after, limit, rights)
                if found.rows or found.gap:
                    return found
                after = found.next  # others' alerts alone
            except BusError:
                await asyncio.sleep(self._timing.wait_again_s)
                continue
            except TimeoutError:
                handle = await self._noted(handle)

    async def _noted(self, handle: StreamHandle) -> StreamHandle:
        try:
            noted = await self._bus.streams.note_read(handle)
        except BusError:
            return handle
        if noted is None:
            raise ToolError("not_found", f"handle: {handle.handle} was ended meanwhile. Call ibkr_subscribe again.")
        return noted

    async def _answer(
        self, handle: StreamHandle, request: ReadStream, found: Entries, why: str, waited: float
    ) -> dict[str, Any]:
        status = await session_status(self._bus)
        head = {
            "handle": handle.handle,
            "kind": handle.kind,
            "name": handle.name,
            "count": len(found.rows),
            "truncated": found.more,
            "cursor": sealed_cursor(found.next, handle.principal, handle.stream),
            "gap": found.gap,
            "missing": found.missing,
            "conflated": found.conflated,
            "session": status["state"],
            "simulated": status["simulated"],
            "message": _message(handle, request, found, why, status),
            "waited_seconds": waited,
        }
        if request.format == "objects":
            return head | {"result": [{name: row[name] for name in COLUMNS[handle.kind]} for row in found.rows]}
        if request.format == "summary":
            return head | {"columns": list(SUMMARY), "rows": as_summary(handle.kind, found.rows)}
        return head | as_factored(handle.kind, found.rows)


def _message(handle: StreamHandle, request: ReadStream, found: Entries, why: str, status: dict[str, Any]) -> str:
    lost = "" if status["state"] == "ready" else f" The session is {status['state']}: {status['cause'] or 'see status'}"
    if found.rows:
        more = " There are more: read on with the cursor." if found.more else ""
        gap = " Updates are missing: see the gap." if found.gap else ""
        return f"{handle.name}: {len(found.rows)} entries.{gap}{more}{lost}"
    if found.gap:
        return f"{handle.name}: entries were lost. Read on with the cursor.{lost}"
    over = f"Ended early: {why}" if why else f"No entry in {request.wait_seconds} s"
    return f"{handle.name}: {over}. Read again with the cursor to go on without a gap.{lost}"


def require_rights(handle: StreamHandle, rights: Rights) -> None:
    """Raise ToolError forbidden for the stream of an account or a symbol that the client has no right to any more."""
    if handle.kind == "account" and not rights.has_account(str(handle.arguments.get("account", ""))):
        raise ToolError("forbidden", f"handle: your token has no right to the account of {handle.handle} any more.")
    if handle.kind not in ("account", "orders") and not _has_symbol(rights, handle.symbol):
        raise ToolError("forbidden", f"handle: your token has no right to the symbol of {handle.handle} any more.")


def _has_symbol(rights: Rights, symbol: str) -> bool:
    """Compare as people write symbols: BRK.B is TWS's `BRK B`."""
    return not rights.symbols or bare_name(symbol) in {bare_name(each) for each in rights.symbols}


def _seconds(ms: int) -> int:
    return max(ms // 1000, 0)
