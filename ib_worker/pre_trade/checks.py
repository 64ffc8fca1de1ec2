"""Contains the pre-trade checks: trading mode, limits and approval, with current quotes and positions. Returns the
rules for the accepting step."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

import ib_async

from bridge.bus.records.admission import AdmissionRules
from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from bridge.tools.orders import PlaceBracketOrder
from ib_worker.account.exchange_rates import AccountRates
from ib_worker.client_rights.limits import OwnCount, client_counts, naming_client
from ib_worker.client_rights.symbols import require_own_symbol
from ib_worker.market_data.quote_line import QuoteSubscription
from ib_worker.order_groups.related import held_by
from ib_worker.order_identity.equal_orders import cleared
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.pacing.message_pacer import Priority
from ib_worker.pre_trade.admission_rules import admission_rules, counted
from ib_worker.pre_trade.approval_question import approval_question
from ib_worker.pre_trade.checked_order import CheckedOrder, with_reason
from ib_worker.pre_trade.closing_room import cancelled_first, closing_before, how_to_make_room, read_unshown_fills
from ib_worker.pre_trade.option_book import book_of, uncovering
from ib_worker.pre_trade.order_facts import (
    Quoted,
    details_of,
    legs_of,
    option_of,
    rates_for,
    trading_of,
)
from ib_worker.pre_trade.order_intents import intent_of, near_price, terms_digest
from ib_worker.risk.approvals import ApprovalRequest
from ib_worker.risk.bracket_prices import require_ahead, require_unmet, require_unmet_opening
from ib_worker.risk.intent import Leg, OptionBook, OrderIntent, RiskInputs
from ib_worker.risk.limits import check, only_reduces_position, require_closing
from ib_worker.risk.position_effect import remarks_on
from ib_worker.session.redis_durability import require_durable
from ib_worker.session.session import Session
from ib_worker.session.wrapper import POSITION_MESSAGES

QUOTE_S = 3.0  # for the first price of a new line
PNL_S = 3.0
PNL_KEPT_S = 5.0  # from before the account's lock is taken until the order is checked under it
OLD_S = 15 * 60.0  # by which delayed prices are late


@dataclass(frozen=True)
class CheckOptions:
    """Options of a check: the caller's, the order that is changed, and the bracket's exits. `close_only`: the order
    must not do more than reduce a position. `sized`: the worker has sized it by what is left to close, so an equal
    order does not hold it.

    For a change, the exits are those that change with the order, as they will be. `together`: orders of its OCA group,
    which are checked as it is; one of all fills. `without`: orders that are cancelled before this one is sent. `moved`:
    the change moves a stop, which must not trade by it at once.
    """

    duplicate_of: str | None = None
    token: str | None = None
    beside: TrackedOrder | None = None
    exits: Sequence[ib_async.Order] = ()
    along: Sequence[ib_async.Order] = ()
    together: Sequence[ib_async.Order] = ()
    without: Sequence[TrackedOrder] = ()
    close_only: bool = False
    sized: bool = False
    moved: bool = False


def bracket_options(request: PlaceBracketOrder, exits: Sequence[ib_async.Order]) -> CheckOptions:
    """Return the options of a bracket's first order. `exits` come with an entry, or are the stop's OCA group."""
    if request.exitsOnly:
        return CheckOptions(request.duplicateOf, request.confirmationToken, together=exits, close_only=True)
    return CheckOptions(request.duplicateOf, request.confirmationToken, exits=exits)


@dataclass(frozen=True)
class _JudgedOrder:
    """An order as the limits are held against it: `exits` come with an entry, and of the OCA group `together` one of
    all fills."""

    contract: ib_async.Contract
    order: ib_async.Order
    intent: OrderIntent
    facts: RiskInputs
    exits: Sequence[OrderIntent]
    together: Sequence[OrderIntent]
    details: ib_async.ContractDetails | None

    @property
    def group(self) -> list[OrderIntent]:
        return [self.intent, *self.together]


async def check_order(
    session: Session,
    context: RequestContext,
    contract: ib_async.Contract,
    order: ib_async.Order,
    allowance: CheckOptions,
) -> CheckedOrder:
    """Return the checked order. Raises ToolError limit_exceeded, no_fresh_quote, no_exchange_rate, no_daily_pnl,
    not_tradable, not_durable, not_closing, invalid_arguments, confirmation_invalid, approval_required,
    approval_refused, halted, or not_ready while the list of positions is incomplete."""
    require_own_symbol(contract.symbol)
    require_durable(session)
    session.orders.require_complete("positions", POSITION_MESSAGES)
    judged = await _judged(session, contract, order, allowance)
    _require_allowed(session, judged, allowance)
    terms = terms_digest(contract, order)
    if allowance.token is not None:
        price = near_price(judged.intent, judged.facts)
        await session.services.tokens.use(allowance.token, context.key or "", context.caller, terms, price)
    gate, remark = await _gate(session, context, judged, allowance, terms)
    counts = client_counts(gate.day_from_ms)
    own = OwnCount(session.services.client_orders, counts) if counts else None
    beside = allowance.beside
    remarks = remarks_on(judged.intent, judged.facts, changes=beside is not None, waits=_waits(session, beside))
    remarks = " ".join(filter(None, (remarks, remark)))
    uncovers = uncovering(session, judged.intent, contract, order, judged.details, beside)
    checked = CheckedOrder(gate, "", remarks, (judged.intent, judged.facts), own, uncovers)
    if session.settings.trading_mode != "live":
        return checked
    question = _question(session, judged, allowance, checked, terms)
    try:
        return replace(checked, approved_by=await session.services.approvals.require(context, question))
    except ToolError as error:
        raise with_reason(error, judged.intent, judged.facts) from error


async def _judged(
    session: Session, contract: ib_async.Contract, order: ib_async.Order, allowance: CheckOptions
) -> _JudgedOrder:
    """Return the order, those that are sent with it, and what the limits are held against."""
    details = await details_of(session, contract)
    filled = Decimal(str(allowance.beside.state.filled if allowance.beside else 0.0))
    waits = _waits_for_limit(session, allowance.beside)
    intent = replace(intent_of(contract, order, details), filled=filled, waits=waits)
    return _JudgedOrder(
        contract,
        order,
        intent,
        facts=await risk_inputs(
            session, contract, order, allowance.beside, False, allowance.without, quoted=allowance.moved
        ),
        exits=[intent_of(contract, each, details) for each in allowance.exits],
        together=[intent_of(contract, each, details) for each in allowance.together],
        details=details,
    )


def _require_allowed(session: Session, judged: _JudgedOrder, allowance: CheckOptions) -> None:
    """Hold the orders to what they must be and to the session's limits. Raises ToolError not_closing, and those of the
    limits."""
    facts = judged.facts
    for each in judged.group if allowance.close_only else ():
        room = how_to_make_room(session, judged.order, judged.contract.conId, each.remaining)
        require_closing(each, facts, "exitsOnly" if judged.together else "closeOnly", room)
    if allowance.moved:
        require_unmet(judged.intent, facts)
    elif allowance.beside is None and not judged.together:
        require_unmet_opening(judged.intent, facts, only_reduces_position(judged.intent, facts))
    try:
        for each in judged.group:
            check(each, facts, session.limits, judged.exits)
        if judged.together:
            require_ahead(None, judged.group, facts)
    except ToolError as error:
        session.services.breakers.refused(error)
        told = naming_client(error, session.settings.effective_limits)
        raise with_reason(told, judged.intent, facts) from error


async def _gate(
    session: Session, context: RequestContext, judged: _JudgedOrder, allowance: CheckOptions, terms: str
) -> tuple[AdmissionRules, str]:
    """Return what the acceptance holds the order to, and the remark on an equal one. Raises the errors of one that is
    equal to another."""
    window_s = 0 if allowance.beside else counted(session.limits.duplicate_window_s)
    equal = await cleared(session, context, terms, window_s, allowance.duplicate_of, held=not allowance.sized)
    closing = not judged.exits and only_reduces_position(judged.intent, judged.facts)
    duplicate_of = equal.excused or allowance.duplicate_of or ""
    orders = len(judged.group) + len(judged.exits)
    return admission_rules(context, terms, session.limits, orders, closing, window_s, duplicate_of), equal.remark


def _question(
    session: Session, judged: _JudgedOrder, allowance: CheckOptions, checked: CheckedOrder, terms: str
) -> ApprovalRequest:
    """Return what a person is asked about a live order within the limits."""
    contract, order = judged.contract, judged.order
    return approval_question(
        session,
        contract,
        order,
        (judged.intent, judged.facts),
        terms=terms,
        part_terms=terms_digest(contract, order, quantity=False) if allowance.sized else "",
        closing=checked.gate.closing,
        beside=allowance.beside,
        others=allowance.exits or allowance.along or allowance.together,
        remarks=[cancelled_first(session, allowance.without), *checked.uncovers],
    )


def _waits(session: Session, entry: TrackedOrder | None) -> bool:
    """Return whether an open order holds this one: the position that it closes is not there yet."""
    return entry is not None and held_by(session, entry) is not None


def _waits_for_limit(session: Session, entry: TrackedOrder | None) -> bool:
    """Return whether the order that holds this one rests at its own limit, and does not wait for the market to open."""
    parent = held_by(session, entry) if entry is not None else None
    return parent is not None and parent.state.terms.orderType == "LMT"


async def risk_inputs(
    session: Session,
    contract: ib_async.Contract,
    order: ib_async.Order,
    beside: TrackedOrder | None = None,
    patient: bool = True,
    without: Sequence[TrackedOrder] = (),
    quoted: bool = False,
) -> RiskInputs:
    """Return the quotes, positions and open orders as the session knows them now.

    `beside` is an order that this one replaces and that does not count, and so are those `without` which it is sent.
    `patient`: wait for first prices, which may take seconds; under the account's lock nobody does. `quoted`: with the
    contract's prices, also where no limit needs them.
    """
    await read_unshown_fills(session, order, contract.conId, beside)
    look = partial(look_at, session, patient)
    details = await details_of(session, contract)
    now = await look(contract) if quoted or _needs_quote(session) else Quoted()
    legs = await legs_of(session, contract, look)
    with_options = _needs_options(session, contract)
    book = await book_of(session, contract, order, details, beside, look, without) if with_options else OptionBook()
    counted_options = with_options and bool(book.all_options or option_of(contract) or legs)
    needed = counted_options or _needs_rates(session)
    rates = await rates_for(session, order.account, _currencies(contract, legs), look) if needed else AccountRates()
    counts_loss = isinstance(session.limits.max_daily_loss, float)
    return RiskInputs(
        bid=now.bid,
        ask=now.ask,
        last=now.last,
        quote_age_s=now.age_s,
        position=session.positions.held(order.account, contract.conId),
        closing=closing_before(session, order, contract.conId, beside, without),
        open_orders=_open_orders(session, beside),
        daily_pnl=await _daily_pnl(session, order.account, patient) if counts_loss else None,
        base=rates.base,
        rates=rates.rates,
        close=now.close,
        trading=await trading_of(session, details),
        halted=now.halted,
        late=now.late,
        legs=legs,
        book=book,
    )


def _currencies(contract: ib_async.Contract, legs: Sequence[Leg]) -> set[str]:
    """Return the currencies that the contract's worth may be counted in."""
    pair = {contract.symbol} if contract.secType == "CASH" else set()
    return {contract.currency, *pair, *(leg.unit.currency for leg in legs)}


