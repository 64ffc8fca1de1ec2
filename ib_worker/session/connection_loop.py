"""Brings the session up, watches it, and brings it up again: the only module that opens and closes the wire."""

import asyncio
import logging
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import structlog

from bridge.accounts import is_paper
from bridge.redaction import mask_accounts
from bridge.tasks import run_until_first_ends
from bridge.tool import ToolError
from ib_worker.orders.messages import OrderMessageHandler
from ib_worker.session.session import Session, utcnow
from ib_worker.session.sync import synchronize
from ib_worker.session.wrapper import EXECUTION_MESSAGES, ORDER_MESSAGES, POSITION_MESSAGES, SHOW_AN_ORDER, Wrapper
from ib_worker.session_state import state as standing
from ib_worker.session_state.broker_link import BrokerLink, LinkEvent
from ib_worker.session_state.gateway_login import is_weekly_login, reason_from_login_phase
from ib_worker.session_state.state import ConnectFailed
from ib_worker.tws.clock import ahead_of
from ib_worker.tws.connection import TwsConnection
from ib_worker.tws.endpoint import Endpoint
from ib_worker.tws.errors import ConnectionLost, TwsError, is_read_only
from ib_worker.tws.requests import COMPLETED_ORDERS, OPEN_ORDERS
from ib_worker.tws.unreadable import refuse_unreadable
from ib_worker.tws.values.text import cleaned, tws_said

MARKET_DATA_NUMBERS = {"live": 1, "frozen": 2, "delayed": 3, "delayed-frozen": 4}
STATE_MESSAGES = ORDER_MESSAGES | EXECUTION_MESSAGES | POSITION_MESSAGES
LISTED_STATE = STATE_MESSAGES - {"5"}  # openOrder may be the answer to a preview too
CHEAP_TO_ASK = frozenset({standing.UNREACHABLE, standing.CLOSES, standing.BROKEN})  # nobody is there to be bothered

log = structlog.get_logger("ib_worker.session.connection_loop")


@dataclass(frozen=True)
class Timing:
    """The session's waits, in seconds."""

    connect_s: float = 5.0
    sync_s: float = 30.0  # 500 open orders arrive in a few seconds
    at_once_s: float = 1.0  # a peer that hangs up this early is a forwarder without a gateway behind it
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0  # a gateway in its login is not to be hammered
    longest_cheap_pause_s: float = 4.0  # a gateway that is back is to be noticed within five seconds
    stable_s: float = 60.0  # a session that stood this long may be followed by a short pause again
    idle_s: float = 15.0  # of silence before the gateway is asked for a sign of life
    probe_s: float = 5.0
    probes: int = 2
    settle_s: float = 2.5  # a gateway needs about this long to free a client id
    grace_s: float = 7.0  # for requests in hand at the end: with what follows, within ten seconds of SIGTERM
    keys_again_s: float = 30.0  # between looks for a key of an OpenID Connect provider, or after a failure
    reread_s: float = 30.0  # between full reads that messages which can't be decoded call for


