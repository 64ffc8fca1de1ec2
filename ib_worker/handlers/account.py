"""Handlers about the account."""

import asyncio
from collections.abc import Callable, Sequence

import ib_async

from bridge.text.contract_forms import is_named
from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from bridge.tools.account import (
    AccountStreamOpened,
    AccountSummaryValue,
    GetAccountSummary,
    GetPnl,
    GetPnlSingle,
    GetPositions,
    GetPositionsToClose,
    OpenAccountUpdates,
    PnL,
    PnLSingle,
    Position,
    PositionsToClose,
    UnshownPosition,
)
from bridge.tools.types import Contract, ContractArguments
from ib_worker.account.named_values import named_tags, no_such
from ib_worker.account.portfolio import currency_of
from ib_worker.answers.bounds import ListPart, kept
from ib_worker.client_rights.streams import account_grant
from ib_worker.handlers.dispatch import handles
from ib_worker.market_data.contracts import CANDIDATES, NAMED, named_by_number, named_contract
from ib_worker.pre_trade.order_facts import account_rates_of
from ib_worker.session.session import Session
from ib_worker.session.wrapper import POSITION_MESSAGES
from ib_worker.tws.values import convert

SETTLES_S = 1.0  # since a fill: so long a read of positions waits for the position that shows it
SHOWN_S = 2.0  # a position's change comes right after its fill, as a rule
ALL_GROUPS = "All"  # as TWS's own request calls every account
SUMMARY_TAGS = ",".join(
    (
        "AccountType,NetLiquidation,TotalCashValue,SettledCash,AccruedCash,BuyingPower,EquityWithLoanValue",
        "PreviousDayEquityWithLoanValue,GrossPositionValue,RegTEquity,RegTMargin,SMA,InitMarginReq,MaintMarginReq",
        "AvailableFunds,ExcessLiquidity,Cushion,FullInitMarginReq,FullMaintMarginReq,FullAvailableFunds",
        "FullExcessLiquidity,LookAheadNextChange,LookAheadInitMarginReq,LookAheadMaintMarginReq",
        "LookAheadAvailableFunds,LookAheadExcessLiquidity,HighestSeverity,DayTradesRemaining,Leverage,$LEDGER:ALL",
    )
)


@handles(GetAccountSummary)
async def get_account_summary(request: GetAccountSummary, session: Session) -> list[AccountSummaryValue]:
    """Asked anew each time: TWS computes the figures then, and refreshes a standing subscription every three minutes.
    It allows two at once, so callers share one."""
    accounts = session.account_set(request.account)
    rows = await session.tws.share(
        "account summary",
        lambda: session.tws.ask(
            lambda wire, reqId: wire.reqAccountSummary(reqId, ALL_GROUPS, SUMMARY_TAGS),
            cancel=lambda wire, reqId: wire.cancelAccountSummary(reqId),
            subscription=True,
        ),
    )
    wanted = [row for row in rows if row[0] in accounts]
    if request.tags is not None:
        known = list(dict.fromkeys(row[1].removeprefix(convert.LEDGER) for row in wanted))
        tags, unknown = named_tags(request.tags, known)
        if not tags:
            raise no_such(unknown, known)
        wanted = [row for row in wanted if row[1].removeprefix(convert.LEDGER) in tags]
    told = kept("get_account_summary", wanted, request)
    return ListPart(await session.long_work.each(told, lambda row: convert.summary_value(*row)), of=len(wanted))


@handles(GetPositions)
async def get_positions(request: GetPositions, session: Session) -> list[Position]:
    accounts, symbol = session.account_set(request.account), request.symbol
    if request.modelCode is None:
        await _settled(session)
        session.orders.require_complete("positions", POSITION_MESSAGES)
        known = session.positions.all()
    else:
        known = await session.tws.ask_model_positions(accounts.named or "", request.modelCode)
    own = [each for each in known if each.account in accounts]
    meant = await _meant(session, symbol, [each.contract for each in own])
    held = [each for each in own if meant(each.contract)]
    return ListPart(kept("get_positions", held, request), of=len(held))


async def _settled(session: Session) -> None:
    """Wait until the positions show the fills of the last moment; not for one that TWS has not shown for longer."""
    positions = session.positions

    def fresh(account: str, contract: Contract) -> bool:
        return positions.unshown_s(account, contract.conId) < SETTLES_S

    if positions.any_unshown and positions.not_shown(fresh):
        await positions.shown(fresh, SETTLES_S)
        session.require_ready()


async def _meant(session: Session, symbol: str | None, contracts: Sequence[Contract]) -> Callable[[Contract], bool]:
    """Return whether a contract is one that the symbol means; None means all."""
    numbered = await named_by_number(session.contracts, symbol, contracts)
    return lambda each: symbol is None or is_named(each, symbol) or each.conId in numbered


