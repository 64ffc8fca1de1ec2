"""Gives the lease to a standby that reaches the gateway when this worker does not: it may run on another machine."""

import asyncio
import time
from contextlib import suppress
from typing import NoReturn

import structlog

from bridge.bus.leadership.failover import FailoverSignals
from bridge.bus.transport.connection import BusError
from ib_worker.session.session import Session
from ib_worker.tws.endpoint import Endpoint

FAILOVER_CHECK_S = 0.5
PATIENCE_S = 2.0  # the first attempts to connect again come within this
HANDOVER_PAUSE_S = 10.0  # a port that only opens must not move the lease all the time
STAND_BACK_S = 2.0  # so that the standby gets what is released
REACH_S = 1.0
OUT_OF_REACH = {"gateway_unreachable", "not_ready"}  # and not a login that waits, or a client id in use

log = structlog.get_logger("ib_worker.session.failover")


class HandOver(Exception):
    """A standby takes over: it reaches the gateway, and this worker does not."""


class GatewayFailover:
    """One worker's part in fail-overs, as leader and as standby, over all its terms."""

    def __init__(self, relief: FailoverSignals) -> None:
        self._relief = relief
        self._not_before = float("-inf")

    async def seek(self, session: Session) -> NoReturn:
        """Ask the standbys, as leader, whether one reaches the gateway that this worker does not reach. Raises HandOver
        then."""
        lost_at: float | None = None
        while True:
            await asyncio.sleep(FAILOVER_CHECK_S)
            now = time.monotonic()
            lost_at = (lost_at or now) if _cut_off(session) else None
            if lost_at is None or now < max(lost_at + PATIENCE_S, self._not_before):
                continue
            with suppress(BusError):
                if await self._relief.request() and await _still_cut_off(session):
                    self._not_before = now + HANDOVER_PAUSE_S
                    raise HandOver

    async def offer(self, gateway: Endpoint) -> NoReturn:
        """Offer, as standby, to take over if the leader asks and this worker reaches the gateway. Connects only on
        request, and sends nothing."""
        while True:
            await asyncio.sleep(FAILOVER_CHECK_S)
            with suppress(BusError):
                if await self._relief.requested() and await _reaches(gateway):
                    await self._relief.offer()


def _cut_off(session: Session) -> bool:
    standing = session.state.standing
    configured = session.target == session.settings.gateway
    lost = standing.state in ("failed", "connecting") and standing.code in OUT_OF_REACH
    return configured and lost and session.tws.wire is None


async def _still_cut_off(session: Session) -> bool:
    """Return whether the gateway is still out of reach after one more attempt, since it may have just recovered."""
    await session.connection.connect(session.target)
    return _cut_off(session)


async def _reaches(gateway: Endpoint) -> bool:
    try:
        async with asyncio.timeout(REACH_S):
            _, writer = await asyncio.open_connection(*gateway)
    except OSError:  # TimeoutError is an OSError
        return False
    writer.close()
    return True