class ConnectionLoop:
    """`run` for ever: it follows the session's ConnectionControl."""

    def __init__(self, session: Session, timing: Timing) -> None:
        self._session = session
        self._control = session.connection
        self._timing = timing
        self._news: asyncio.Queue[LinkEvent] = asyncio.Queue()
        self._reread: asyncio.TimerHandle | None = None
        self._reread_at = float("-inf")
        self._logged: str | None = None  # why the latest attempt failed, until one succeeds

    async def run(self) -> NoReturn:
        pauses = _Pauses(self._timing)
        while True:
            await self._control.wanted.wait()
            self._control.stop.clear()
            self._control.wake.clear()
            began, target = time.monotonic(), self._session.target
            try:
                await run_until_first_ends(self._live(), self._control.stop.wait())
            except ConnectFailed as failure:
                self._tell(failure, target)
                self._log_once(self._session.state.standing.cause)
                self._control.attempt_ended()
                await self._pause(pauses.next(failure.cause, time.monotonic() - began))
            else:
                await asyncio.sleep(self._timing.settle_s if target == self._session.target else 0)

    def _log_once(self, cause: str | None) -> None:
        """An attempt that fails as the one before says nothing new: there is one every few seconds."""
        log.log(logging.DEBUG if cause == self._logged else logging.WARNING, "no_session", cause=cause)
        self._logged = cause

    def _tell(self, failure: ConnectFailed, target: Endpoint) -> None:
        self._session.state.set(self._explained(failure.cause, target), failure.detail)

    def _explained(self, cause: standing.StateReason, target: Endpoint) -> standing.StateReason:
        """Return the failure with the cause that the configured gateway's own log names."""
        settings = self._session.settings
        told = reason_from_login_phase(cause, settings.gateway_phase_file if target == settings.gateway else None)
        return standing.WEEKLY_LOGIN if told is standing.LOGIN_PENDING and is_weekly_login(utcnow()) else told

    async def _live(self) -> None:
        """One connection from its opening to its end. Raises Failure, also for a fault of ours: a new connection begins
        without whatever led to it."""
        try:
            await self._connection()
        except ConnectFailed:
            raise
        except Exception as problem:
            log.exception("connection_failed")
            detail = f"the worker failed ({type(problem).__name__}); its log says how"
            raise ConnectFailed(standing.BROKEN, detail) from problem

    async def _connection(self) -> None:
        target = self._session.target
        wire = await self._open()
        why = "the session was disconnected"
        try:
            await run_until_first_ends(self._stand(wire), self._lost(wire))
        except ConnectFailed as failure:
            why = str(failure.detail or failure)
            self._tell(failure, target)  # before the socket is closed, for which a silent peer takes a second
            raise
        except (ConnectionLost, TwsError, ToolError) as problem:
            why = str(problem)
            broken = ConnectFailed(standing.BROKEN, problem)
            self._tell(broken, target)
            raise broken from problem
        finally:
            self._down(why)
            await wire.close(why)

    async def _open(self) -> TwsConnection:
        session = self._session
        session.link = BrokerLink()
        wire = TwsConnection(self._receiver(), session.guard)
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timing.connect_s):
                await wire.open(*session.target, session.clientId)
            self._check(wire)
        except (OSError, ConnectionLost) as problem:  # TimeoutError is an OSError
            await wire.close("no session came to be")
            raise self._why_closed(wire, problem, time.monotonic() - began) from problem
        except BaseException:
            await wire.close("no session came to be")
            raise
        return wire

    def _receiver(self) -> Wrapper:
        session = self._session
        return Wrapper(
            session.tws.requests,
            OrderMessageHandler(session.orders.tracker, utcnow),
            session.positions,
            session.quotes,
            session.account_updates,
            session.feeds,
            self._hear,
            self._cannot_decode,
            session.caches.executions.came,
            session.services.past,
            session.live_portfolio,
            session.live_candles,
        )

    def _why_closed(self, wire: TwsConnection, problem: Exception, after_s: float) -> ConnectFailed:
        refused = self._session.link.refused
        if wire.too_old or wire.greeted > TwsConnection.MaxClientVersion:
            return ConnectFailed(standing.WRONG_VERSION, wire.greeted or "(too old)")
        if refused is not None and refused[0] == standing.CLIENT_ID_IN_USE:
            return ConnectFailed(standing.ID_IN_USE)
        if not wire.reached:
            return ConnectFailed(standing.UNREACHABLE, str(problem) or "no answer in time")
        if isinstance(problem, TimeoutError):
            return (
                ConnectFailed(standing.INCOMPLETE, wire.greeted)
                if wire.greeted
                else ConnectFailed(standing.LOGIN_PENDING)
            )
        if not wire.greeted and after_s < self._timing.at_once_s:
            return ConnectFailed(standing.CLOSES)
        return ConnectFailed(standing.BROKEN, tws_said(*refused).rstrip(".") if refused else problem)

    def _check(self, wire: TwsConnection) -> None:
        """Check that this session may run. Raises Failure."""
        if wire.greeted > TwsConnection.MaxClientVersion:
            raise ConnectFailed(standing.WRONG_VERSION, wire.greeted)
        accounts = cleaned(wire.getAccounts())
        real = [each for each in accounts if not is_paper(each)]
        if self._session.settings.trading_mode == "paper" and real:
            raise ConnectFailed(standing.WRONG_ACCOUNT, ", ".join(mask_accounts(each) for each in real))
        self._session.accounts = accounts

    async def _stand(self, wire: TwsConnection) -> None:
        """Make the connection a session, then keep it one."""
        session = self._session
        session.tws.wire = wire
        session.tws.connects += 1
        session.clock.ahead = session.orders.tracker.ahead = ahead_of(wire.greeted_at, utcnow())
        session.services.audit.ahead = session.services.past.ahead = session.clock.ahead
        session.orders.tracker.gateway = Endpoint(wire.host, wire.port)
        session.nextValidId = wire.getReqId()  # the first that ib_async gives out
        wire.skip_ids(await session.tws.order_ids(session.nextValidId))  # above every orderId of earlier sessions
        number = MARKET_DATA_NUMBERS[session.settings.market_data_type]
        await session.tws.send(lambda wire: wire.reqMarketDataType(number))
        session.quotes.dataType = number
        await synchronize(session, self._timing.sync_s)
        self._logged = None
        self._control.attempt_ended()
        session.quotes.simulated = session.simulated
        session.quotes.connected(wire)
        session.account_updates.connected(wire)
        session.feeds.connected(wire)
        await run_until_first_ends(self._follow(wire), self._probe(wire))

    async def _lost(self, wire: TwsConnection) -> NoReturn:
        raise ConnectFailed(standing.BROKEN, await asyncio.shield(wire.lost))

    def _down(self, why: str) -> None:
        """The connection is over: whoever waits for it must not wait on, and what it told is no longer known."""
        session = self._session
        self._news = asyncio.Queue()
        if self._reread is not None:
            self._reread.cancel()
            self._reread = None
        session.tws.wire = None
        session.orders.as_of.clear()
        session.tws.requests.fail_all(ConnectionLost(why))
        session.positions.forget()
        session.orders.tracker.known = False
        session.quotes.disconnected()
        session.account_updates.disconnected()
        session.feeds.disconnected()

    def _hear(self, code: int, text: str) -> None:
        """An error or notice about no request: called from the wire, so it only takes note."""
        session = self._session
        if is_read_only(code, text):
            for kind in (OPEN_ORDERS, COMPLETED_ORDERS):
                session.tws.requests.refuse(kind, code, text)
        was_down = session.link.down_by is not None
        if session.announcements.hear(code, text, utcnow()):
            log.warning("gateway_announcement", code=code, text=text)
            session.state_changes.heartbeat_due.set()
        news = session.link.hear(code, text)
        if news is not LinkEvent.LINK_LOST or not was_down:  # a night's reset repeats it hundreds of times
            log.info("gateway_notice", code=code, text=text)
        if news is LinkEvent.LINK_LOST:
            session.state.set(standing.LINK_DOWN, code)
        elif news in (LinkEvent.RESTORED, LinkEvent.RESTORED_EMPTY):
            self._news.put_nowait(news)

    def _cannot_decode(self, fields: list[str]) -> None:
        """Read all orders and positions again: a message about them could not be decoded, so they are incomplete."""
        kind = "".join(fields[:1])
        if kind not in LISTED_STATE:
            refuse_unreadable(self._session.tws.requests, self._session.account_updates.fail, fields)
        if kind not in STATE_MESSAGES:
            return
        self._session.orders.unread.add(kind)
        self._session.orders.misread += kind in SHOW_AN_ORDER
        if self._reread is None:
            loop = asyncio.get_running_loop()
            wait_s = self._reread_at + self._timing.reread_s - loop.time()
            self._reread = loop.call_later(max(wait_s, 0), self._read_again)

    def _read_again(self) -> None:
        self._reread = None
        self._reread_at = asyncio.get_running_loop().time()
        self._news.put_nowait(LinkEvent.RESTORED)

    async def _follow(self, wire: TwsConnection) -> NoReturn:
        """After the link to IBKR was lost and came back, read the state anew; subscriptions only if they are gone."""
        while True:
            news = {await self._news.get()}
            while not self._news.empty():
                news.add(self._news.get_nowait())
            if LinkEvent.RESTORED_EMPTY in news:
                self._session.quotes.connected(wire)
                self._session.account_updates.connected(wire)
                self._session.feeds.connected(wire)
            await synchronize(self._session, self._timing.sync_s)

    async def _probe(self, wire: TwsConnection) -> NoReturn:
        """A half-open connection never ends by itself: ask after a silence, and give up after a few."""
        timing = self._timing
        while True:
            idle_s = time.monotonic() - wire.heard_at
            if idle_s < timing.idle_s:
                await asyncio.sleep(timing.idle_s - idle_s)
            elif not await self._answers(wire):
                raise ConnectFailed(standing.HALF_OPEN)

    async def _answers(self, wire: TwsConnection) -> bool:
        """Return whether any message arrives. TWS ignores such a request within a second of its last answer, but the
        silence before this one was longer."""
        wire.heard.clear()
        for _ in range(self._timing.probes):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.probe_s):
                    await self._session.tws.send(lambda wire: wire.reqCurrentTime())
                    await wire.heard.wait()
            if wire.heard.is_set():
                return True
        return False

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._control.wake.wait()


class _Pauses:
    """Between attempts: doubling, with jitter, so that many workers do not come back in step."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._next = timing.first_pause_s

    def next(self, cause: standing.StateReason, stood_s: float) -> float:
        timing = self._timing
        if stood_s > timing.stable_s:
            self._next = timing.first_pause_s
        longest = timing.longest_cheap_pause_s if cause in CHEAP_TO_ASK else timing.longest_pause_s
        pause = min(self._next, longest)
        self._next = min(pause * 2, longest)
        return pause * random.uniform(0.5, 1.0)
