"""A message that can't be decoded ends the request that it answers."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from ib_worker.account.updates import AccountUpdates
from ib_worker.pacing.message_pacer import MessagePacer
from ib_worker.tws.errors import UnreadableMessage
from ib_worker.tws.requests import PendingRequests
from ib_worker.tws.unreadable import refuse_unreadable
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Published, trading

SUMMARY, DETAILS = "get_account_summary", "get_contract_details"
HISTORY = ("get_historical_data", {"symbol": "SPY", "durationStr": "1 D", "barSizeSetting": "1 hour"})


@pytest.mark.trial("B10")
@pytest.mark.parametrize(
    ("fault", "operation", "arguments", "named"),
    [
        ("truncate contractDetails 5", DETAILS, {"symbol": "MSFT"}, "type 10 (contractDetails)"),
        ("rewrite contractDetails 0 18", DETAILS, {"symbol": "MSFT"}, "type 18 (bondContractDetails)"),
        ("truncate historicalData 9", *HISTORY, "type 17 (historicalData)"),
        ("rewrite pnl 2 nonsense", "get_pnl", {}, "type 94 (pnl)"),
        ("rewrite accountSummary 0 68", SUMMARY, {}, "displayGroupUpdated"),  # a message without a method here
        ("rewrite pnl 0 999", "get_pnl", {}, "type 999"),
        ("rewrite pnl 0 107", "get_pnl", {}, "userInfo"),
        ("rewrite portfolioValue 2 nonsense 1", "open_account_updates", {}, "type 7 (updatePortfolio)"),
    ],
)
async def test_an_answer_that_can_not_be_read_is_an_error_at_once_that_names_it(
    redis_url: str, session: str, sim: Simulator, fault: str, operation: str, arguments: dict[str, Any], named: str
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault(fault)
        error = await front.refused(operation, **arguments)

    assert error.code == "unsupported_gateway"
    assert named in error.message


@pytest.fixture
def account() -> AccountUpdates:
    return AccountUpdates(MessagePacer(time.monotonic, 50), Published(), lambda: datetime.now(UTC))


@pytest.mark.parametrize(
    "fields",
    [
        ["10", "7", "AAPL"],  # contractDetails has its request's id at once
        ["63", "1", "7", "DU1"],  # accountSummary has a version before it
        ["999", "7"],  # of an unknown type the id may be in either place
        ["999", "1", "7"],
    ],
)
async def test_the_request_that_it_answers_ends(account: AccountUpdates, fields: list[str]) -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)
    with requests.expect(7) as pending:
        refuse_unreadable(requests, account.fail, fields)

        with pytest.raises(UnreadableMessage, match=f"a message of type {fields[0]}"):
            await pending.answer


@pytest.mark.parametrize("fields", [["63", "7", "8", "DU1"], ["10", "8"], ["10"], ["no number", "7"], []])
async def test_no_other_request_ends(account: AccountUpdates, fields: list[str]) -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)
    with requests.expect(7) as pending:
        refuse_unreadable(requests, account.fail, fields)

        assert not pending.answer.done()


async def test_its_kind_is_named(account: AccountUpdates) -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)
    with requests.expect(7) as pending:
        refuse_unreadable(requests, account.fail, ["17", "7"])

        with pytest.raises(UnreadableMessage, match=re.escape("type 17 (historicalData) could not be decoded")):
            await pending.answer
