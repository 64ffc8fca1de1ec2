"""A Flex statement file as records: its sessions, trades and deposits, and files that are none."""

from pathlib import Path

import pytest

from bridge.bus.history.records import CashFlow, CoveredDays, TradeCommission
from cli.errors import Problem
from cli.operator.flex_statement import FlexAccount, read_statement
from tests.stacks.flex import DEPOSIT, EQUITY, INFORMATION, TRADE, statement


def read(tmp_path: Path, text: str) -> list[FlexAccount]:
    file = tmp_path / "statement.xml"
    file.write_text(text, encoding="utf-8")
    return read_statement(file)


def test_a_statement_has_sessions_trades_and_deposits(tmp_path: Path) -> None:
    (found,) = read(tmp_path, statement())

    assert [(each.date, each.netLiquidation, each.totalCash, each.kind, each.base) for each in found.snapshots] == [
        ("2025-06-09", 995_000.25, 900_000.0, "flex", "USD"), ("2025-06-10", 1_020_500.5, 925_000.0, "flex", "USD"),
    ]  # fmt: skip
    assert found.snapshots[0].time == "2025-06-09T20:00:00+00:00"
    assert found.flows == [CashFlow("DU1234567 881", "DU1234567", "2025-06-10", 25_000.0, "USD", 1.0, "WIRE")]
    assert found.covered == [CoveredDays("DU1234567", "2025-06-09", "2025-06-10")]
    assert found.missing == set()


def test_a_trade_is_an_execution_as_tws_names_it(tmp_path: Path) -> None:
    (found,) = read(tmp_path, statement())

    stock, option, pair = found.executions
    assert (stock.execId, stock.name, stock.side, stock.shares, stock.price) == (
        "0000e0d5.aa.01.01", "AAPL", "BOT", 10, 190.5,
    )  # fmt: skip
    assert stock.time == "2025-06-09T14:31:05+00:00"  # half past ten in New York
    assert (option.name, option.side, option.multiplier, option.symbol) == ("SPY 18JUL25 400 P", "SLD", "100", "SPY")
    assert (pair.name, pair.symbol, pair.currency) == ("EUR.USD", "EUR", "USD")
    assert found.commissions[:2] == [
        TradeCommission("0000e0d5.aa.01.01", 1.0, "USD"), TradeCommission("0000e0d5.bb.01.01", 1.05, "USD", 42.5),
    ]  # fmt: skip


def test_sums_of_executions_are_none(tmp_path: Path) -> None:
    rows = TRADE + TRADE.replace('levelOfDetail="EXECUTION"', 'levelOfDetail="ORDER"')

    (found,) = read(tmp_path, statement(trades=rows))

    assert [each.execId for each in found.executions] == ["0000e0d5.aa.01.01"]


def test_an_absent_section_is_not_an_empty_one(tmp_path: Path) -> None:
    (without,) = read(tmp_path, statement(cash=None, trades=None))
    (empty,) = read(tmp_path, statement(cash="", trades=""))

    assert (without.covered, without.traded, without.missing) == ([], [], {"CashTransactions", "Trades"})
    assert (len(empty.covered), len(empty.traded), empty.missing) == (1, 1, set())


def test_a_query_by_day_covers_days_without_a_break(tmp_path: Path) -> None:
    days = [(f"2025-06-{day:02d}", f"2025-06-{day:02d}") for day in (9, 10, 12)]

    (found,) = read(tmp_path, statement(days=days))

    assert [(each.first, each.last) for each in found.covered] == [
        ("2025-06-09", "2025-06-10"), ("2025-06-12", "2025-06-12"),
    ]  # fmt: skip


def test_deposits_without_a_number_are_told_apart(tmp_path: Path) -> None:
    twice = DEPOSIT.replace('transactionID="881"', "") * 2

    (found,) = read(tmp_path, statement(cash=twice))

    assert len({each.id for each in found.flows}) == 2


def test_dividends_and_sums_are_no_deposits(tmp_path: Path) -> None:
    dividend = DEPOSIT.replace("Deposits/Withdrawals", "Dividends")
    total = DEPOSIT.replace('levelOfDetail="DETAIL"', 'levelOfDetail="SUMMARY"')

    (found,) = read(tmp_path, statement(cash=dividend + total))

    assert found.flows == []


def test_a_transfer_of_a_position_is_a_flow(tmp_path: Path) -> None:
    out = (
        '<Transfer accountId="DU1234567" currency="EUR" symbol="SAP" type="FOP" direction="OUT" '
        'reportDate="2025-06-10" quantity="-5" positionAmount="-1000" positionAmountInBase="-1100" cashTransfer="0" '
        'transactionID="77" />'
    )

    (found,) = read(tmp_path, statement(more=f"<Transfers>{out}</Transfers>"))

    assert [(each.amount, each.currency, each.text) for each in found.flows] == [
        (25_000, "USD", "WIRE"), (-1_100, "USD", "transfer SAP"),
    ]  # fmt: skip


def test_what_ibkr_adds_later_is_passed_over(tmp_path: Path) -> None:
    (found,) = read(tmp_path, statement(equity=EQUITY.replace(" total=", ' novel="1" total='), more="<Novelties />"))

    assert len(found.snapshots) == 2


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (BOMB + statement(), "declares a document type"),
        (OUTSIDE + statement(), "declares a document type"),
        ("no XML", "is no XML"),
        ("<FlexQueryResponse>", "is no XML"),
        ("<Other />", "ibflex cannot read this statement"),
        (statement(equity=EQUITY.replace("995000.25", "much")), "ibflex cannot read this statement"),
        (statement(information=INFORMATION.replace("USD", "XYZ")), "ibflex cannot read this statement"),
        (statement(information="", equity=EQUITY.replace('currency="USD"', "")), "names no base currency"),
        (statement().replace("fromDate", "from"), "fromDate"),
    ],
)
@pytest.mark.fault(114)
def test_a_file_that_is_no_statement_is_rejected(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(Problem, match=fault):
        read(tmp_path, text)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "statement.xml"
    with file.open("wb") as whole:
        whole.truncate(129 * 1024 * 1024)

    with pytest.raises(Problem, match="larger than 128 MiB"):
        read_statement(file)
