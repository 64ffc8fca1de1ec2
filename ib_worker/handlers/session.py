"""Handlers that connect and disconnect the session, and tell its gateway's time."""

import asyncio
import time
from datetime import timedelta

from bridge.bus.controls.connection_target import ConnectionTarget
from bridge.bus.server.request import RequestContext
from bridge.bus.transport.connection import BusError
from bridge.tool import ToolError
from bridge.tools.session import Connect, Connected, Disconnect, Disconnected, GetServerTime, ServerTime
from ib_worker.client_rights.accounts import own_accounts
from ib_worker.handlers.dispatch import handles
from ib_worker.pre_trade.order_facts import read_clock
from ib_worker.session.session import Session, utcnow
from ib_worker.tws.endpoint import Endpoint

LOOPBACK = ("127.0.0.1", "localhost", "::1")
CLOCK_APART_S = 1.1  # TWS ignores a question for the time within a second of its last answer
CLOCK_S = 5.0  # and one that another part has just asked is answered by the next second
TWS_PORTS = (7496, 7497, 4001, 4002)  # live and paper of TWS, then of IB Gateway


@handles(Connect)
async def connect(request: Connect, session: Session, context: RequestContext) -> Connected:
    target = _target(request, session)
    _check(target, session, context.client)
    _require_not_lent(session)
    already = target == session.target and session.state.standing.ready
    unkept = await store_target(session, ConnectionTarget(context.client, *target))
    await session.connection.connect(target)
    session.require_ready()
    return Connected(
        host=target.host,
        port=target.port,
        clientId=session.clientId,
        serverVersion=session.tws.require_connection().greeted,
        accounts=own_accounts(session.accounts),
        message=_message(request, session, already) + unkept,
    )


@handles(Disconnect)
async def disconnect(request: Disconnect, session: Session, context: RequestContext) -> Disconnected:
    _require_not_lent(session)
    others = session.callers.names(beside=context.client)
    unkept = await store_target(session, ConnectionTarget(context.client))
    session.connection.disconnect(context.client)
    felt = f" {len(others)} other clients were using it." if others else ""
    return Disconnected(
        message=f"The session is disconnected for every client until ibkr_connect.{felt}{unkept}", recent_clients=others
    )


@handles(GetServerTime)
async def get_server_time(request: GetServerTime, session: Session) -> ServerTime:
    session.require_ready()
    read_at, ahead_s = session.clock.last_answer
    if time.monotonic() - read_at > CLOCK_APART_S:
        async with asyncio.timeout(CLOCK_S):
            ahead_s = await read_clock(session)
    return ServerTime(
        time=utcnow() + timedelta(seconds=ahead_s),
        clock_ahead_s=round(ahead_s, 1),
        age_s=round(max(time.monotonic() - session.clock.last_answer[0], 0.0), 1),
        simulated=session.simulated,
    )


def _require_not_lent(session: Session) -> None:
    """A client that connects would end the person's own TWS; one that disconnects would end the return."""
    until = session.connection.lent_until
    if until is not None:
        raise ToolError(
            "in_use",
            f"The operator has lent the session to a person until {until:%Y-%m-%d %H:%M} UTC. It connects by itself "
            "then; the operator can take it back earlier at the console.",
            until=until.isoformat(),
        )


async def store_target(session: Session, steered: ConnectionTarget) -> str:
    """Store the target for the next worker; return the warning where that is not possible."""
    if session.store_target is None:
        return ""
    try:
        await session.store_target(steered)
    except BusError as error:
        return f" Redis could not store this ({error}), so a worker that starts again will not know of it."
    return ""


def _target(request: Connect, session: Session) -> Endpoint:
    """Return the gateway that is meant: the configured one where something is left out, or where only its usual address
    on the caller's own machine is named."""
    configured = session.settings.gateway
    if _is_usual_address(request, session):
        return configured
    return Endpoint(request.host or configured.host, request.port or configured.port)


def _is_usual_address(request: Connect, session: Session) -> bool:
    """Return whether the call names loopback and a port of TWS although the gateway is on another host.

    TWS's own examples do so. In containers the worker's loopback has no gateway, so the caller means this session's.
    """
    configured = session.settings.gateway
    named = Endpoint(request.host or "", request.port or configured.port)
    return (
        named.host.lower() in LOOPBACK
        and configured.host.lower() not in LOOPBACK
        and named.port in (*TWS_PORTS, configured.port)
        and named not in session.settings.allowed
    )


def _check(target: Endpoint, session: Session, caller: str) -> None:
    allowed = session.settings.allowed
    if target not in allowed:
        raise ToolError(
            "host_not_allowed",
            f"{target} is not an allowed gateway. Allowed: {', '.join(map(str, allowed))}. The operator can add it to "
            "GATEWAY_ALLOWED.",
            allowed=[str(each) for each in allowed],
        )
    others = session.callers.names(beside=caller)
    if target != session.target and session.state.standing.ready and others:
        raise ToolError(
            "in_use",
            f"{', '.join(others)} used the session at {session.target} within the last minute, and a change of gateway "
            "would interrupt them. Retry when they have been idle for one minute.",
            clients=others,
        )


def _message(request: Connect, session: Session, already: bool) -> str:
    told = "The session was connected already." if already else "The session is connected and synchronized."
    if _is_usual_address(request, session):
        told += f" Its gateway is {session.target}: {request.host} is not where the worker's gateway runs."
    if request.clientId not in (None, session.clientId):
        told += f" All clients share one session, with clientId {session.clientId}; {request.clientId} was not used."
    return told
