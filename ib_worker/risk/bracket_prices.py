"""Compares a bracket's exits with its entry: an exit on the wrong side trades once the entry has filled. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bridge.text.numbers import digits
from bridge.tool import ToolError
from ib_worker.risk.intent import OrderIntent, RiskInputs, Side
from ib_worker.risk.order_prices import STOPS
from ib_worker.risk.worth import is_fresh, triggered


@dataclass(frozen=True)
class Levels:
    """The prices of a bracket's open orders; None for one that has none, or is done."""

    action: Side  # the entry's
    stop: float | None = None
    entry: float | None = None
    target: float | None = None


def crossed(levels: Levels) -> str | None:
    """Return in words which two prices are not in their order: a buyer's stop lies below, and the target above."""
    named = [("the stop", levels.stop), ("the entry", levels.entry), ("the target", levels.target)]
    known = [(name, price) for name, price in named if price is not None]
    sign = 1 if levels.action == "BUY" else -1
    for (one, low), (other, high) in pairwise(known):
        if (high - low) * sign <= 0:
            side = "below" if sign > 0 else "above"
            return f"{one} at {digits(low)} would not lie {side} {other} at {digits(high)}"
    return None


def require_ahead(entry: OrderIntent | None, exits: Sequence[OrderIntent], facts: RiskInputs) -> None:
    """Raise ToolError invalid_arguments for an exit that the market meets already. Without a fresh quote of an open
    market nothing is known, and TWS decides. `entry` None: the position is there already."""
    if not is_fresh(facts) or facts.late or facts.trading == "closed":
        return
    for each in exits:
        price = facts.bid if each.action == "SELL" else facts.ask
        if triggered(each, facts) and each.auxPrice is not None:
            raise _met("stopLossPrice", each.auxPrice, facts, entry)
        target = each.lmtPrice if entry is None or entry.lmtPrice is None else None
        if target is not None and price is not None and (price - target) * each.sign <= 0:
            raise _met("takeProfitPrice", target, facts, entry)


def require_unmet(intent: OrderIntent, facts: RiskInputs) -> None:
    """Raise ToolError invalid_arguments for a stop that is moved to where the market is: it would trade at once. As
    above, without a fresh quote of an open market nothing is known."""
    if _meets(intent, facts):
        unchanged = "Nothing was sent, and the order is unchanged."
        raise _at_once(intent, facts, f"{unchanged} To {intent.action.lower()} now use ibkr_close_positions or a MKT")


def require_unmet_opening(intent: OrderIntent, facts: RiskInputs, closing: bool) -> None:
    """Raise the same for a new stop. One that can only reduce a position (`closing`) is sent: it reduces risk."""
    if _meets(intent, facts) and not closing:
        raise _at_once(intent, facts, f"Nothing was sent. To {intent.action.lower()} now use a MKT or LMT")


def _meets(intent: OrderIntent, facts: RiskInputs) -> bool:
    known = is_fresh(facts) and not facts.late and facts.trading != "closed"
    return known and intent.orderType in STOPS and bool(triggered(intent, facts))


def _at_once(intent: OrderIntent, facts: RiskInputs, what: str) -> ToolError:
    return ToolError(
        "invalid_arguments",
        f"auxPrice: the market meets {digits(intent.auxPrice or 0)} already (bid/ask/last {_quoted(facts)}), so this "
        f"stop would trade at once. {what} order.",
        fields=["auxPrice"],
    )


def _quoted(facts: RiskInputs) -> str:
    return "/".join("-" if each is None else digits(each) for each in (facts.bid, facts.ask, facts.last))


def _met(name: str, price: float, facts: RiskInputs, entry: OrderIntent | None) -> ToolError:
    return ToolError(
        "invalid_arguments",
        f"{name}: the market meets {digits(price)} already (bid/ask/last {_quoted(facts)}), so this exit would trade "
        f"{'at once' if entry is None else 'as soon as the entry has filled'}. Nothing was sent. Give a price ahead of "
        "the market.",
        fields=[name],
    )
