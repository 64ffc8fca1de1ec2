"""Messages that concern the whole session: read again where one was not understood, passed over where it is unknown."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from bridge.tool import ToolError
from ib_worker.session.session import Session
from ib_worker.session.wrapper import ORDER_MESSAGES, POSITION_MESSAGES, Wrapper
from ib_worker.tws.errors import UnreadableMessage
from ib_worker.tws.replies import RequestReplies
from ib_worker.tws.requests import CURRENT_TIME, POSITIONS
from ibgateway.simulator.server.server import Simulator
from tests.busy import BUSY_S
from tests.stacks.worker import ready_session
from tests.waiting import until


@pytest.mark.fault(26)
async def test_a_message_that_can_not_be_read_makes_all_be_read_again(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        positions = len(sim.journal.entries("in", 61))

        sim.fault("send 61 3 DU1234567 nonsense")
        await until(lambda: len(sim.journal.entries("in", 61)) > positions, "positions are asked for again")

        await stand.ready()


@pytest.mark.fault(26)
async def test_what_can_not_be_read_for_long_is_not_shown_in_part(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault("truncate position 8")
        sim.fault("send 61 3 DU1234567 nonsense")
        await until(lambda: len(sim.journal.entries("in", 61)) >= 4, "positions are asked for again and again")

        def is_refused() -> bool:
            try:
                stand.session.orders.require_complete("positions", POSITION_MESSAGES)
            except ToolError as error:
                return "could not decode" in error.message
            return False

        await until(is_refused, "positions are refused")
        stand.session.orders.require_complete("orders", ORDER_MESSAGES)
        sim.fault("through")

        await until(lambda: not stand.session.orders.unread, "positions are read whole")
        await stand.ready()
        assert stand.session.positions.all() != []


@pytest.mark.fault(26)
async def test_a_message_of_no_known_type_changes_nothing(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault("send 4711 1 2 3")
        sim.fault("send 61 3 DU1234567 7 IBM STK '' 0.0 '' '' NYSE USD IBM IBM 5 1.0")
        await until(lambda: any(each.contract.conId == 7 for each in stand.session.positions.all()), "the next is read")

        assert stand.status.is_connected


async def current_time(session: Session) -> object:
    return await session.tws.request_list(CURRENT_TIME, lambda wire: wire.reqCurrentTime())


async def positions(session: Session) -> object:
    return await session.tws.request_list(POSITIONS, lambda wire: wire.reqPositions())


async def summary(session: Session) -> object:
    return await session.tws.ask(lambda wire, reqId: wire.reqAccountSummary(reqId, "All", "NetLiquidation"))


@pytest.mark.parametrize(
    ("name", "owner", "ask"),
    [
        ("currentTime", RequestReplies, current_time),
        ("positionEnd", Wrapper, positions),
        ("accountSummaryEnd", RequestReplies, summary),
    ],
)
async def test_message_without_a_method_fails_the_request_that_waits_for_it_by_name(
    sim: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    owner: type[RequestReplies],
    ask: Callable[[Session], Awaitable[object]],
) -> None:
    async with ready_session(sim) as stand:
        monkeypatch.delattr(owner, name)
        with capture_logs() as logs:
            async with asyncio.timeout(2 + BUSY_S):
                with pytest.raises(UnreadableMessage, match=f"it sent {name}, which this worker does not handle"):
                    await ask(stand.session)

    assert {"event": "message_without_method", "message": name, "log_level": "error"} in logs


async def test_message_without_a_method_that_nobody_waits_for_is_dropped(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        with capture_logs() as logs:
            stand.session.tws.require_connection().wrapper.tickString(99, 45, "1")  # TWS sends it for each line
            await stand.ready()

    assert not [each for each in logs if each["event"] == "message_without_method"]
