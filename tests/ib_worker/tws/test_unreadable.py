"""A message that can't be decoded ends the request that it answers."""

import re
import time
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.tool import ToolError
from ib_worker.account.updates import AccountUpdates
from ib_worker.pacing.message_pacer import MessagePacer
from ib_worker.tws.errors import UnreadableMessage
from ib_worker.tws.requests import POSITIONS, PendingRequests
from ib_worker.tws.unreadable import refuse_unhandled, refuse_unreadable
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


@pytest.mark.parametrize(
    ("name", "fields", "key"),
    [
        ("accountSummaryEnd", (7,), 7),  # by the id in its first field
        ("positionEnd", (), POSITIONS),  # by its kind
        ("marketRule", (26, []), ("market rule", 26)),
    ],
)
async def test_a_message_that_is_not_handled_ends_the_request_that_waits_for_it(
    account: AccountUpdates, name: str, fields: tuple[object, ...], key: Hashable
) -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)
    with requests.expect(key) as pending:
        assert refuse_unhandled(requests, account.fail, name, fields)

        with pytest.raises(UnreadableMessage, match=f"it sent {name}, which this worker does not handle"):
            await pending.answer


@pytest.mark.parametrize(("name", "fields"), [("tickString", (99, 45, "1")), ("positionEnd", ()), ("userInfo", ("7",))])
async def test_a_message_that_is_not_handled_and_nobody_waits_for_ends_no_other(
    account: AccountUpdates, name: str, fields: tuple[object, ...]
) -> None:
    requests = PendingRequests(late_s=1, grace_s=0.2)
    with requests.expect(7) as pending:
        assert not refuse_unhandled(requests, account.fail, name, fields)

        assert not pending.answer.done()


async def test_a_message_of_the_account_that_is_not_handled_fails_its_updates() -> None:
    requests, failed = PendingRequests(late_s=1, grace_s=0.2), list[ToolError | None]()

    assert refuse_unhandled(requests, failed.append, "updatePortfolio", ())
    assert [each.code for each in failed if each] == ["unsupported_gateway"]
