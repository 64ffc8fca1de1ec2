"""Positions, and the fills that they do not show yet: a position carries no time that would tell."""

from decimal import Decimal

import ib_async
import pytest

from bridge.tools.types import Contract
from ib_worker.account.positions import Positions
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session
from tests.waiting import until

AAPL = ib_async.Contract(conId=265598, symbol="AAPL", secType="STK")
CALL = ib_async.Contract(conId=700, symbol="AAPL", secType="OPT", multiplier="100")
PUT = ib_async.Contract(conId=701, symbol="AAPL", secType="OPT", multiplier="100")

pytestmark = pytest.mark.trial("A18")


def holding(position: float, contract: ib_async.Contract = AAPL) -> Positions:
    positions = Positions()
    positions.asked()
    positions.take("DU1", contract, position, 100.0)
    positions.ended()
    return positions


def told(contract: ib_async.Contract) -> Contract:
    return Contract(conId=contract.conId, symbol=contract.symbol, secType=contract.secType)


def sold(positions: Positions, *sizes: int, of: ib_async.Contract = AAPL, account: str = "DU1") -> None:
    for size in sizes:
        positions.filled(account, told(of), Decimal(-size))


def left(positions: Positions, conId: int = AAPL.conId, account: str = "DU1") -> int:
    return int(positions.unshown(account, conId, "SELL"))


@pytest.mark.parametrize(
    ("told", "unshown"),
    [(30, 7), (28, 5), (27, 4), (23, 0), (25, 7), (20, 7)],
)
def test_a_fill_is_shown_by_the_position_that_moved_by_it_and_by_no_other(told: float, unshown: int) -> None:
    positions = holding(30)
    sold(positions, 2, 1, 4)

    positions.take("DU1", AAPL, told, 100.0)

    assert left(positions) == unshown


def test_several_messages_show_one_fill_after_the_other_down_to_zero() -> None:
    positions = holding(5)
    sold(positions, 2, 3)

    positions.take("DU1", AAPL, 3, 100.0)
    assert left(positions) == 3
    positions.take("DU1", AAPL, 0, 0.0)
    assert (left(positions), float(positions.held("DU1", AAPL.conId))) == (0, 0)


def test_only_a_complete_list_that_was_requested_after_the_fill_shows_it() -> None:
    positions = holding(30)
    positions.asked()
    sold(positions, 10)
    positions.take("DU1", AAPL, 30, 100.0)
    positions.ended()
    assert left(positions) == 10

    positions.asked()
    assert left(positions) == 10
    positions.ended()
    assert left(positions) == 0


def test_accounts_contracts_and_sides_are_apart() -> None:
    positions = holding(3, CALL)
    positions.filled("DU1", told(CALL), Decimal(2))
    sold(positions, 1, of=CALL)
    sold(positions, 5, account="DU2")

    assert (left(positions, CALL.conId), left(positions), left(positions, account="DU2")) == (1, 0, 5)
    assert positions.unshown("DU1", CALL.conId, "BUY") == 2


def test_a_lost_connection_shows_nothing() -> None:
    positions = holding(10)
    sold(positions, 10)

    positions.forget()
    assert left(positions) == 10


async def test_a_session_that_was_read_again_has_every_fill_in_its_positions(sim: Simulator) -> None:
    """Executions are listed after the positions, those of before the connection too."""
    async with ready_session(sim) as stand:
        session = stand.session
        sim.fault("manual BUY 10 AAPL 9999")
        sim.fault("reset")
        await stand.reaches("connecting")
        await stand.ready()
        await until(lambda: session.orders.tracker.all(), "the execution's order is known")

        assert not session.positions.any_unshown
        assert [each.position for each in session.positions.all() if each.contract.symbol == "AAPL"] == [10]


def test_fills_that_no_position_shows_are_told_by_contract() -> None:
    def unshown() -> list[tuple[Contract, Decimal]]:
        return [(each.contract, each.quantity) for each in positions.unshown_fills("DU1")]

    positions = holding(30)
    sold(positions, 2, 1)
    sold(positions, 1, of=CALL)
    sold(positions, 5, account="DU2")
    positions.filled("DU1", told(CALL), Decimal(2))
    positions.filled("DU1", told(PUT), Decimal(-4), "a combination")

    of_options = [(told(CALL), Decimal(-1)), (told(CALL), Decimal(2)), (told(PUT), Decimal(-4))]
    assert unshown() == [(told(AAPL), Decimal(-2)), (told(AAPL), Decimal(-1)), *of_options]
    positions.take("DU1", AAPL, 27, 100.0)
    assert unshown() == of_options
    assert [each.combination for each in positions.unshown_fills("DU1")] == [None, None, "a combination"]
