"""The possible loss of short options: covered ones count their largest loss, uncovered ones their strike. Pure.

| short | counts |
| --- | --- |
| call covered by shares, put covered by short shares | 0 |
| call or put covered by a long leg that lives as long (vertical) | the distance of the strikes × multiplier, 0 if the long leg is the better one |
| the same strike, the long leg expiring later (calendar) | 0 |
| a long leg that expires first; on a future, one of another expiry | covers nothing |
| put, uncovered | strike × multiplier |
| call, uncovered | the higher of strike and underlying × multiplier |

What covers one covers no other: shares and long legs are used up.
The long legs and shares of a combination that is open, or in no position yet, cover its own short legs alone.
"""  # noqa: E501  # a table

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from bridge.tool import ToolError
from ib_worker.risk.intent import Combination, OptionBook, OptionTerms, OrderIntent, RiskInputs, Unit
from ib_worker.risk.worth import no_fresh_quote, rate_of

ZERO = Decimal(0)
UNKNOWN_LEGS = (
    "TWS has not named the legs of an open or just filled combination, so what the short options count is not known. "
    "Retry in 10 seconds."
)


@dataclass
class _Open:
    """Contracts of one option that nothing is set against yet."""

    terms: OptionTerms
    left: Decimal

    @property
    def units(self) -> Decimal:
        return self.terms.multiplier


def counted(intent: OrderIntent, facts: RiskInputs) -> float | None:
    """Return what the short options on the order's underlying count once it is filled, in the base currency; None where
    the order adds nothing to it. Raises ToolError no_fresh_quote or no_exchange_rate."""
    if not _may_add(intent, facts):
        return None
    behind = at_risk(after(intent, facts))
    if behind == 0 or behind <= _before(facts, behind):
        return None
    return behind * rate_of(intent.currency, facts)


def known_count(intent: OrderIntent, facts: RiskInputs) -> float | None:
    """Return the same, or None where no price or no rate tells."""
    try:
        return counted(intent, facts)
    except ToolError:
        return None


def _may_add(intent: OrderIntent, facts: RiskInputs) -> bool:
    """Return whether the order can make short options, or leave some without what covers them."""
    if intent.secType == "BAG":
        return any(leg.option is not None for leg in facts.legs)
    if intent.option is not None:
        return intent.action == "SELL"
    return any(quantity < 0 for _, quantity in facts.book.all_options)


def _before(facts: RiskInputs, unknown: float) -> float:
    try:
        return at_risk(facts.book)
    except ToolError:  # no price of the underlying: the order needed none either
        return unknown


def after(intent: OrderIntent, facts: RiskInputs) -> OptionBook:
    """Return the book as it would be once the order is filled."""
    book, signed = facts.book, intent.remaining * intent.sign
    if intent.secType == "BAG":
        legs = [(leg.option, signed * leg.ratio) for leg in facts.legs if leg.option is not None]
        shares = sum((signed * leg.ratio * _units(leg.unit) for leg in facts.legs if leg.option is None), ZERO)
        return _with_shares(replace(book, options=(*book.options, *legs)), shares)
    return _traded(intent, book)


def _traded(intent: OrderIntent, book: OptionBook) -> OptionBook:
    """Return the book once an order of one contract is filled."""
    signed = intent.remaining * intent.sign
    if intent.option is not None:
        return replace(book, options=(*book.options, (intent.option, signed)))
    return _with_shares(book, signed * _units(intent.unit))


def _with_shares(book: OptionBook, more: Decimal) -> OptionBook:
    most = None if book.most_shares is None else book.most_shares + more
    return replace(book, shares=book.shares + more, most_shares=most)


def _units(unit: Unit) -> Decimal:
    """Return the underlying's units behind one contract: a future counts as much as an option on it."""
    return unit.multiplier if unit.secType == "FUT" else Decimal(1)


def at_risk(book: OptionBook) -> float:
    """Return what the book's short options count together, in the contract's currency. Raises ToolError no_fresh_quote
    where a call is uncovered and no price of its underlying is known, and not_ready where a combination's legs are
    not."""
    if book.unknown_legs:
        raise ToolError("not_ready", UNKNOWN_LEGS, retry_after_s=10)
    longs, shorts = _sorted(book.options)
    least, most = book.shares, book.shares if book.most_shares is None else book.most_shares
    total = 0.0
    for each in book.combinations:
        loss, left = _alone(each, book.underlying)
        total, shorts = total + loss, shorts + left
        least, most = least + min(each.shares, ZERO), most + max(each.shares, ZERO)
    _cover_free(longs, shorts)
    _cover_by_shares(shorts, least, most)
    total += _cover_at_a_loss(longs, shorts, book.underlying)
    return total + sum(float(short.left) * naked(short.terms, book.underlying) for short in shorts if short.left)


