"""An order's worth in the account's base currency: one function for every secType, currency and unit. Pure.

| secType | one unit is worth |
| --- | --- |
| STK, CFD, FUND, CRYPTO, CMDTY, SLB | price |
| WAR, IOPT | price; a multiplier below 1 is the share of the underlying, not of the price |
| OPT, FOP, FUT | price × multiplier |
| CASH | price, in the second currency of the pair; the rate of the first where that is the base, or all that is known |
| BOND | price in percent of the face value, which is 1,000 where the multiplier does not tell another |
| BAG | the sum of what its legs are worth, whichever way they go: the net price of a spread bounds nothing |
| IND, CONTFUT, NEWS | can't be traded |

Each is divided by contractDetails' priceMagnifier (London's pence, Chicago's cents) and times the rate of exchange.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bridge.tool import ToolError
from ib_worker.risk.intent import OrderIntent, RiskInputs, Unit
from ib_worker.risk.order_prices import STOPS, TRIGGERED, usable

FRESH_QUOTE_S = 15  # a reference price older than this prices nothing
GAP = 0.05  # added to the last close of a market that is closed, where the operator has no price collar
# Types whose limit a buyer never pays more than. REL and MIDPRICE have one only where a cap is given.
BOUND_BY_LIMIT = frozenset({"LMT", "LOC", "LIT", "STP LMT", "MIDPRICE", "REL", "TRAIL LIMIT"})
AT_ONCE = frozenset({"MKT", "MTL", "MOC", "LMT", "LOC", "MIDPRICE", "REL"})  # the rest wait for a trigger
NOT_TRADED = frozenset({"IND", "CONTFUT", "NEWS"})
DERIVATIVES = frozenset({"OPT", "FOP", "FUT"})
RATIOS = frozenset({"WAR", "IOPT"})
FACE = 1000  # of one bond: IBKR counts bonds in thousands of their face value
PERCENT = 100


@dataclass(frozen=True)
class Worth:
    """The most that an order can be worth as far as anybody knows. `bounded`: a buyer's limit keeps it there; else it
    is at the prices of now. `estimate`: of a market that is closed, from its last close."""

    amount: float
    currency: str
    bounded: bool = False
    estimate: bool = False

    def __str__(self) -> str:
        return f"{self.amount:,.2f} {self.currency}"


def worth(intent: OrderIntent, facts: RiskInputs, collar: float | None = None) -> Worth:
    """Return what the whole order is worth. `collar` is the operator's, as a fraction.

    Raises ToolError no_fresh_quote, no_exchange_rate, or not_tradable.
    """
    quantity = float(intent.totalQuantity)
    each, bounded, estimate = _worth_of_one(intent, facts, collar)
    return Worth(each * quantity, facts.base or "", bounded, estimate)


def worth_of_position(intent: OrderIntent, facts: RiskInputs, quantity: Decimal, collar: float | None = None) -> float:
    """Return what so many units of the order's contract are worth, in the base currency."""
    return _worth_of_one(intent, facts, collar)[0] * abs(float(quantity))


def known_worth(intent: OrderIntent, facts: RiskInputs, collar: float | None = None) -> Worth | None:
    """Return the worth, or None where no price or no rate tells."""
    try:
        return worth(intent, facts, collar)
    except ToolError:
        return None


def _worth_of_one(intent: OrderIntent, facts: RiskInputs, collar: float | None) -> tuple[float, bool, bool]:
    require_tradable(intent.secType)
    if intent.secType == "CASH" and (rate := _rate_of_first(intent, facts)) is not None:
        return rate, True, False
    if intent.secType == "BAG":
        return _worth_of_legs(facts), False, False
    rate = rate_of(intent.currency, facts)
    estimate = queued(intent, facts, collar)
    price = closing_estimate(intent, facts, collar) if estimate else worst_price(intent, facts)
    return abs(amount(intent.unit, price)) * rate, bounded(intent), estimate


