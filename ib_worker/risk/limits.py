"""The operator's limits, and the check that every order passes before it is accepted. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bridge.text.numbers import digits
from bridge.tool import ToolError
from ib_worker.risk import short_options
from ib_worker.risk.bracket_prices import require_ahead
from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.risk.limit_settings import Limits, variable
from ib_worker.risk.order_prices import LIMIT_TYPES, require_price, usable
from ib_worker.risk.worth import (
    AT_ONCE,
    is_fresh,
    no_fresh_quote,
    offset,
    prices,
    queued,
    require_tradable,
    scale,
    spread,
    triggered,
    worth,
    worth_of_position,
)

CLOSING_COLLAR = LIMIT_TYPES  # types whose limit decides what a closing order gets


def only_reduces_position(intent: OrderIntent, facts: RiskInputs) -> bool:
    """Return whether the order can only reduce a position, even when every open closing order fills first. An order of
    a model never counts as one: the known position is its account's, and the model may not have it."""
    opposite = facts.position > 0 if intent.action == "SELL" else facts.position < 0
    return opposite and not intent.modelCode and intent.remaining <= abs(facts.position) - facts.closing


def require_closing(intent: OrderIntent, facts: RiskInputs, argument: str = "closeOnly", room: str = "") -> None:
    """Check that an order can only reduce a position. Raises ToolError not_closing with the position and the open
    orders that come first. `argument`: which the caller has given. `room`: how a part may be closed."""
    if only_reduces_position(intent, facts):
        return
    held, first = facts.position, facts.closing
    opposite = held * intent.sign < 0 and not intent.modelCode
    most = max(abs(held) - first, Decimal(0)) if opposite else Decimal(0)
    whole = "ibkr_close_positions with cancelOrders cancels such orders and then closes the whole position."
    offer = f" {room} {whole}".replace("  ", " ") if opposite and first else ""
    raise ToolError(
        "not_closing",
        f"{argument}: {_why_not_closing(intent, held, first, most)}. Nothing was sent.{offer}",
        position=float(held),
        open=float(first),
        closable=float(most),
    )


def _why_not_closing(intent: OrderIntent, held: Decimal, first: Decimal, most: Decimal) -> str:
    what = f"{intent.action} {digits(intent.remaining)}"
    name = intent.symbol if intent.secType == "STK" else f"of this {intent.symbol} {intent.secType}"
    if intent.modelCode:
        return f"{what} could do more than close: of a model no position is known"
    if not held:
        return f"you hold no {name}" if intent.secType == "STK" else f"you hold none {name}"
    if held * intent.sign > 0:
        return f"{what} would add to the {'long' if held > 0 else 'short'} of {digits(abs(held))} {intent.symbol}"
    before = f", and open or just filled {intent.action} orders for {digits(first)} count first" if first else ""
    may = f"at most {digits(most)} may be closed"
    return f"{what} could do more than close: the position is {digits(held)}{before}, so {may}"


def check(intent: OrderIntent, facts: RiskInputs, limits: Limits, exits: Sequence[OrderIntent] = ()) -> None:
    """Refuse what is past a limit with ToolError("limit_exceeded"). An order that only closes a position passes, unless
    it brings exits along: they would open another. Two rules hold for it all the same: the collar, against a fresh
    quote alone, and the limit of short options, which it may leave without cover.

    Raises also no_fresh_quote, no_exchange_rate, no_daily_pnl, not_tradable, and invalid_arguments for a limit price
    that the contract can't have. Orders per minute and day and duplicates are counted where they are accepted,
    atomically: see bridge.bus.records.records.
    """
    for each in (intent, *exits):
        require_tradable(each.secType)
        require_price(each.orderType, each.secType, each.lmtPrice)
    if not exits and only_reduces_position(intent, facts):
        _check_closing_price(intent, facts, limits)
        _check_short_options(intent, facts, limits)
        return
    waits = _rests(intent, facts)
    for each in (intent, *(replace(leave, waits=waits) for leave in exits)):
        _check_kind(each, limits)
        _check_price(each, facts, limits)
    require_ahead(intent, exits, facts)
    _check_counts(intent, facts, limits, 1 + len(exits))
    _check_value(intent, facts, limits)
    _check_short_options(intent, facts, limits)


