"""Handlers that connect and disconnect the session."""

from bridge.bus.answering import Asked
from bridge.gateway import Connect, Connected, Disconnect, Disconnected
from bridge.tool import ToolError
from ib_worker.dispatch import handles
from ib_worker.session import Session
from ib_worker.settings import Endpoint


@handles(Connect)
async def connect(request: Connect, session: Session, asked: Asked) -> Connected:
    target = _target(request, session)
    _check(target, session, asked.caller)
    already = target == session.target and session.record.standing.ready
    await session.steering.connect(target)
    session.require_ready()
    return Connected(
        host=target.host,
        port=target.port,
        clientId=session.clientId,
        serverVersion=session.require_connection().greeted,
        accounts=session.accounts,
        message=_message(request, session, already),
    )


@handles(Disconnect)
async def disconnect(request: Disconnect, session: Session, asked: Asked) -> Disconnected:
    others = session.recent_clients(beside=asked.caller)
    session.steering.disconnect(asked.caller)
    felt = f" {len(others)} other clients were using it." if others else ""
    return Disconnected(
        message=f"The session is disconnected for every client until ibkr_connect.{felt}", recent_clients=others
    )


def _target(request: Connect, session: Session) -> Endpoint:
    """What is left out is the configured gateway's."""
    configured = session.settings.gateway
    return Endpoint(request.host or configured.host, request.port or configured.port)


def _check(target: Endpoint, session: Session, caller: str) -> None:
    allowed = session.settings.allowed
    if target not in allowed:
        raise ToolError(
            "host_not_allowed",
            f"{target} is not among the gateways that may be named: {', '.join(map(str, allowed))}. The operator can "
            "add it to GATEWAY_ALLOWED.",
            allowed=[str(each) for each in allowed],
        )
    others = session.recent_clients(beside=caller)
    if target != session.target and session.record.standing.ready and others:
        raise ToolError(
            "in_use",
            f"{', '.join(others)} used the session at {session.target} within the last minute, and a change of gateway "
            "would end what they do. Ask again when they are done.",
            clients=others,
        )


def _message(request: Connect, session: Session, already: bool) -> str:
    told = "The session was connected already." if already else "The session is connected and synchronized."
    if request.clientId not in (None, session.clientId):
        told += f" All clients share one session, with clientId {session.clientId}; {request.clientId} was not used."
    return told
