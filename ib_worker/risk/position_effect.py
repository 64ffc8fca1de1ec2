"""An order's effect on the position, in words that previews, approvals and reports share. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from bridge.text.numbers import digits
from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.risk.order_prices import STOPS
from ib_worker.risk.worth import triggered

TRAILING = ("TRAIL", "TRAIL LIMIT")
SIDES = {True: "long", False: "short"}


def position_effect(intent: OrderIntent, facts: RiskInputs) -> str:
    """Return the effect in one clause: "opens a long of 10", "reduces the long of 100 to 40", "sells the 100 that you
    hold and opens a short of 100". Open orders of the same side are counted where they change it."""
    if intent.secType == "BAG":
        return "trades the legs of a combination"
    return f"{_effect(facts.position, intent.remaining * intent.sign)}{joint_effect(intent, facts)}"


def joint_effect(intent: OrderIntent, facts: RiskInputs) -> str:
    """Return what the order opens once the open ones of its side have filled too, where it alone opens nothing; else
    an empty text."""
    if intent.secType == "BAG" or not facts.closing or not reverses(intent, facts):
        return ""
    together = (intent.remaining + facts.closing) * intent.sign
    behind = facts.position + together
    if behind * facts.position < 0 and (facts.position + intent.remaining * intent.sign) * facts.position >= 0:
        others = f"the open orders of the same side for {_number(facts.closing)}"
        return f"; if {others} fill too, that opens a {_held(behind)}"
    return ""


def reverses(intent: OrderIntent, facts: RiskInputs) -> bool:
    """Return whether the order, with the open ones of its side, goes past closing and opens the other side."""
    after = facts.position + (intent.remaining + facts.closing) * intent.sign
    return facts.position * after < 0


def opens_short(intent: OrderIntent, facts: RiskInputs) -> bool:
    """Return whether the order leaves a short that was not there or was smaller."""
    after = facts.position + (intent.remaining + facts.closing) * intent.sign
    return intent.secType not in ("BAG", "CASH") and after < min(facts.position, Decimal(0))


def held_up(intent: OrderIntent, facts: RiskInputs) -> str:
    """Return what keeps an order that would reduce a position from being a closing one, which passes every limit: open
    orders of its side, such as a bracket's exits, may fill first. Empty where nothing does."""
    opposite = facts.position * intent.sign < 0
    if opposite and intent.modelCode:
        return "An order of a model never counts as closing: TWS tells the account's position, not the model's."
    if not opposite or not abs(facts.position) - facts.closing < intent.remaining <= abs(facts.position):
        return ""
    return (
        f"It would close {_number(intent.remaining)} of the {_held(facts.position)}, but {intent.action} orders for "
        f"{_number(facts.closing)} are open or just filled and count first. Cancel those that ibkr_get_open_orders "
        "shows, then it passes."
    )


def warnings(intent: OrderIntent, facts: RiskInputs) -> list[str]:
    """Return what the order's terms do not show: a trigger that is met, a halt, hours in which it does not work."""
    return [*trigger_met(intent, facts), *waits_on(intent, facts)]


def remarks_on(intent: OrderIntent, facts: RiskInputs, changes: bool = False, waits: bool = False) -> str:
    """Return the remarks of a report on what the order does: a position that changes sides, a new short."""
    news = reverses(intent, facts) or (opens_short(intent, facts) and not changes)
    return sentence(f"its fill {position_effect(intent, facts)}") if news and not waits else ""


def cautions(intent: OrderIntent, facts: RiskInputs) -> list[str]:
    """Return what a preview warns of: a trigger that is met, a position that would change sides, a stop whose limit
    is behind it or that ends today, an attribute that TWS ignores."""
    sides = [f"its fill {position_effect(intent, facts)}"] if reverses(intent, facts) else []
    return [*trigger_met(intent, facts), *sides, *_limit_behind(intent), *_ends_today(intent, facts), *_ignored(intent)]


def sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."


def report_text(intent: OrderIntent, facts: RiskInputs, told: str, remarks: str, filled: bool) -> str:
    """Return the text of a report: `told` of the order, with the remarks. Where a trigger that was met has made it
    trade, that comes first. An order that has filled waits for nothing."""
    traded = traded_at_once(intent, facts) if filled else ""
    met = "" if traded else sentences(trigger_met(intent, facts))
    waits = "" if filled else sentences(waits_on(intent, facts))
    return " ".join(filter(None, (traded, told, met, remarks, waits)))


