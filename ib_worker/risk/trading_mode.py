"""The worker's trading mode, and the accounts that the mode allows. Pure."""

from collections.abc import Collection
from typing import Literal

from bridge.accounts import is_paper
from bridge.tool import ToolError

Mode = Literal["read_only", "paper", "live"]


def may_trade(mode: Mode, live_accounts: Collection[str], account: str | None) -> bool:
    """Return whether the mode lets orders go to this account. IBKR's paper accounts begin with a D."""
    if account is None or mode == "read_only":
        return False
    return account in live_accounts if mode == "live" else is_paper(account)


def require_tradable_account(mode: Mode, live_accounts: Collection[str], account: str | None) -> str:
    """The account, if the mode lets orders go there. Raises ToolError read_only or wrong_account."""
    if mode == "read_only":
        raise ToolError("read_only", "TRADING_MODE is read_only: this worker places and cancels no orders.")
    if account is not None and may_trade(mode, live_accounts, account):
        return account
    kind = "in LIVE_ACCOUNTS" if mode == "live" else "a paper account"
    raise ToolError("wrong_account", f"TRADING_MODE is {mode}, and {account} is not {kind}: nothing is sent for it.")
