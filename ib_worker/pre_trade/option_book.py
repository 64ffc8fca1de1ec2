"""Gathers what an account could come to hold of the options on an order's underlying, and of the underlying itself.

Positions count as TWS last reported them. Open orders and fills that no position shows yet count where they are worse:
sold options, the underlying sold where it covers calls, bought where it covers puts. A bracket's exits close what its
entry opens, and of orders that exclude each other one fills.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

import ib_async

from bridge.text.contract_name import contract_name
from bridge.text.numbers import digits
from bridge.tool import ToolError
from bridge.tools.types import Contract
from ib_worker.order_groups.groups import closes
from ib_worker.order_groups.related import held_by, may_fill, member, most_of, related
from ib_worker.orders.tracker import TrackedOrder
from ib_worker.pre_trade.order_facts import OPTIONS, Look, details_of, magnifier_of, multiplier_of, option_of
from ib_worker.risk.intent import Combination, OptionBook, OptionTerms, OrderIntent
from ib_worker.risk.short_options import newly_uncovered, sold_uncovered
from ib_worker.session.session import Session
from ib_worker.session.sync import read_positions
from ib_worker.tws.errors import ConnectionLost, TwsError
from ib_worker.tws.values import convert

POSITIONS_S = 3.0  # for a complete list of positions
ZERO = Decimal(0)
Legs = list[tuple[int, Decimal]]  # conId, and the quantity that is bought, below zero if sold


@dataclass(frozen=True)
class _Asked:
    """The order whose underlying counts: of a combination its first option leg stands for the whole."""

    session: Session
    account: str
    contract: ib_async.Contract
    details: ib_async.ContractDetails | None
    near: Collection[TrackedOrder] = ()  # the order that is changed, and what belongs to it: they do not count beside

    @property
    def option_type(self) -> str:
        secType = self.contract.secType
        return "FOP" if secType in ("FUT", "FOP") else "OPT"

    def fits(self, contract: Contract, account: str | None) -> bool:
        of = (self.contract.symbol, self.contract.currency)
        return account == self.account and (contract.symbol, contract.currency) == of

    def is_underlying(self, of: Contract) -> bool:
        """Return whether the contract is the underlying; a future is that of its own options alone."""
        if of.secType != OPTIONS[self.option_type]:
            return False
        if self.contract.secType in OPTIONS:
            return self.details is not None and self.details.underConId in (0, of.conId)
        return of.conId == self.contract.conId


@dataclass
class _Sum:
    """Options and units of the underlying; see OptionBook."""

    asked: _Asked
    options: list[tuple[OptionTerms, Decimal]] = field(default_factory=list)
    least: Decimal = ZERO
    most: Decimal = ZERO

    def hold(self, contract: Contract, quantity: Decimal) -> None:
        self._add(contract, quantity, quantity, quantity)

    def may_trade(self, contract: Contract, quantity: Decimal) -> None:
        """Add what an order may trade: the worse of that and nothing."""
        self._add(contract, min(quantity, ZERO), min(quantity, ZERO), max(quantity, ZERO))

    def _add(self, contract: Contract, options: Decimal, least: Decimal, most: Decimal) -> None:
        asked = self.asked
        if contract.secType == asked.option_type:
            terms = option_of(contract, magnifier_of(asked.details))
            if terms is not None and options:
                self.options.append((terms, options))
        elif asked.is_underlying(contract):
            units = multiplier_of(contract) if contract.secType == "FUT" else Decimal(1)
            self.least, self.most = self.least + least * units, self.most + most * units


async def book_of(
    session: Session,
    contract: ib_async.Contract,
    order: ib_async.Order,
    details: ib_async.ContractDetails | None,
    beside: TrackedOrder | None,
    look: Look,
    without: Collection[TrackedOrder] = (),
) -> OptionBook:
    """Return what the account could come to hold of the options on the order's underlying, and of that itself. `beside`
    is the order that this one changes, and `without` are to be cancelled before."""
    of, about = await _option_leg(session, contract) if contract.secType == "BAG" else (contract, details)
    if of is None or (of.secType not in OPTIONS and of.secType not in OPTIONS.values()):
        return OptionBook()
    near = (*(related(session, beside) if beside is not None else ()), *without)
    asked = _Asked(session, order.account, of, about, near)
    await _read_late_positions(asked)
    held, combinations, unknown = _singles(asked, beside), *await _combinations(asked)
    found = tuple(held.options)
    book = OptionBook(found, held.least, None, held.most, combinations, unknown)
    sells = of.secType in OPTIONS and (order.action == "SELL" or contract.secType == "BAG")
    if not book.all_options and not sells:
        return OptionBook()
    calls = of.right or "C" if contract.secType != "BAG" else "C"
    if not calls.startswith("C") and not any(terms.right == "C" for terms, _ in book.all_options):
        return book
    underlying = await _underlying_price(session, of, about, look)
    return OptionBook(found, held.least, underlying, held.most, combinations, unknown)


def uncovering(
    session: Session,
    intent: OrderIntent,
    contract: ib_async.Contract,
    order: ib_async.Order,
    details: ib_async.ContractDetails | None,
    beside: TrackedOrder | None = None,
) -> list[str]:
    """Return a warning of options that the order sells without cover, or else for each short call that loses its cover
    to it. For the latter positions alone count: open orders may change them by the time that it fills."""
    if order.action != "SELL" or intent.modelCode or contract.secType not in (*OPTIONS, *OPTIONS.values()):
        return []
    if bare := _sold_bare(session, intent, contract, order, details, beside):
        return bare
    asked = _Asked(session, order.account, contract, details)
    held, names = _Sum(asked), dict[OptionTerms, str]()
    for each in session.positions.all():
        if not asked.fits(each.contract, each.account):
            continue
        held.hold(each.contract, session.positions.held(order.account, each.contract.conId))
        terms = option_of(each.contract, magnifier_of(details))
        if terms is not None:
            names[terms] = contract_name(each.contract)
    found = newly_uncovered(intent, OptionBook(tuple(held.options), held.least))
    return [
        f"{digits(count)} short {names[terms]} {'becomes' if count == 1 else 'become'} uncovered: this order sells the "
        "cover."
        for terms, count in found.items()
    ]


def _sold_bare(
    session: Session,
    intent: OrderIntent,
    contract: ib_async.Contract,
    order: ib_async.Order,
    details: ib_async.ContractDetails | None,
    beside: TrackedOrder | None,
) -> list[str]:
    """Return a warning of options that the order sells short without cover, once the open orders have sold theirs."""
    if intent.option is None:
        return []
    near = related(session, beside) if beside is not None else ()
    held = _singles(_Asked(session, order.account, contract, details, near), beside)
    sold, bare = sold_uncovered(intent, OptionBook(tuple(held.options), held.least, None, held.most))
    if not bare:
        return []
    call = intent.option.right == "C"
    what = "would be uncovered" if call else "would be naked, however much cash there is"
    loss = " Their loss has no bound." if call else ""
    return [
        f"{digits(bare)} of {digits(sold)} short {contract_name(contract)} {what}: what is held, less what open orders "
        f"may sell, covers {digits(sold - bare)}.{loss}"
    ]


async def _option_leg(
    session: Session, combination: ib_async.Contract
) -> tuple[ib_async.Contract | None, ib_async.ContractDetails | None]:
    for each in combination.comboLegs or []:
        details = await details_of(session, ib_async.Contract(conId=each.conId))
        if details is not None and details.contract is not None and details.contract.secType in OPTIONS:
            return details.contract, details
    return None, None


async def _read_late_positions(asked: _Asked) -> None:
    """Read the positions again where they have lacked a fill for long: its message was lost, or came before the fill's,
    and the fill would count beside the position."""
    session = asked.session
    late = [
        each
        for each in session.positions.unshown_fills(asked.account)
        if (each.combination is not None or asked.fits(each.contract, asked.account))
        and session.positions.unshown_s(asked.account, each.contract.conId) >= session.order_timing.position_lag_s
    ]
    if late:
        with suppress(ConnectionLost, TwsError, TimeoutError, ToolError):
            async with asyncio.timeout(POSITIONS_S):
                await read_positions(session, POSITIONS_S)


# --- orders of one contract --------------------------------------------------------------------------------------


def _singles(asked: _Asked, beside: TrackedOrder | None) -> _Sum:
    """Return the positions, and what open orders and unshown fills of single contracts may make of them."""
    positions, found = asked.session.positions, _Sum(asked)
    for each in positions.all():
        if asked.fits(each.contract, each.account):
            found.hold(each.contract, positions.held(asked.account, each.contract.conId))
    for fill in positions.unshown_fills(asked.account):
        if fill.combination is None and asked.fits(fill.contract, asked.account):
            found.may_trade(fill.contract, fill.quantity)
    for contract, quantity in _resting(asked):
        found.may_trade(contract, quantity)
    parent = _opener(asked.session, beside) if beside is not None else None
    if parent is not None:  # it fills before the exit that is changed
        terms = parent.state.terms
        found.hold(terms.contract, Decimal(str(may_fill(parent))) * (1 if terms.action == "BUY" else -1))
    return found


def _resting(asked: _Asked) -> list[tuple[Contract, Decimal]]:
    """Return the most that the open orders of each contract and side may fill, below zero for sales."""
    by_side: defaultdict[tuple[int, str], list[TrackedOrder]] = defaultdict(list)
    for each in asked.session.orders.tracker.open():
        terms = each.state.terms
        if each not in asked.near and terms.contract.secType != "BAG" and asked.fits(terms.contract, terms.account):
            by_side[terms.contract.conId, terms.action].append(each)
    return [
        (entries[0].state.terms.contract, _most(asked.session, entries) * (1 if action == "BUY" else -1))
        for (_, action), entries in by_side.items()
    ]


def _most(session: Session, entries: Iterable[TrackedOrder]) -> Decimal:
    """Return the most that orders of one contract and side may fill, beyond what the entries that hold them open."""
    by_opener: defaultdict[TrackedOrder | None, list[TrackedOrder]] = defaultdict(list)
    for each in entries:
        by_opener[_opener(session, each)].append(each)
    return sum((_beyond(parent, held) for parent, held in by_opener.items()), ZERO)


def _beyond(parent: TrackedOrder | None, held: list[TrackedOrder]) -> Decimal:
    opened = Decimal(str(may_fill(parent))) if parent is not None else ZERO
    return max(most_of(held) - opened, ZERO)


def _opener(session: Session, entry: TrackedOrder) -> TrackedOrder | None:
    """Return the open order that opens what this one closes, and that fills first."""
    parent = held_by(session, entry)
    return parent if parent is not None and closes(member(entry), member(parent)) else None


# --- combinations ------------------------------------------------------------------------------------------------


async def _combinations(asked: _Asked) -> tuple[tuple[Combination, ...], bool]:
    """Return what combinations that are open, or in no position yet, trade in the underlying, and whether the legs of
    one that has its symbol are not known."""
    trades = [*_open_combinations(asked), *_unshown_combinations(asked)]
    conIds = list(dict.fromkeys(conId for _, legs in trades for conId, _ in legs))
    found = dict(zip(conIds, await asyncio.gather(*(_contract(asked, conId) for conId in conIds)), strict=True))
    unknown = any(
        not legs or any(found[conId] is None for conId, _ in legs)
        for symbol, legs in trades
        if asked.contract.symbol in symbol.split(",")  # TWS writes IBM,MSFT for legs of two
    )
    parts = (_part(asked, [(found[conId], quantity) for conId, quantity in legs]) for _, legs in trades)
    return tuple(each for each in parts if each.options or each.shares), unknown


def _open_combinations(asked: _Asked) -> list[tuple[str, Legs]]:
    found = []
    for each in asked.session.orders.tracker.open():
        terms = each.state.terms
        if each not in asked.near and terms.contract.secType == "BAG" and terms.account == asked.account:
            whole = Decimal(str(may_fill(each))) * (1 if terms.action == "BUY" else -1)
            found.append((terms.contract.symbol, [(conId, whole * ratio) for conId, ratio in each.legs]))
    return found


def _unshown_combinations(asked: _Asked) -> list[tuple[str, Legs]]:
    by_order: defaultdict[Hashable, Legs] = defaultdict(list)
    for fill in asked.session.positions.unshown_fills(asked.account):
        if fill.combination is not None:
            by_order[fill.combination].append((fill.contract.conId, fill.quantity))
    return [(_symbol(each), legs) for each, legs in by_order.items()]


def _symbol(combination: Hashable) -> str:
    return combination.state.terms.contract.symbol if isinstance(combination, TrackedOrder) else ""


async def _contract(asked: _Asked, conId: int) -> Contract | None:
    """Return a leg's contract, None where TWS does not tell it."""
    for each in asked.session.positions.all():
        if each.contract.conId == conId:
            return each.contract
    details = await details_of(asked.session, ib_async.Contract(conId=conId))
    return convert.contract(details.contract) if details is not None and details.contract is not None else None


def _part(asked: _Asked, legs: Iterable[tuple[Contract | None, Decimal]]) -> Combination:
    """Return what the legs trade in the underlying."""
    found = _Sum(asked)
    for contract, quantity in legs:
        if contract is not None and asked.fits(contract, asked.account):
            found.hold(contract, quantity)
    return Combination(tuple(found.options), found.least)


# --- the underlying's price --------------------------------------------------------------------------------------


async def _underlying_price(
    session: Session, contract: ib_async.Contract, details: ib_async.ContractDetails | None, look: Look
) -> float | None:
    if contract.secType not in OPTIONS:
        quote = await look(contract)
        return quote.dearest(contract.secType) or 0.0  # a share's order needs none: the strike counts alone
    if details is None or not details.underConId:
        return None
    under = await details_of(session, ib_async.Contract(conId=details.underConId))
    if under is None or under.contract is None:
        return None
    return (await look(under.contract)).dearest(under.contract.secType)
