"""The handlers of the portfolio and of account values by name."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from bridge.tools.account import AccountUpdate, PnL
from bridge.tools.portfolio import (
    MOST_ACCOUNTS,
    MOST_VALUES,
    ClosedToday,
    GetAccountValues,
    GetPortfolio,
    PortfolioTable,
    ValueTable,
)
from ib_worker.account import named_values as names
from ib_worker.account.closed_positions import ClosedPosition, PaidExecution, closed_positions
from ib_worker.account.exchange_rates import AccountRow
from ib_worker.account.portfolio import (
    COLUMNS,
    AccountPicture,
    PricedPosition,
    cents,
    is_cash,
    picture,
    row,
    same_in_all,
    with_pnl,
)
from ib_worker.client_rights.accounts import own_accounts
from ib_worker.handlers.dispatch import handles
from ib_worker.session.session import Session
from ib_worker.session.sync import todays_executions
from ib_worker.session.wrapper import EXECUTION_MESSAGES, POSITION_MESSAGES, ListedExecution
from ib_worker.tws.errors import TwsError
from ib_worker.tws.values import convert

ACCOUNT_S = 8.0  # for one account's portfolio: TWS sends a large one in a second or two
FRESH = 25  # positions whose profit of today is asked for: two messages each
MOST_CLOSED = 20  # closed positions of one answer
CLOSED_S = 1.5  # for the day's profit of a closed position: TWS may tell none
FRESH_S = 4.0  # for all of them together; of the others the Account window's figures stay


@handles(GetPortfolio)
async def get_portfolio(request: GetPortfolio, session: Session) -> PortfolioTable:
    modelCode = request.modelCode or ""
    pictures = [await _picture(session, each, modelCode) for each in _accounts(session, request.account)]
    held = sorted((each for one in pictures for each in one.holdings), key=lambda each: each.size, reverse=True)
    told = held[: request.limit]
    profits, fresh, closed = await asyncio.gather(
        asyncio.gather(*(_pnl(session, each.account, modelCode) for each in pictures)),
        asyncio.gather(*(_refreshed(session, each, modelCode) for each in told[:FRESH])),
        _closed(session, pictures, modelCode),
    )
    session.require_ready()  # a session that broke since then has no portfolio to tell
    shown = sorted([*fresh, *told[FRESH:]], key=lambda each: each.size, reverse=True)
    return _table(_Portfolio(pictures, profits, shown, closed), len(held), session)


@dataclass(frozen=True)
class _Portfolio:
    pictures: list[AccountPicture]
    profits: list[PnL]
    shown: list[PricedPosition]
    closed: list[ClosedToday] | None  # None: TWS has not told today's executions


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
        return picture(account, (AccountRow(*each) for each in rows), held, session.now())


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
    net = (each.time for each in updates if each.tag == "NetLiquidation" and each.currency)
    return picture(account, rows, [each for each in updates if each.kind == "portfolio"], next(net, None))


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


async def _closed(session: Session, pictures: list[AccountPicture], modelCode: str) -> list[ClosedToday] | None:
    """Return the positions that today's trades have closed; None where TWS does not tell the trades in time."""
    try:
        async with asyncio.timeout(FRESH_S):
            listed = await todays_executions(session)
        session.orders.require_complete("executions", EXECUTION_MESSAGES)
    except (TimeoutError, TwsError, ToolError):
        return None
    fills = [_paid(session, each) for each in listed]
    closed = [
        (each, one.rates.base)
        for one in pictures
        for each in closed_positions(
            fills, one.account, modelCode, {held.contract.conId for held in one.holdings}, one.rates
        )
    ]
    return await asyncio.gather(*(_with_daily(session, each, base, modelCode) for each, base in closed[:MOST_CLOSED]))


def _paid(session: Session, fill: ListedExecution) -> PaidExecution:
    told, on = fill.execution, convert.contract(fill.contract)
    paid = session.orders.tracker.commission(told.execId)
    if paid is None:
        return PaidExecution(told.execId, told.acctNumber, told.modelCode, on, False, None, None)
    return PaidExecution(told.execId, told.acctNumber, told.modelCode, on, True, paid.realizedPNL, paid.currency)


async def _with_daily(session: Session, closed: ClosedPosition, base: str | None, modelCode: str) -> ClosedToday:
    """Return a closed position with today's profit, where TWS tells it in time and surely in the base currency."""
    daily, conId = None, closed.contract.conId
    if closed.contract.currency == base:
        with suppress(TimeoutError, TwsError, ToolError):
            async with asyncio.timeout(CLOSED_S):
                told = await session.position_profits.of(closed.account, modelCode, conId, 0.0)
                daily = convert.number(told.figures[1])
    return ClosedToday(
        account=closed.account,
        name=contract_name(closed.contract),
        conId=conId,
        realizedPnL=cents(closed.realizedPNL),
        dailyPnL=cents(daily),
    )


def _said(found: _Portfolio, of: int, session: Session) -> str | None:
    """Return what the figures leave open."""
    said = []
    if len(found.shown) < of:
        said.append(f"The largest {len(found.shown)} of {of} positions. Give a higher limit for the others.")
    if pairs := [contract_name(each.contract) for each in found.shown if is_cash(each.contract)]:
        said.append(f"{', '.join(pairs)}: the currency is in cash and netLiquidation already. Do not add the row.")
    if found.closed is None:
        said.append("TWS has not told today's executions, so positions closed today are unknown. Retry.")
    elif len(found.closed) == MOST_CLOSED:
        said.append(f"closed_today has {MOST_CLOSED} at most: ibkr_get_executions with format summary has all.")
    if session.account_set(None).is_filtered:
        said.append("Your token has a right to these accounts alone.")
    return " ".join(said) or None


def _table(found: _Portfolio, of: int, session: Session) -> PortfolioTable:
    now = session.now()
    net = {each.account: each.values.get("NetLiquidation") for each in found.pictures}
    rows = [row(each, net[each.account], now) for each in found.shown]
    same = same_in_all(rows)
    columns = [name for name in COLUMNS if name not in same]
    return PortfolioTable(
        count=len(rows),
        truncated=len(rows) < of,
        simulated=session.simulated,
        time=now.replace(microsecond=0),
        accounts=[each.totals(pnl, now) for each, pnl in zip(found.pictures, found.profits, strict=True)],
        same=same,
        columns=columns,
        rows=[[each[name] for name in columns] for each in rows],
        closed_today=found.closed or [],
        message=_said(found, of, session),
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