def _rate_of_first(intent: OrderIntent, facts: RiskInputs) -> float | None:
    """Return the worth of one unit of a pair's first currency by that currency's own rate.

    This applies if the first is the base currency, or if the second one's rate is not known. No price is needed then.
    """
    rates = facts.rates or {}
    if intent.symbol == facts.base:
        return 1.0
    if facts.base is None or intent.currency == facts.base or rates.get(intent.currency, 0.0) > 0:
        return None
    return rates.get(intent.symbol) or None


def _worth_of_legs(facts: RiskInputs) -> float:
    total = 0.0
    for leg in facts.legs:
        if leg.price is None:
            raise no_fresh_quote(f"leg {leg.unit.symbol} {leg.unit.secType}")
        total += abs(leg.ratio) * abs(amount(leg.unit, leg.price)) * rate_of(leg.unit.currency, facts)
    if not facts.legs:
        raise ToolError("not_tradable", "secType: the legs of this BAG are not known, so its worth can't be computed.")
    return total


def amount(unit: Unit, price: float) -> float:
    """Return what one unit costs at a price, in the contract's currency."""
    return price * float(_factor(unit)) / max(unit.priceMagnifier, 1)


def _factor(unit: Unit) -> Decimal:
    told = unit.multiplier
    if unit.secType == "BOND":
        return _bond_factor(told)
    if unit.secType in DERIVATIVES:
        if told <= 0:
            raise ToolError(
                "not_tradable",
                f"{unit.symbol}: TWS reports no multiplier of this {unit.secType}, so its worth is unknown.",
            )
        return told
    if unit.secType in RATIOS:
        return max(told, Decimal(1))
    return told if told > 0 else Decimal(1)


def _bond_factor(told: Decimal) -> Decimal:
    """Bonds' details have no multiplier (message 18). One that a gateway tells all the same is what the price is
    multiplied with (10), or the face value (1000); 1 and 0 tell nothing."""
    if told >= FACE:
        return told / PERCENT
    return told if told > 0 and told != 1 else Decimal(FACE) / PERCENT


def require_tradable(secType: str) -> None:
    """Raise ToolError not_tradable for what only shows prices."""
    if secType in NOT_TRADED:
        raise ToolError(
            "not_tradable",
            f"secType: {secType} can't be traded, it only has prices. Trade a future, an option or a fund on it.",
        )


def rate_of(currency: str, facts: RiskInputs) -> float:
    """Return one unit of a currency in the account's base currency. Raises ToolError no_exchange_rate."""
    if facts.base is not None and currency == facts.base:
        return 1.0
    rates: Mapping[str, float] = facts.rates or {}
    rate = rates.get(currency)
    if facts.base is None or rate is None or not rate > 0:
        base = facts.base or "the account's base currency, which TWS has not told"
        raise ToolError(
            "no_exchange_rate",
            f"No rate of {currency} in {base} is known, neither from the account's values nor from a quote at "
            "IDEALPRO, so the limits can't be checked. Retry in a minute, or subscribe to forex quotes.",
            currency=currency,
        )
    return rate


def bounded(intent: OrderIntent) -> bool:
    """Return whether a buyer's limit bounds the cost of one unit. At 0 and below it does not: the sign may change."""
    return (
        intent.action == "BUY"
        and intent.orderType in BOUND_BY_LIMIT
        and intent.lmtPrice is not None
        and (intent.lmtPrice > 0)
    )


def worst_price(intent: OrderIntent, facts: RiskInputs) -> float:
    """Return the most that one unit can cost: a buyer's limit bounds it, all else is worth the dearest of the order's
    own prices and the quote. A buyer's stop that follows the market may be filled as far above it as it trails."""
    if intent.lmtPrice is not None and bounded(intent):
        return intent.lmtPrice
    own = [abs(price) for price in (intent.lmtPrice, trigger(intent)) if price is not None]
    dearest = max((abs(price) for price in prices(intent, facts)), default=None)
    if dearest is None:
        raise no_fresh_quote()
    if intent.action == "BUY" and offset(intent):
        bid = usable(facts.bid, intent.secType) if is_fresh(facts) else None
        own.append(abs(dearest if bid is None else bid) + offset(intent))
    if intent.action == "BUY" and intent.orderType == "TRAIL":
        dearest += intent.auxPrice or dearest * (intent.trailingPercent or 0.0) / PERCENT
    return max([*own, dearest])