def _open_orders(session: Session, beside: TrackedOrder | None) -> int:
    """Return the number of this client id's open orders, without `beside`."""
    open_orders = session.orders.tracker.open()
    return sum(each.state.clientId == session.clientId and each is not beside for each in open_orders)


def _needs_options(session: Session, contract: ib_async.Contract) -> bool:
    """Return whether the account's options count: for a limit, for a person who approves, or with an option."""
    limited = isinstance(session.limits.max_short_option_value, float)
    return limited or session.settings.trading_mode == "live" or option_of(contract) is not None


def _needs_quote(session: Session) -> bool:
    """Return whether a quote is needed: for a limit, or for a person who approves the order."""
    limits = session.limits
    return session.settings.trading_mode == "live" or any(
        isinstance(each, float) for each in (limits.price_collar, limits.max_order_value, limits.max_position_value)
    )


def _needs_rates(session: Session) -> bool:
    """Return whether rates are needed: for a limit in the base currency, or for a person who approves the order."""
    limits = session.limits
    return session.settings.trading_mode == "live" or any(
        isinstance(each, float) for each in (limits.max_order_value, limits.max_position_value, limits.max_daily_loss)
    )


async def look_at(session: Session, patient: bool, contract: ib_async.Contract) -> Quoted:
    """Return the quote with its age, the last close, and whether trading is halted."""
    bid, ask, last, age_s = await _quote(session, contract, patient)
    line = session.quotes.known(contract.conId)
    if line is None:
        return Quoted(bid, ask, last, age_s)
    known = line.values.known(session.now())
    late = known.marketDataType not in (None, "live")
    return Quoted(bid, ask, last, age_s, known.close, known.halted, late)