def sentences(found: Sequence[str]) -> str:
    """Return the clauses as sentences."""
    return " ".join(map(sentence, found))


def trigger_met(intent: OrderIntent, facts: RiskInputs) -> list[str]:
    if not triggered(intent, facts):
        return []
    when = "as soon as the session opens" if facts.trading == "closed" else "at once"
    return [f"the trigger of {digits(intent.auxPrice or 0)} is met {_market(facts)}: it trades {when}"]


def traded_at_once(intent: OrderIntent, facts: RiskInputs) -> str:
    """Return the same about an order that has traded since, as a sentence; empty where its trigger was not met."""
    if not triggered(intent, facts) or facts.trading == "closed":
        return ""
    return f"It traded at once: its trigger of {digits(intent.auxPrice or 0)} was met {_market(facts)}."


def waits_on(intent: OrderIntent, facts: RiskInputs) -> list[str]:
    """Return what holds an order up or ends it early: a halt, a market that is closed, the end of the day."""
    found = []
    if facts.halted:
        found.append(f"trading in {intent.symbol} is halted: the order waits until it resumes")
    return [*found, *_limit_behind(intent), *_hours(intent, facts), *_ends_today(intent, facts), *_ignored(intent)]


def _limit_behind(intent: OrderIntent) -> list[str]:
    """Return that a stop's limit is at a better price than the stop, where a market that moves on leaves it."""
    stop, limit = intent.auxPrice, intent.lmtPrice
    if intent.orderType != "STP LMT" or stop is None or limit is None or (limit - stop) * intent.sign >= 0:
        return []
    side = "below" if intent.action == "BUY" else "above"
    return [
        f"lmtPrice {digits(limit)} is {side} the stop of {digits(stop)}: once triggered, the order fills only if the "
        "price comes back"
    ]


def _ends_today(intent: OrderIntent, facts: RiskInputs) -> list[str]:
    """Return that a stop for the day protects a position until the close alone; where the hours tell it, nothing."""
    protects = facts.position * intent.sign < 0 and intent.orderType in (*STOPS, *TRAILING)
    if not protects or intent.tif != "DAY" or (intent.outsideRth and facts.trading == "open"):
        return []
    return ["tif DAY: this stop ends at the session's close, and protects nothing after it; GTC does"]


def _ignored(intent: OrderIntent) -> list[str]:
    """Return that TWS ignores outsideRth (its notice 2109)."""
    ignored = intent.outsideRth and intent.orderType == "MKT"
    return ["outsideRth: TWS ignores it for a MKT order, which trades in regular hours"] if ignored else []


def _hours(intent: OrderIntent, facts: RiskInputs) -> list[str]:
    """Return when an order works that does not work now, or not as long as its terms may seem to say."""
    if intent.tif == "OPG":
        return ["tif OPG: the order waits for the next opening auction"]
    if facts.trading == "closed":
        return ["the market is closed: the order waits for the next session"]
    outside = intent.outsideRth and intent.orderType != "MKT"
    if facts.trading == "extended" and intent.secType == "STK" and not outside:
        return ["it is not regular hours: without outsideRth the order waits for them"]
    if facts.trading == "open" and outside and intent.tif == "DAY":
        return ["tif DAY: the order ends with today's hours, before the next pre-market; GTC does not"]
    return []


def _market(facts: RiskInputs) -> str:
    """Return the prices by which a trigger is met."""
    known = {"bid": facts.bid, "ask": facts.ask, "last": facts.last}
    if not any(price is not None for price in known.values()):
        known["close"] = facts.close
    return "by " + ", ".join(f"{name} {digits(price)}" for name, price in known.items() if price is not None)


def _effect(held: Decimal, change: Decimal) -> str:
    after = held + change
    if held == 0:
        return f"opens a {_held(change)}"
    if held * change > 0:
        return f"adds {_number(change)} to the {_held(held)}"
    if after == 0:
        return f"closes the {_held(held)}"
    if held * after > 0:
        return f"reduces the {_held(held)} to {_number(after)}"
    first = f"sells the {_number(held)} that you hold" if held > 0 else f"buys back the {_held(held)}"
    return f"{first} and opens a {_held(after)}"


def _held(quantity: Decimal) -> str:
    return f"{SIDES[quantity > 0]} of {_number(quantity)}"


def _number(quantity: Decimal) -> str:
    return f"{abs(quantity).normalize():f}"
