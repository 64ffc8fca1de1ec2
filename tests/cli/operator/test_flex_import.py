"""The import of a statement into a real Redis: added once, and what disagrees with the record is told."""

from dataclasses import replace
from pathlib import Path

import msgspec

from bridge.bus.history.records import AccountSnapshot, TradeCommission, TradeExecution
from bridge.bus.history.store import (
    EXECUTIONS,
    OPERATOR,
    SNAPSHOTS,
    commission_record,
    execution_record,
    put,
    read_flows,
    read_records,
    seconds,
    snapshot_record,
    trades_of,
)
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.operator.flex_import import Imported, import_account
from cli.operator.flex_statement import FlexAccount, read_statement
from tests.stacks.account_records import execution
from tests.stacks.flex import statement
from tests.stacks.timing import PATIENT

WEEK = (("2025-06-06", "2025-06-13"),)
OWN = execution(
    "0000e0d5.aa.01.01", "2025-06-09T14:31:05+00:00", account="DU1234567", shares=10, price=190.5, conId=265598
)


def read(tmp_path: Path) -> FlexAccount:
    file = tmp_path / "statement.xml"
    file.write_text(statement(days=WEEK), encoding="utf-8")
    (found,) = read_statement(file)
    return found


async def imported(
    redis_url: str, session: str, told: FlexAccount, *ours: AccountSnapshot | TradeExecution, paid: float | None = None
) -> Imported:
    async with CommandPipeline(redis_url, PATIENT) as pipe:
        keys = Keys(session)
        snapshots = [snapshot_record(each) for each in ours if isinstance(each, AccountSnapshot)]
        executions = [execution_record(each) for each in ours if isinstance(each, TradeExecution)]
        if paid is not None:
            executions.append(commission_record(TradeCommission(OWN.execId, paid, "USD"), seconds(OWN.time)))
        await put(pipe, keys, OPERATOR, SNAPSHOTS, snapshots)
        await put(pipe, keys, OPERATOR, EXECUTIONS, executions)
        return await import_account(pipe, keys, told)


async def test_a_second_import_adds_nothing(redis_url: str, session: str, tmp_path: Path) -> None:
    told = read(tmp_path)

    first = await imported(redis_url, session, told)
    again = await imported(redis_url, session, told)

    assert (first.sessions, first.executions, first.flows, first.disagreements) == (2, 3, 1, [])
    assert (again.sessions, again.executions, again.flows, again.disagreements) == (0, 0, 0, [])
    async with CommandPipeline(redis_url, PATIENT) as pipe:
        flows = await read_flows(pipe, Keys(session))
        trades = trades_of((await read_records(pipe, Keys(session), EXECUTIONS))[0])
    assert ([each.amount for each in flows.flows], len(flows.covered)) == ([25_000], 1)
    assert (len(trades.executions), len(trades.commissions)) == (3, 3)


async def test_the_record_stays_and_what_agrees_is_not_told(redis_url: str, session: str, tmp_path: Path) -> None:
    found = await imported(redis_url, session, read(tmp_path), OWN, paid=1.0)

    assert (found.executions, found.disagreements) == (2, [])


async def test_another_price_and_commission_are_told(redis_url: str, session: str, tmp_path: Path) -> None:
    other = msgspec.structs.replace(OWN, price=191.5)

    found = await imported(redis_url, session, read(tmp_path), other, paid=2.0)

    assert found.disagreements == [
        "2025-06-09 AAPL 0000e0d5.aa.01.01: BOT 10 at 191.5 on record, BOT 10 at 190.5 in the statement",
        "2025-06-09 AAPL 0000e0d5.aa.01.01: commission 2 on record, 1 in the statement",
    ]


async def test_a_correction_that_the_statement_has_is_compared(redis_url: str, session: str, tmp_path: Path) -> None:
    wrong = msgspec.structs.replace(OWN, price=99)
    corrected = msgspec.structs.replace(OWN, execId="0000e0d5.aa.01.02")

    found = await imported(redis_url, session, read(tmp_path), wrong, corrected)

    assert (found.executions, found.disagreements) == (2, [])


async def test_an_execution_that_the_statement_lacks_is_told(redis_url: str, session: str, tmp_path: Path) -> None:
    unknown = msgspec.structs.replace(OWN, execId="0000e0d5.dd.01.01")
    outside = msgspec.structs.replace(unknown, execId="0000e0d5.ee.01.01", time="2025-06-20T14:00:00+00:00")
    theirs = msgspec.structs.replace(unknown, execId="0000e0d5.ff.01.01", account="DU9")

    found = await imported(redis_url, session, read(tmp_path), unknown, outside, theirs)

    assert found.disagreements == ["2025-06-09 AAPL 0000e0d5.dd.01.01: on record, and not in the statement"]


async def test_another_net_liquidation_is_told(redis_url: str, session: str, tmp_path: Path) -> None:
    def own(date: str, worth: float, base: str = "USD") -> AccountSnapshot:
        return AccountSnapshot("DU1234567", date, f"{date}T20:05:00+00:00", "close", base, worth)

    near, far = own("2025-06-09", 995_100), own("2025-06-10", 995_500)
    found = await imported(redis_url, session, read(tmp_path), near, far)
    assert found.disagreements == ["2025-06-10: net liquidation 995,500.00 on record, 1,020,500.50 in the statement"]

    found = await imported(redis_url, f"{session}b", read(tmp_path), own("2025-06-10", 900_000, "EUR"))
    assert found.disagreements == ["2025-06-10: the base currency is EUR on record, and USD in the statement"]


async def test_a_deposit_of_another_amount_is_told_and_stays_as_it_is(
    redis_url: str, session: str, tmp_path: Path
) -> None:
    told = read(tmp_path)
    await imported(redis_url, session, told)
    first, *others = told.flows
    again = await imported(
        redis_url, session, replace(told, flows=[msgspec.structs.replace(first, amount=first.amount + 1), *others])
    )

    (line,) = again.disagreements
    assert f"{first.amount:,.2f} {first.currency} on record, {first.amount + 1:,.2f}" in line
    assert again.flows == 0