@handles(GetPositionsToClose)
async def get_positions_to_close(request: GetPositionsToClose, session: Session) -> PositionsToClose:
    """A list that is read at once may lack the fill, too, so a position that is not updated in time is only named."""
    session.require_ready()
    accounts = session.account_set(request.account)
    named = await _meant(session, request.symbol, [each.contract for each in session.positions.all()])

    def meant(account: str, contract: Contract) -> bool:
        return account in accounts and request.conId in (None, contract.conId) and named(contract)

    await session.positions.shown(meant, SHOWN_S)
    session.require_ready()
    session.orders.require_complete("positions", POSITION_MESSAGES)
    held = [each for each in session.positions.all() if each.account in accounts]
    wanted = [each for each in held if meant(each.account, each.contract)]
    unshown = [
        UnshownPosition(account=account, conId=contract.conId, name=contract_name(contract))
        for account, contract in session.positions.not_shown(meant)
    ]
    others = [] if wanted else list(dict.fromkeys(contract_name(each.contract) for each in held))
    return PositionsToClose(positions=wanted, unshown=unshown, others=others)


@handles(GetPnl)
async def get_pnl(request: GetPnl, session: Session) -> PnL:
    return await _pnl(session, session.account(request.account), request.modelCode or "")


async def _pnl(session: Session, account: str, modelCode: str) -> PnL:
    asked = session.tws.ask_pnl(account, modelCode)
    told, rates = await asyncio.gather(asked, account_rates_of(session, account, frozenset()))
    return told.model_copy(update={"currency": rates.base})


@handles(GetPnlSingle)
async def get_pnl_single(request: GetPnlSingle, session: Session) -> PnLSingle:
    account, modelCode = session.account(request.account), request.modelCode or ""
    if request.conId is None and request.symbol is None:
        return convert.pnl_single(await _pnl(session, account, modelCode))
    contract = await _position(session, account, request)
    figures = await session.tws.ask_pnl_single(account, modelCode, contract.conId)
    held, *gains, worth = figures
    currency = await _currency(session, account, contract, figures)
    whose = convert.pnl(account, modelCode, gains).model_copy(update={"currency": currency})
    return convert.pnl_single(whose, contract, held, worth)


async def _currency(session: Session, account: str, contract: Contract, figures: Sequence[float]) -> str | None:
    """Return the currency of a position's figures: the base currency where the contract is in it. IBKR does not say
    which one another contract's are in; None where its cost does not tell either."""
    rates = await account_rates_of(session, account, frozenset({contract.currency or ""}))
    if rates.base is None or contract.currency == rates.base:
        return rates.base
    known = session.positions.all()
    held = next((each for each in known if (each.account, each.contract.conId) == (account, contract.conId)), None)
    return currency_of(held, figures, rates) if held else None


async def _position(session: Session, account: str, request: GetPnlSingle) -> Contract:
    """Return the contract that is meant: one that is held under that name, else TWS's own by that name."""
    held = [each.contract for each in session.positions.all() if each.account == account]
    if request.conId is not None:
        return await _by_id(session, held, request)
    symbol = request.symbol or ""
    named = list(filter(await _meant(session, symbol, held), held))
    if len(named) == 1:
        return named[0]
    if named:
        raise ToolError(
            "ambiguous_contract",
            f"symbol: {account} holds {len(named)} contracts of {symbol}: "
            f"{', '.join(contract_name(each) for each in named[:NAMED])}. Retry with conId.",
            candidates=[each.model_dump(exclude_none=True) for each in named[:CANDIDATES]],
        )
    return convert.contract(await _stock(session, account, symbol))


async def _stock(session: Session, account: str, symbol: str) -> ib_async.Contract:
    """The stock of that symbol. Raises ToolError: this tool has no secType, so no hint may ask for another one."""
    try:
        return await session.contracts.contract(named_contract(symbol=symbol))
    except ToolError as error:
        if error.code != "not_found":
            raise
        raise ToolError(
            "not_found",
            f"symbol: {account} holds no {symbol}, and TWS has no stock of that name. Give the conId "
            "from ibkr_get_positions or ibkr_get_contract_details.",
            **{name: value for name, value in error.details.items() if name == "twsCode"},
        ) from error


async def _by_id(session: Session, held: list[Contract], request: GetPnlSingle) -> Contract:
    """The contract of a conId. Raises ToolError invalid_arguments where a symbol was given that is not its own."""
    if request.symbol is not None:
        asked = ContractArguments(symbol=request.symbol, conId=request.conId)
        return convert.contract(await session.contracts.contract(asked))
    known = next((each for each in held if each.conId == request.conId), None)
    if known is not None:
        return known
    found = await session.contracts.by_conId(request.conId or 0)
    return convert.contract(found.contract or ib_async.Contract())


@handles(OpenAccountUpdates)
async def open_account_updates(request: OpenAccountUpdates, session: Session) -> AccountStreamOpened:
    account = session.account(request.account)
    stream = session.account_updates.open(account)
    async with asyncio.timeout(10):  # TWS tells a large portfolio in a second or two
        await session.tws.while_connected(session.account_updates.complete.wait())
    if session.account_updates.problem is not None:
        raise session.account_updates.problem
    cursor = await session.publisher.keep_stream(stream, account_grant(stream, account)) if request.keep else ""
    life, seq = session.account_updates.position(account)
    known = session.account_updates.known()
    return AccountStreamOpened(stream=stream, account=account, updates=known, life=life, seq=seq, cursor=cursor)
