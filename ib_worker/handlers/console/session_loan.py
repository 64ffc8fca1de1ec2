"""The handlers that lend the session to a person, and take it back."""

from datetime import timedelta

from bridge.bus.controls.connection_target import ConnectionTarget
from bridge.bus.server.request import RequestContext
from bridge.tools.console.session_loan import LendSession, SessionLoan, SessionTakenBack, TakeBackSession
from ib_worker.handlers.dispatch import handles
from ib_worker.handlers.session import store_target
from ib_worker.session.session import Session, utcnow


@handles(LendSession)
async def lend_session(request: LendSession, session: Session, context: RequestContext) -> SessionLoan:
    until = (utcnow() + timedelta(minutes=request.minutes)).replace(microsecond=0)
    by = context.request.label or context.caller
    unkept = await store_target(session, ConnectionTarget(by, until_ms=round(until.timestamp() * 1000)))
    session.connection.lend(by, until)
    return SessionLoan(until=until, message=unkept)


@handles(TakeBackSession)
async def take_back_session(request: TakeBackSession, session: Session, context: RequestContext) -> SessionTakenBack:
    target = session.target
    unkept = await store_target(session, ConnectionTarget(context.request.label or context.caller, *target))
    session.connection.end_loan()
    await session.connection.connect(target)
    standing = session.state.standing
    return SessionTakenBack(connected=standing.ready, message=(standing.cause or "") + unkept)
