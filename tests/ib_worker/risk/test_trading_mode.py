"""Which accounts a mode lets orders go to, and what is said of the others."""

import pytest

from bridge.tool import ToolError
from ib_worker.risk.trading_mode import Mode, may_trade, require_tradable_account

LIVE = frozenset({"U1234567", "DU7654321"})


@pytest.mark.fault(60)
@pytest.mark.parametrize(
    ("mode", "account"), [("paper", "DU1234567"), ("paper", "DF1234567"), ("live", "U1234567"), ("live", "DU7654321")]
)
def test_an_account_of_the_mode_may_be_traded(mode: Mode, account: str) -> None:
    assert require_tradable_account(mode, LIVE, account) == account
    assert may_trade(mode, LIVE, account)


@pytest.mark.fault(60)
@pytest.mark.parametrize(
    ("mode", "account", "kind"),
    [
        ("paper", "U1234567", "a paper account"),
        ("paper", "UD234567", "a paper account"),
        ("paper", "", "a paper account"),
        ("paper", None, "a paper account"),
        ("live", "U7654321", "in LIVE_ACCOUNTS"),
        ("live", "DU1234567", "in LIVE_ACCOUNTS"),
        ("live", "All", "in LIVE_ACCOUNTS"),
        ("live", None, "in LIVE_ACCOUNTS"),
    ],
)
def test_any_other_account_is_refused_by_name(mode: Mode, account: str | None, kind: str) -> None:
    assert not may_trade(mode, LIVE, account)
    with pytest.raises(ToolError) as caught:
        require_tradable_account(mode, LIVE, account)

    assert caught.value.code == "wrong_account"
    assert caught.value.message == f"TRADING_MODE is {mode}, and {account} is not {kind}: nothing is sent for it."


@pytest.mark.fault(60)
@pytest.mark.parametrize("account", ["DU1234567", "U1234567", None])
def test_nothing_may_be_traded_in_read_only(account: str | None) -> None:
    assert not may_trade("read_only", LIVE, account)
    with pytest.raises(ToolError) as caught:
        require_tradable_account("read_only", LIVE, account)

    assert caught.value.code == "read_only"
    assert caught.value.message == "TRADING_MODE is read_only: this worker places and cancels no orders."