def _rests(intent: OrderIntent, facts: RiskInputs) -> bool:
    """Return whether an entry's limit waits for a better price than that of now: its exits then trade at others too."""
    near = _near_side(intent, facts)
    if near is None or intent.lmtPrice is None or intent.orderType != "LMT":
        return False
    return (intent.lmtPrice - near) * intent.sign < 0


def _check_kind(intent: OrderIntent, limits: Limits) -> None:
    for name, value, allowed in (
        ("allowed_symbols", intent.symbol, limits.allowed_symbols),
        ("allowed_sec_types", intent.secType, limits.allowed_sec_types),
        ("allowed_currencies", intent.currency, limits.allowed_currencies),
        ("allowed_order_types", intent.orderType, limits.allowed_order_types),
    ):
        if isinstance(allowed, frozenset) and value not in allowed:
            raise _breach(name, f"{value} is not among {', '.join(sorted(allowed))}", value, sorted(allowed))
    if intent.outsideRth and limits.outside_rth == "refused":
        raise _breach("outside_rth", "orders outside regular trading hours are refused", True, "refused")


def _check_counts(intent: OrderIntent, facts: RiskInputs, limits: Limits, orders: int) -> None:
    name, most = limits.quantity_limit(intent.secType)
    if isinstance(most, Decimal) and intent.totalQuantity > most:
        raise _breach(name, "totalQuantity is too large", float(intent.totalQuantity), float(most))
    if isinstance(limits.max_open_orders, int) and facts.open_orders + orders > limits.max_open_orders:
        raise _breach(
            "max_open_orders", "too many orders are open; cancel some", facts.open_orders, limits.max_open_orders
        )
    if isinstance(limits.max_daily_loss, float):
        if facts.daily_pnl is None:
            raise ToolError(
                "no_daily_pnl",
                "The day's profit and loss is not known, so its limit can't be checked. Retry in a few seconds.",
            )
        if -facts.daily_pnl >= limits.max_daily_loss:
            what = "the day's loss only allows closing orders"
            raise _breach("max_daily_loss", what, -facts.daily_pnl, limits.max_daily_loss, facts.base)


def _check_price(intent: OrderIntent, facts: RiskInputs, limits: Limits) -> None:
    """Hold an order that would trade now against the quote: a limit far through it, or a market order into a gap. An
    order at the market that waits for the next session is one for the operator to allow."""
    if intent.waits:
        return
    _check_offset(intent, facts, limits)
    if queued(intent, facts, limits.collar):
        if limits.queued_market_orders not in ("allowed", "off"):
            what = "the market is closed, and an order without a limit would trade at whatever price it opens with"
            raise _breach("queued_market_orders", what, intent.orderType, "refused")
        return
    if limits.collar is None:
        return
    if intent.orderType not in AT_ONCE and not _is_triggered(intent, facts):
        return
    if intent.lmtPrice is not None:
        _check_through(intent, facts, limits.collar)
        return
    gap = spread(intent, facts)
    if gap is None:
        raise no_fresh_quote()
    if gap > limits.collar:
        raise _breach("price_collar", "the market is too wide for this order type", gap, limits.collar)


def _check_offset(intent: OrderIntent, facts: RiskInputs, limits: Limits) -> None:
    """A REL order's offset goes through the quote like a limit. Where no price is known, other rules refuse."""
    last = [price for each in (facts.last, facts.close) if (price := usable(each, intent.secType)) is not None]
    known = prices(intent, facts) or last
    if limits.collar is None or not offset(intent) or not known:
        return
    near = max(abs(each) for each in known)
    beyond = offset(intent) / near
    if beyond > limits.collar:
        what = f"auxPrice is an offset of {beyond:.1%} of the price of {digits(near)}"
        raise _breach("price_collar", what, beyond, limits.collar)


def _is_triggered(intent: OrderIntent, facts: RiskInputs) -> bool:
    met = triggered(intent, facts)
    if met is None:
        raise no_fresh_quote()
    return met


def _check_through(intent: OrderIntent, facts: RiskInputs, collar: float) -> None:
    near = _near_side(intent, facts)
    if near is None or intent.lmtPrice is None:
        raise no_fresh_quote()
    size = scale(intent, facts, near)
    through = (intent.lmtPrice - near) / size * intent.sign
    if through > collar:
        what = f"lmtPrice is {through:.1%} through the quote of {digits(near)}; {_inside(near, size, intent, collar)}"
        raise _breach("price_collar", what, through, collar)


