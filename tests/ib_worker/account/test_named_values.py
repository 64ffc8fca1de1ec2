"""Which account values a caller's names mean."""

from ib_worker.account.exchange_rates import AccountRow
from ib_worker.account.named_values import named_tags, value_rows

TAGS = ("AccruedCash", "CashBalance", "InitMarginReq", "InitMarginReq-S", "Leverage-S", "RegTMargin", "TotalCashValue")


def test_a_name_is_a_whole_tag_else_a_part_of_tags() -> None:
    assert named_tags(["cash balance"], TAGS) == (["CashBalance"], [])
    assert named_tags(["Margin", "CASH"], TAGS) == (
        ["InitMarginReq", "RegTMargin", "AccruedCash", "CashBalance", "TotalCashValue"], [],
    )  # fmt: skip


def test_segments_are_meant_only_where_nothing_else_is() -> None:
    assert named_tags(["init_margin", "leverage", "InitMarginReq-S"], TAGS)[0] == [
        "InitMarginReq", "Leverage-S", "InitMarginReq-S",
    ]  # fmt: skip


def test_names_that_nothing_has_are_said() -> None:
    assert named_tags(["margin", "profit", "_"], TAGS) == (["InitMarginReq", "RegTMargin"], ["profit", "_"])


def test_values_come_in_the_order_of_their_names_in_every_currency() -> None:
    rows = [
        AccountRow("DU1", "$LEDGER-CashBalance", "5.50", "EUR"), AccountRow("DU1", "Cushion", "0.98", ""),
        AccountRow("DU1", "CashBalance", "7.00", "USD"), AccountRow("DU1", "AccountType", "INDIVIDUAL", ""),
        AccountRow("DU1", "SMA", "1.00", "USD"),
    ]  # fmt: skip

    assert value_rows(rows, ["AccountType", "CashBalance", "Cushion"]) == [
        ["AccountType", None, "INDIVIDUAL"], ["CashBalance", "EUR", 5.5], ["CashBalance", "USD", 7],
        ["Cushion", None, 0.98],
    ]  # fmt: skip
