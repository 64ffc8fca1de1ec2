"""An account's past as the tool tells it: from the records in Redis, for one account, within bounds."""

import json
from typing import Any

from bridge.bus.history.records import CashFlow, CoveredDays, TradeCommission
from bridge.bus.history.store import (
    EXECUTIONS,
    FLOWS,
    OPERATOR,
    SNAPSHOTS,
    Record,
    Shelf,
    commission_record,
    covered_record,
    execution_record,
    flow_record,
    put,
    seconds,
    snapshot_record,
)
from bridge.bus.keys import Keys
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.account_history.recorder import HistoryTiming
from ibgateway.simulator.server.server import Simulator
from tests.stacks.account_records import execution, held, snapshot
from tests.stacks.ten_days import reader
from tests.stacks.worker import Caller, trading
from tests.waiting import until

ACCOUNT = "DU1234567"
NEVER = HistoryTiming(first_s=3600)  # the record is what a test has put there
OLD = [
    snapshot(9, 9_000, held(10, 100), account=ACCOUNT),
    snapshot(10, 9_050, held(10, 105), account=ACCOUNT),
    snapshot(11, 14_050, held(10, 105), account=ACCOUNT),
    snapshot(11, 1, account="DU9"),
]


async def write(redis_url: str, session: str, shelf: Shelf, *records: Record) -> None:
    async with reader(redis_url) as pipe:
        await put(pipe, Keys(session), OPERATOR, shelf, records)


async def ask(front: Caller, **arguments: Any) -> list[dict[str, Any]]:
    """Return the rows as objects, with what is equal in all of them."""
    told = await front.ask("get_account_history", **arguments)
    return [told["same"] | dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]


async def test_the_equity_curve(redis_url: str, session: str, sim: Simulator) -> None:
    await write(redis_url, session, SNAPSHOTS, *map(snapshot_record, OLD))
    async with trading(redis_url, session, sim, history_timing=NEVER) as front:
        told = await front.ask("get_account_history")
        rows = await ask(front)
        some = await ask(front, startDate="2025-06-10", endDate="20250610")

    assert (told["count"], told["truncated"], told["account"], told["since"]) == (3, False, ACCOUNT, "2025-06-09")
    assert told["simulated"] is True
    assert [(each["date"], each["returnPercent"], each["unexplained"]) for each in rows] == [
        ("2025-06-09", None, None), ("2025-06-10", 0.5556, 0), ("2025-06-11", 0, 5_000),
    ]  # fmt: skip
    assert [each["suspected"] for each in rows] == [False, False, True]
    assert [(each["date"], each["returnPercent"]) for each in some] == [("2025-06-10", 0.5556)]


async def test_a_statement_tells_the_flow(redis_url: str, session: str, sim: Simulator) -> None:
    await write(redis_url, session, SNAPSHOTS, *map(snapshot_record, OLD))
    flow = CashFlow("1", ACCOUNT, "2025-06-11", 5_000, "USD")
    covered = CoveredDays(ACCOUNT, "2025-06-01", "2025-06-30")
    await write(redis_url, session, FLOWS, flow_record(flow), covered_record(covered))
    async with trading(redis_url, session, sim, history_timing=NEVER) as front:
        (last,) = await ask(front, startDate="2025-06-11")
        (totals,) = await ask(front, format="summary")

    assert (last["flow"], last["unexplained"], last["suspected"]) == (5_000, 0, False)
    assert (totals["flow"], totals["returnPercent"], totals["suspectedDates"]) == (5_000, 0.5556, "")


