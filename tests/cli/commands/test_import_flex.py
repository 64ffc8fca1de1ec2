"""`import-flex`: a statement file into the account's past, and then in the tool's answer."""

from pathlib import Path

import pytest

from bridge.bus.history.records import AccountSnapshot
from bridge.bus.history.store import OPERATOR, SNAPSHOTS, put, snapshot_record
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.account_history.recorder import HistoryTiming
from ibgateway.simulator.server.server import Simulator
from tests.stacks.flex import statement
from tests.stacks.operator_commands import typed
from tests.stacks.worker import trading

NEVER = HistoryTiming(first_s=3600)


async def test_an_imported_statement_is_in_the_accounts_history(
    own_redis: EmbeddedRedis, session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "statement.xml"
    file.write_text(statement(), encoding="utf-8")
    own = AccountSnapshot("DU1234567", "2025-06-10", "2025-06-10T20:05:00+00:00", "close", "USD", 999_000.0)
    async with CommandPipeline(own_redis.url) as pipe:
        await put(pipe, Keys(session), OPERATOR, SNAPSHOTS, [snapshot_record(own)])
    assert await typed(own_redis, "import-flex", "--session", session, "--force", str(file)) == 0
    said = capsys.readouterr().out
    assert await typed(own_redis, "import-flex", "--session", session, "--force", str(file)) == 0
    again = capsys.readouterr().out
    async with (
        Simulator() as sim,
        trading(own_redis.url, session, sim, history_timing=NEVER) as front,
    ):
        equity = await front.ask("get_account_history")
        trades = await front.ask("get_account_history", table="trades")

    assert "DU1234567: 2 sessions, 3 executions and 1 deposits, withdrawals and transfers are new" in said
    assert "deposits and withdrawals are known from 2025-06-09 to 2025-06-10" in said
    assert "differs: 2025-06-10: net liquidation 999,000.00 on record, 1,020,500.50 in the statement" in said
    assert "DU1234567: 0 sessions, 0 executions and 0 deposits" in again
    rows = [equity["same"] | dict(zip(equity["columns"], row, strict=True)) for row in equity["rows"]]
    assert [(each["date"], each["kind"], each["flow"]) for each in rows] == [
        ("2025-06-09", "flex", None), ("2025-06-10", "close", 25_000),
    ]  # fmt: skip
    assert trades["count"] == 3
    assert trades["same"]["clientId"] is None  # a statement does not say who traded


async def test_a_statement_that_differs_from_an_earlier_one_says_so(
    own_redis: EmbeddedRedis, session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "statement.xml"
    for content in (statement(), statement().replace('total="995000.25"', 'total="985000.25"')):
        file.write_text(content, encoding="utf-8")
        assert await typed(own_redis, "import-flex", "--session", session, "--force", str(file)) == 0

    said = capsys.readouterr().out
    assert "differs: 2025-06-09: net liquidation 995,000.25 on record, 985,000.25 in the statement" in said


async def test_a_file_that_is_no_statement_ends_with_1(
    own_redis: EmbeddedRedis, session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "statement.csv"
    file.write_text("a,b,c\n", encoding="utf-8")

    for each in (file, tmp_path / "none.xml"):
        assert await typed(own_redis, "import-flex", "--session", session, "--force", str(each)) == 1
        assert capsys.readouterr().err.startswith("error: ")


async def test_a_statement_that_lacks_a_section_says_what_to_add(
    own_redis: EmbeddedRedis, session: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "statement.xml"
    file.write_text(statement(cash=None), encoding="utf-8")

    assert await typed(own_redis, "import-flex", "--session", session, "--force", str(file)) == 0

    assert "no section Cash Transactions: add it to the Flex query" in capsys.readouterr().out