def _check_closing_price(intent: OrderIntent, facts: RiskInputs, limits: Limits) -> None:
    """A closing order's limit far through a fresh quote is a slip of the finger. Nothing else holds it up."""
    fresh = is_fresh(facts) and not facts.late and facts.trading != "closed"
    near = _near_side(intent, facts) if fresh else None
    if fresh:
        _check_offset(intent, facts, limits)
    collar, limit = limits.collar, intent.lmtPrice
    if collar is None or limit is None or near is None or intent.orderType not in CLOSING_COLLAR:
        return
    if intent.orderType not in AT_ONCE and not triggered(intent, facts):
        return
    size = scale(intent, facts, near)
    through = (limit - near) / size * intent.sign
    if through > collar:
        raise _breach(
            "price_collar",
            f"lmtPrice is {through:.1%} through the quote of {digits(near)}, and this order closes a position. "
            f"orderType MKT closes it at once; {_inside(near, size, intent, collar)}",
            through,
            collar,
        )


def _inside(near: float, size: float, intent: OrderIntent, collar: float) -> str:
    """The prices that the collar lets through."""
    furthest = _rounded(near + intent.sign * collar * size, intent)
    return f"a lmtPrice {'up to' if intent.action == 'BUY' else 'from'} {digits(furthest)} is inside the collar"


def _rounded(price: float, intent: OrderIntent) -> float:
    """To the contract's minimum tick, towards the market."""
    tick = Decimal(str(intent.minTick if intent.minTick > 0 else 0.01))
    ticks = Decimal(str(round(price, 10))) / tick
    return float(ticks.to_integral_value("ROUND_FLOOR" if intent.action == "BUY" else "ROUND_CEILING") * tick)


def _near_side(intent: OrderIntent, facts: RiskInputs) -> float | None:
    """The price that the order would trade at; where the market is closed, the last close stands for it."""
    told = [facts.ask if intent.action == "BUY" else facts.bid, facts.last] if is_fresh(facts) else []
    if facts.trading in ("closed", "extended"):
        told += [facts.last, facts.close]
    return next((price for each in told if (price := usable(each, intent.secType)) is not None), None)


def _check_value(intent: OrderIntent, facts: RiskInputs, limits: Limits) -> None:
    if isinstance(limits.max_order_value, float):
        whole = worth(intent, facts, limits.collar)
        if whole.amount > limits.max_order_value:
            what = "the order is worth too much" + (", by an estimate from the last close" if whole.estimate else "")
            raise _breach("max_order_value", what, whole.amount, limits.max_order_value, facts.base)
    if isinstance(limits.max_position_value, float):
        more = intent.remaining + facts.closing  # what is open on the same side may be filled as well
        held = worth_of_position(intent, facts, facts.position + more * intent.sign, limits.collar)
        if held > limits.max_position_value:
            what = "the position would be worth too much"
            raise _breach("max_position_value", what, held, limits.max_position_value, facts.base)


def _check_short_options(intent: OrderIntent, facts: RiskInputs, limits: Limits) -> None:
    """Check the sum that the short options on one underlying count, if this order adds to it."""
    most = limits.max_short_option_value
    counted = short_options.counted(intent, facts) if isinstance(most, float) else None
    if isinstance(most, float) and counted is not None and counted > most:
        what = f"the short options on {intent.symbol} would count too much; a long leg or shares cover them"
        raise _breach("max_short_option_value", what, counted, most, facts.base)


def _breach(limit: str, what: str, value: object, allowed: object, currency: str | None = None) -> ToolError:
    named = {"currency": currency} if currency is not None else {}
    figures = f"{variable(limit)} allows {_figure(allowed, currency)}, this is {_figure(value, currency)}"
    return ToolError(
        "limit_exceeded",
        f"Rejected by the operator's limit {limit}: {what}. Only the operator can change a limit: {figures}.",
        limit=limit,
        value=value,
        allowed=allowed,
        **named,
    )


def _figure(value: object, currency: str | None) -> str:
    if currency is not None and isinstance(value, float):
        return f"{value:,.2f} {currency}"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:,.10g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