def _alone(each: Combination, underlying: float | None) -> tuple[float, list[_Open]]:
    """Return what a combination's short legs count that it covers itself, and those that it does not cover."""
    longs, shorts = _sorted(each.options)
    _cover_free(longs, shorts)
    _cover_by_shares(shorts, each.shares, each.shares)
    return _cover_at_a_loss(longs, shorts, underlying), [short for short in shorts if short.left]


def naked(terms: OptionTerms, underlying: float | None) -> float:
    """Return what one uncovered short contract counts."""
    strike = terms.strike / terms.strikes_per_unit
    if terms.right == "P":
        return strike * float(terms.multiplier)
    if underlying is None:
        raise no_fresh_quote("the underlying of an uncovered call")
    return max(strike, underlying / terms.strikes_per_unit) * float(terms.multiplier)


def newly_uncovered(intent: OrderIntent, book: OptionBook) -> dict[OptionTerms, Decimal]:
    """Return how many contracts of each call that is short already the order leaves without shares or a long call that
    cover them. Calls that the order itself sells are not among them."""
    before, behind = _uncovered(book, "C"), _uncovered(_traded(intent, book), "C")
    more = {terms: left - before.get(terms, ZERO) for terms, left in behind.items() if terms != intent.option}
    return {terms: count for terms, count in more.items() if count > 0}


def sold_uncovered(intent: OrderIntent, book: OptionBook) -> tuple[Decimal, Decimal]:
    """Return how many options the order sells short, and how many contracts of that right it leaves without cover,
    these or others that lose theirs to them."""
    if intent.option is None or intent.action != "SELL":
        return ZERO, ZERO
    held = sum((quantity for terms, quantity in book.options if terms == intent.option), ZERO)
    sold = min(intent.remaining, max(intent.remaining - held, ZERO))
    before, behind = (_uncovered(each, intent.option.right) for each in (book, _traded(intent, book)))
    return sold, min(max(sum(behind.values(), ZERO) - sum(before.values(), ZERO), ZERO), sold)


def _uncovered(book: OptionBook, right: str) -> dict[OptionTerms, Decimal]:
    longs, shorts = _sorted(book.options)
    _cover_free(longs, shorts)
    _cover_by_shares(shorts, book.shares, book.shares if book.most_shares is None else book.most_shares)
    for _, _, long, short in _pairs(longs, shorts):
        _use(long, short)
    return {short.terms: short.left for short in shorts if short.terms.right == right}


def _sorted(options: Iterable[tuple[OptionTerms, Decimal]]) -> tuple[list[_Open], list[_Open]]:
    """Long and short contracts, those of equal terms netted."""
    net: dict[OptionTerms, Decimal] = {}
    for terms, quantity in options:
        net[terms] = net.get(terms, ZERO) + quantity
    longs = [_Open(terms, quantity) for terms, quantity in net.items() if quantity > 0]
    return longs, [_Open(terms, -quantity) for terms, quantity in net.items() if quantity < 0]


def _loss(long: _Open, short: _Open) -> float | None:
    """Return the largest loss of one short contract that a long one covers; None if it is not covered."""
    of, to = long.terms, short.terms
    same = (of.right, of.multiplier, of.series) == (to.right, to.multiplier, to.series)
    if not same or of.expiry < to.expiry:
        return None
    away = of.strike - to.strike if of.right == "C" else to.strike - of.strike
    return max(away, 0.0) / to.strikes_per_unit * float(to.multiplier)


def _pairs(longs: list[_Open], shorts: list[_Open]) -> list[tuple[float, float, _Open, _Open]]:
    """Each long leg and what it covers: the cheapest cover first, among those the one that wastes the least."""
    found = []
    for short in shorts:
        for long in longs:
            loss = _loss(long, short)
            if loss is not None:
                found.append((loss, abs(long.terms.strike - short.terms.strike), long, short))
    return sorted(found, key=lambda each: each[:2])


def _cover_free(longs: list[_Open], shorts: list[_Open]) -> None:
    for loss, _, long, short in _pairs(longs, shorts):
        if loss == 0:
            _use(long, short)


def _cover_by_shares(shorts: list[_Open], least: Decimal, most: Decimal) -> None:
    """The least shares cover calls, and the least short shares cover puts, the dearest first."""
    right, shares = ("C", least) if least > 0 else ("P", max(-most, ZERO))
    for short in sorted(shorts, key=lambda each: -each.terms.strike):
        if short.terms.right == right and short.left and short.units > 0:
            covered = min(short.left, shares // short.units)
            short.left -= covered
            shares -= covered * short.units


def _cover_at_a_loss(longs: list[_Open], shorts: list[_Open], underlying: float | None) -> float:
    total = 0.0
    for loss, _, long, short in _pairs(longs, shorts):
        if long.left and short.left and (short.terms.right == "P" or underlying is not None):
            loss = min(loss, naked(short.terms, underlying))
        total += float(_use(long, short)) * loss
    return total


def _use(long: _Open, short: _Open) -> Decimal:
    paired = min(long.left, short.left)
    long.left -= paired
    short.left -= paired
    return paired