async def _quote(
    session: Session, contract: ib_async.Contract, patient: bool
) -> tuple[float | None, float | None, float | None, float | None]:
    """Return bid, ask, last and their age. While the quote farms work, an open subscription has the valid prices,
    whenever they changed. Delayed and frozen prices are old, and only a paper account may trade on them."""
    line = await session.quotes.open(contract, Priority.ORDERS)
    if patient and not line.quiet:
        await _first_price(session, line)
    if line.problem is not None or not line.values.priced:
        return None, None, None, None
    quote = line.values.known(session.now())
    old = quote.marketDataType not in (None, "live") and session.settings.trading_mode == "live"
    return quote.bid, quote.ask, quote.last, OLD_S if old or session.link.without_quotes else 0.0


async def _first_price(session: Session, line: QuoteSubscription) -> None:
    """Wait for the first price of a new subscription. A subscription that had none is not waited for until it has
    one."""
    try:
        async with asyncio.timeout(QUOTE_S):
            await session.tws.while_connected(line.settled.wait())
    except TimeoutError:
        line.quiet = True


async def _daily_pnl(session: Session, account: str, patient: bool) -> float | None:
    """Return the latest figure of TWS; under the lock of the account, the figure that was read right before."""
    read_at, known = session.caches.daily_pnl.get(account, (float("-inf"), None))
    if not patient and asyncio.get_running_loop().time() - read_at < PNL_KEPT_S:
        return known
    daily = None
    with suppress(TimeoutError):
        async with asyncio.timeout(PNL_S):
            daily = (await session.tws.ask_pnl(account, "")).dailyPnL
    session.caches.daily_pnl[account] = (asyncio.get_running_loop().time(), daily)
    return daily
