"""Messages that concern the whole session: read again where one was not understood, passed over where it is unknown."""

import pytest

from bridge.tool import ToolError
from ib_worker.session.wrapper import ORDER_MESSAGES, POSITION_MESSAGES
from ibgateway.simulator.server.server import Simulator
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

        with pytest.raises(ToolError, match="could not be decoded"):
            stand.session.require_whole("positions", POSITION_MESSAGES)
        stand.session.require_whole("orders", ORDER_MESSAGES)
        sim.fault("through")

        await until(lambda: not stand.session.unread, "positions are read whole")
        await stand.ready()
        assert stand.session.holdings.all() != []


@pytest.mark.fault(26)
async def test_a_message_of_no_known_type_changes_nothing(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault("send 4711 1 2 3")
        sim.fault("send 61 3 DU1234567 7 IBM STK '' 0.0 '' '' NYSE USD IBM IBM 5 1.0")
        await until(lambda: any(each.contract.conId == 7 for each in stand.session.holdings.all()), "the next is read")

        assert stand.status.is_connected
