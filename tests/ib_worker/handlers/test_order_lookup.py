"""The order that a read names."""

import pytest

from bridge.tool import ToolError
from bridge.tools.types import OrderNameArguments
from ib_worker.handlers.order_lookup import require_order, require_readable
from ibgateway.simulator.server.server import Simulator
from tests.stacks.sent_orders import place
from tests.stacks.worker import SOON, ready_session


async def test_an_order_is_found_by_its_id_and_one_that_is_nowhere_is_not(sim: Simulator) -> None:
    async with ready_session(sim, order_timing=SOON) as stand:
        entry = place(stand)
        found = await require_order(stand.session, entry.state.orderId, OrderNameArguments())
        with pytest.raises(ToolError, match="permId: TWS lists no such order today") as unknown:
            await require_order(stand.session, 0, OrderNameArguments(permId=7))

    assert found is entry
    assert "Do not repeat the call to find out" in str(unknown.value)  # after a refusal that would trade
    assert "earlier days are in ibkr_get_account_history" in str(unknown.value)  # ibkr_get_executions has today alone


async def test_a_gateway_in_read_only_mode_lists_no_orders(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        require_readable(stand.session)
        stand.session.orders.readable = False
        with pytest.raises(ToolError, match="read-only mode"):
            require_readable(stand.session)
