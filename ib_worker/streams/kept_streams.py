"""Keeps the streams of durable handles: opens each again when a term begins, and ends those that nobody reads."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

import structlog

from bridge.bus.events.stream_grants import adopt_handles, drop_grants, field_of, read_grants
from bridge.bus.events.stream_handles import StreamHandle, read_handles
from bridge.bus.server.server import BusServer
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.errors import Fenced
from bridge.tool import ToolError
from bridge.tools.types import ContractArguments
from ib_worker.account.updates import stream_of
from ib_worker.client_rights.streams import GrantedHandles
from ib_worker.pacing.caller import acting_for
from ib_worker.session.session import Session
from ib_worker.tws.errors import ConnectionLost, TwsError

LOOK_S = 1.0  # between looks at the handles
OPENS_S = 15.0  # a contract's look-up and a large portfolio's values take seconds
USUAL_SIZE = "1 min"  # of bars whose handle names none
UNUSED_MS = 60_000  # of a grant whose handle a front has not written
AGAIN_S = 30.0  # between attempts at what TWS refuses

log = structlog.get_logger("ib_worker.streams.kept_streams")

Open = Callable[[Session, BusServer, StreamHandle], Awaitable[None]]


async def keep_streams(session: Session, bus: BusServer, look_s: float = LOOK_S) -> NoReturn:
    """For ever: what TWS sends for a handle is written into its log, whatever ends in between."""
    recorder, later = bus.ticks.recorder, {}  # type: ignore[var-annotated]
    recorder.clear()
    granted = GrantedHandles()
    clock = asyncio.get_running_loop().time
    while True:
        with suppress(BusError, Fenced, ToolError):
            handles = await _handles(session, bus, granted)
            wanted = {each.stream: each for each in handles if each.kind in OPENS}
            for stream in recorder.kept() - wanted.keys():
                recorder.drop(stream)
            for stream, handle in wanted.items() if session.state.standing.ready else ():
                if later.get(stream, 0.0) <= clock() and not await _opened(session, bus, handle):
                    later[stream] = clock() + AGAIN_S
        await asyncio.sleep(look_s)


async def _handles(session: Session, bus: BusServer, granted: GrantedHandles) -> list[StreamHandle]:
    """Return the handles that count: all where no clients are configured, as every front is trusted there. Raises
    BusError, and ToolError bus_down while nobody can tell whether there are clients."""
    handles = await read_handles(bus.pipe, bus.keys, bus.pipe.clock.now_ms())
    await adopt_handles(bus.pipe, bus.keys, bus.lease.token, handles)
    clients = session.services.clients.clients
    await clients.refreshed()
    if not clients.has_clients:
        return handles
    grants = await read_grants(bus.pipe, bus.keys)
    used = {field_of(each.principal, each.stream) for each in handles}
    over = bus.pipe.clock.now_ms() - UNUSED_MS
    await drop_grants(
        bus.pipe, bus.keys, [name for name, each in grants.items() if name not in used and each.at_ms < over]
    )
    return granted.of(handles, grants)


async def _opened(session: Session, bus: BusServer, handle: StreamHandle) -> bool:
    """Open the handle's stream unless it is open. Return whether it is. Fronts write handles, so one may hold
    anything."""
    try:
        with acting_for(handle.principal):
            async with asyncio.timeout(OPENS_S):
                await OPENS[handle.kind](session, bus, handle)
    except (ToolError, TwsError, ConnectionLost, TimeoutError) as problem:
        log.warning("stream_not_opened", stream=handle.stream, error=str(problem))
        return False
    except (KeyError, TypeError, ValueError, OverflowError) as wrong:
        log.warning("stream_not_opened", stream=handle.stream, error=f"no such handle: {type(wrong).__name__}")
        return False
    return True


async def _open_quotes(session: Session, bus: BusServer, handle: StreamHandle) -> None:
    line = session.quotes.known(int(handle.arguments["conId"]))
    begun = bus.ticks.recorder.keeps(handle.stream)
    if begun and line is not None and line.problem is None:
        return
    contract = await session.contracts.contract(ContractArguments(**handle.arguments))
    await bus.keep_stream(handle.stream)
    line = await session.quotes.open(contract)
    if not begun:
        session.quotes.tell(line)


async def _open_account(session: Session, bus: BusServer, handle: StreamHandle) -> None:
    account, updates = str(handle.arguments["account"]), session.account_updates
    begun = bus.ticks.recorder.keeps(handle.stream)
    if begun and updates.streamed and updates.account == account and updates.problem is None:
        return
    await bus.keep_stream(handle.stream)
    updates.open(session.account(account))
    await session.tws.while_connected(updates.complete.wait())
    if updates.problem is not None:
        raise updates.problem
    if not begun:  # the values are the answer of who subscribes, and nobody does
        for each in updates.known():
            bus.publish(stream_of(account), each.kind, each.model_dump_json().encode())


async def _open_feed(session: Session, bus: BusServer, handle: StreamHandle) -> None:
    feed = session.feeds.known(handle.stream)
    if bus.ticks.recorder.keeps(handle.stream) and feed is not None and feed.problem is None:
        return
    arguments = dict(handle.arguments)
    size = arguments.pop("barSizeSetting", USUAL_SIZE)
    contract = await session.contracts.contract(ContractArguments(**arguments))
    await bus.keep_stream(handle.stream)
    session.feeds.open(handle.kind, contract, size)


OPENS: dict[str, Open] = {
    "quotes": _open_quotes, "account": _open_account,
    **dict.fromkeys(("depth", "bars", "bars5s", "ticks", "news"), _open_feed),
}  # fmt: skip
