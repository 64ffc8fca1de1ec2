"""The handlers of the portfolio and of account values by name."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from bridge.tool import ToolError
from bridge.tools.account import AccountUpdate, PnL
from bridge.tools.portfolio import (
    MOST_ACCOUNTS,
    MOST_VALUES,
    GetAccountValues,
    GetPortfolio,
    PortfolioTable,
    ValueTable,
)
from ib_worker.account import named_values as names
from ib_worker.account.exchange_rates import AccountRow
from ib_worker.account.portfolio import COLUMNS, AccountPicture, PricedPosition, picture, row, same_in_all, with_pnl
from ib_worker.client_rights.accounts import own_accounts
from ib_worker.handlers.dispatch import handles
from ib_worker.session.session import Session
from ib_worker.session.wrapper import POSITION_MESSAGES
from ib_worker.tws.errors import TwsError
from ib_worker.tws.values import convert

ACCOUNT_S = 8.0  # for one account's portfolio: TWS sends a large one in a second or two
FRESH = 25  # positions whose profit of today is asked for: two messages each
FRESH_S = 4.0  # for all of them together; of the others the Account window's figures stay


@handles(GetPortfolio)
async def get_portfolio(request: GetPortfolio, session: Session) -> PortfolioTable:
    modelCode = request.modelCode or ""
    pictures = [await _picture(session, each, modelCode) for each in _accounts(session, request.account)]
    held = sorted((each for one in pictures for each in one.holdings), key=lambda each: each.size, reverse=True)
    told = held[: request.limit]
    profits, fresh = await asyncio.gather(
        asyncio.gather(*(_pnl(session, each.account, modelCode) for each in pictures)),
        asyncio.gather(*(_refreshed(session, each, modelCode) for each in told[:FRESH])),
    )
    session.require_ready()  # a session that broke since then has no portfolio to tell
    shown = sorted([*fresh, *told[FRESH:]], key=lambda each: each.size, reverse=True)
    return _table(_Portfolio(pictures, profits, shown), len(held), session)


@dataclass(frozen=True)
class _Portfolio:
    pictures: list[AccountPicture]
    profits: list[PnL]
    shown: list[PricedPosition]


def _accounts(session: Session, named: str | None) -> list[str]:
    """Return the accounts that are meant. Raises ToolError wrong_account, or account_required where they are many."""
    if (meant := session.account_set(named)).named is not None:
        return [meant.named]
    own = own_accounts(session.accounts)
    return own if 0 < len(own) <= MOST_ACCOUNTS else [session.account(None)]


async def _picture(session: Session, account: str, modelCode: str) -> AccountPicture:
    """Return the account as its updates tell it; by its positions, without prices, where TWS sends those of another
    account, or for a model, which has no updates."""
    async with asyncio.timeout(ACCOUNT_S):
        if not modelCode:
            with suppress(_StreamedError):
                return _of_updates(account, await _updates(session, account))
        rows = await session.tws.ask_account_values(account, modelCode)
        if modelCode:
            held = await session.tws.ask_model_positions(account, modelCode)
        else:
            session.orders.require_complete("positions", POSITION_MESSAGES)
            held = [each for each in session.positions.all() if each.account == account]
        return picture(account, (AccountRow(*each) for each in rows), held)


class _StreamedError(Exception):
    """Another account's updates are streamed."""


async def _updates(session: Session, account: str) -> list[AccountUpdate]:
    try:
        return await session.tws.while_connected(session.account_updates.read(account))
    except ToolError as error:
        if error.code != "in_use":
            raise
        raise _StreamedError from error


def _of_updates(account: str, updates: list[AccountUpdate]) -> AccountPicture:
    rows = (
        AccountRow(each.account, each.tag or "", str(each.value), each.currency or "")
        for each in updates
        if each.kind == "value"
    )
    return picture(account, rows, [each for each in updates if each.kind == "portfolio"])


async def _pnl(session: Session, account: str, modelCode: str) -> PnL:
    """Return the account's profit; null where TWS has not computed it in time."""
    try:
        return await session.tws.ask_pnl(account, modelCode)
    except (TimeoutError, TwsError):
        return PnL(account=account, modelCode=modelCode, dailyPnL=None, unrealizedPnL=None, realizedPnL=None)


async def _refreshed(session: Session, held: PricedPosition, modelCode: str) -> PricedPosition:
    """Return the position with the figures of this second, where TWS tells them in time."""
    try:
        async with asyncio.timeout(FRESH_S):
            told = await session.position_profits.of(held.account, modelCode, held.contract.conId, held.position)
    except (TimeoutError, TwsError):
        return held
    return with_pnl(held, told.figures, told.at)


def _table(found: _Portfolio, of: int, session: Session) -> PortfolioTable:
    now = session.now()
    net = {each.account: each.values.get("NetLiquidation") for each in found.pictures}
    rows = [row(each, net[each.account], now) for each in found.shown]
    same = same_in_all(rows)
    columns = [name for name in COLUMNS if name not in same]
    cut = len(rows) < of
    said = f"The largest {len(rows)} of {of} positions. Give a higher limit for the others." if cut else ""
    if session.account_set(None).is_filtered:
        said = f"{said} Your token has a right to these accounts alone.".lstrip()
    return PortfolioTable(
        count=len(rows),
        truncated=cut,
        simulated=session.simulated,
        time=now.replace(microsecond=0),
        accounts=[each.totals(pnl) for each, pnl in zip(found.pictures, found.profits, strict=True)],
        same=same,
        columns=columns,
        rows=[[each[name] for name in columns] for each in rows],
        message=said or None,
    )


@handles(GetAccountValues)
async def get_account_values(request: GetAccountValues, session: Session) -> ValueTable:
    account = session.account(request.account)
    async with asyncio.timeout(ACCOUNT_S):
        told = [AccountRow(*each) for each in await session.tws.ask_account_values(account, request.modelCode or "")]
    session.require_ready()  # a session that broke since then has no values to tell
    if not told:
        raise ToolError("no_data", f"TWS has told no values of {account}. Retry, or check modelCode if it was given.")
    known = {each.tag.removeprefix(convert.LEDGER) for each in told}
    tags, unknown = names.named_tags(request.tags or names.MAIN, known)
    if not tags:
        raise names.no_such(unknown, names.MAIN)
    rows = names.value_rows(told, tags)
    cut = len(rows) > MOST_VALUES
    return ValueTable(
        count=min(len(rows), MOST_VALUES),
        truncated=cut,
        simulated=session.simulated,
        time=session.now().replace(microsecond=0),
        account=account,
        columns=names.COLUMNS,
        rows=rows[:MOST_VALUES],
        unknown=unknown if request.tags else [],
        message=f"The first {MOST_VALUES} of {len(rows)} values. Give longer names." if cut else None,
    )