async def test_trades_by_symbol_and_day(redis_url: str, session: str, sim: Simulator) -> None:
    apple = execution("a.01.01", "2025-06-10T14:30:00+00:00", account=ACCOUNT)
    other = execution("b.01.01", "2025-06-11T03:30:00+00:00", account=ACCOUNT, symbol="SPY", name="SPY", conId=2)
    fixed = execution("a.01.02", "2025-06-10T14:30:00+00:00", account=ACCOUNT, price=101)
    theirs = execution("c.01.01", "2025-06-10T14:30:00+00:00", account="DU9")
    paid = commission_record(TradeCommission("a.01.01", 1.5, "USD"), seconds(apple.time))
    await write(redis_url, session, SNAPSHOTS, snapshot_record(OLD[0]))
    await write(redis_url, session, EXECUTIONS, *map(execution_record, (apple, other, fixed, theirs)), paid)
    async with trading(redis_url, session, sim, history_timing=NEVER) as front:
        rows = await ask(front, table="trades")
        spy = await ask(front, table="trades", symbol="SPY")
        evening = await ask(front, table="trades", endDate="2025-06-10")
        none = await ask(front, table="trades", startDate="2025-06-11")
        totals = await ask(front, table="trades", format="summary")

    assert [(each["name"], each["price"], each["commission"], each["corrected"]) for each in rows] == [
        ("AAPL", 101, 1.5, True), ("SPY", 100, None, False),
    ]  # fmt: skip
    assert [each["name"] for each in spy] == ["SPY"]
    assert len(evening) == 2  # half past eleven in New York
    assert none == []
    assert [(each["name"], each["bought"]) for each in totals] == [("AAPL", 10), ("SPY", 10)]


async def test_a_longer_answer_says_how_to_get_the_rest(redis_url: str, session: str, sim: Simulator) -> None:
    days = [snapshot(day, 10_000 + 3.25 * day, kind="flex", account=ACCOUNT) for day in range(1, 31)]
    later = [each.__class__(**{name: getattr(each, name) for name in each.__struct_fields__} | {
        "date": f"2025-{month:02d}{each.date[7:]}"}) for each in days for month in (7, 8, 9, 10)]  # fmt: skip
    await write(redis_url, session, SNAPSHOTS, *map(snapshot_record, [*days, *later]))
    executed = [
        execution(f"e{number}.01.01", account=ACCOUNT, price=100.25 + number, name="SPY 18JUL25 400 P")
        for number in range(100)
    ]
    await write(redis_url, session, EXECUTIONS, *map(execution_record, executed))
    async with trading(redis_url, session, sim, history_timing=NEVER) as front:
        cut = await front.ask("get_account_history")
        limited = await front.ask("get_account_history", limit=2)
        traded = await front.ask("get_account_history", table="trades")

    assert (cut["count"], cut["truncated"], len(cut["rows"])) == (150, True, 90)
    assert cut["message"].startswith("The newest 90 of 150 rows.")
    assert [row[0] for row in limited["rows"]] == ["2025-10-29", "2025-10-30"]
    assert (traded["count"], len(traded["rows"])) == (100, 60)
    for each in (cut, traded):
        assert len(json.dumps(each, separators=(",", ":"))) < 10_000  # at most some 4,000 tokens


async def test_an_account_without_a_record_is_no_data(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim, history_timing=NEVER) as front:
        for table in ("equity", "trades"):
            error = await front.refused("get_account_history", table=table)
            assert (error.code, "import-flex" in error.message) == ("no_data", True)
        unknown = await front.refused("get_account_history", account="DU9")

    assert unknown.code == "wrong_account"


async def test_without_a_gateway_the_error_is_the_sessions(redis_url: str, session: str) -> None:
    async with Simulator() as sim, trading(redis_url, session, sim, history_timing=NEVER) as front:
        sim.fault("restart 600")
        await until(lambda: _is_not_ready(front), "the gateway is down")
        error = await front.refused("get_account_history")

    assert error.code in ("not_connected", "not_ready", "retry", "gateway_down")


async def _is_not_ready(front: Caller) -> bool:
    return (await front.status()).get("state") != "ready"


async def test_without_redis_the_error_says_so(own_redis: EmbeddedRedis, session: str, sim: Simulator) -> None:
    """The front tells it: no call comes to the worker."""
    async with trading(own_redis.url, session, sim, history_timing=NEVER) as front:
        assert own_redis.process is not None
        own_redis.process.kill()
        await own_redis.process.wait()
        error = await front.refused("get_account_history")
        await own_redis.start()

    assert error.code in ("bus_down", "retry")