def prices(intent: OrderIntent, facts: RiskInputs) -> list[float]:
    """Return the prices that hold now; where none does outside regular hours, the last ones of the session before."""
    told = [facts.bid, facts.ask, facts.last] if is_fresh(facts) else []
    now = [price for each in told if (price := usable(each, intent.secType)) is not None]
    if now or facts.trading not in ("closed", "extended"):
        return now
    return [price for each in (facts.last, facts.close) if (price := usable(each, intent.secType)) is not None]


def is_fresh(facts: RiskInputs) -> bool:
    return facts.quote_age_s is not None and facts.quote_age_s <= FRESH_QUOTE_S


def trigger(intent: OrderIntent) -> float | None:
    """Return the price that starts the order, None for one that starts at once or trails."""
    return intent.auxPrice if intent.orderType in TRIGGERED else None


def offset(intent: OrderIntent) -> float:
    """Return how far a REL order bids above the best bid, or offers below the best ask, where no cap holds it."""
    return (intent.auxPrice or 0.0) if intent.orderType == "REL" and intent.lmtPrice is None else 0.0


def triggered(intent: OrderIntent, facts: RiskInputs) -> bool | None:
    """Return whether a price meets the trigger already, so that the order would trade at once; None if none is known.
    A buyer's stop and a seller's touch wait for a higher price, the others for a lower one."""
    level = trigger(intent)
    if level is None:
        return False
    known = prices(intent, facts)
    if not known:
        return None
    rising = (intent.action == "BUY") == (intent.orderType in STOPS)
    return max(known) >= level if rising else min(known) <= level


def at_market(intent: OrderIntent, facts: RiskInputs) -> bool:
    """Return whether the order would trade at once at whatever price there is."""
    return intent.lmtPrice is None and (intent.orderType in AT_ONCE or triggered(intent, facts) is True)


def queued(intent: OrderIntent, facts: RiskInputs, collar: float | None) -> bool:
    """Return whether this is an order at the market that waits for the next session, by the contract's own hours. In
    extended hours that is a share's order for regular hours, and only if no quote of now would carry it."""
    if facts.trading in (None, "open") or not at_market(intent, facts):
        return False
    if facts.trading == "closed":
        return True
    if intent.outsideRth or intent.secType != "STK":
        return False
    gap = spread(intent, facts)
    return gap is None or (collar is not None and gap > collar)


def spread(intent: OrderIntent, facts: RiskInputs) -> float | None:
    """Return the width of the quote as a fraction of its near side; None without a fresh bid and ask."""
    bid, ask = usable(facts.bid, intent.secType), usable(facts.ask, intent.secType)
    if not is_fresh(facts) or bid is None or ask is None:
        return None
    return (ask - bid) / scale(intent, facts, ask if intent.action == "BUY" else bid)


def scale(intent: OrderIntent, facts: RiskInputs, near: float) -> float:
    """Return what a distance from a price is measured by: the price itself, for a spread the sum of its legs' prices,
    as a net price near 0 would make every distance a large one. Raises ToolError no_fresh_quote."""
    if intent.secType == "BAG" and facts.legs and all(leg.price is not None for leg in facts.legs):
        return sum(abs(leg.ratio) * abs(leg.price or 0.0) for leg in facts.legs)
    size = abs(near) or max((abs(each) for each in prices(intent, facts)), default=0.0)
    if not size:
        raise no_fresh_quote()
    return size


def closing_estimate(intent: OrderIntent, facts: RiskInputs, collar: float | None) -> float:
    """Return the price that an order for the next session is counted with: the last close and the collar on top."""
    known = [price for each in (facts.last, facts.close) if (price := usable(each, intent.secType)) is not None]
    if not known:
        raise no_fresh_quote()
    own = trigger(intent)
    return max(abs(own or 0.0), max(abs(price) for price in known) * (1 + (collar or GAP)) + offset(intent))


def no_fresh_quote(what: str = "this contract") -> ToolError:
    return ToolError(
        "no_fresh_quote",
        f"No fresh quote of {what}, so its price can't be checked. Retry in trading hours, or with market data.",
    )
