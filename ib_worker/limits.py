"""What an order may be: the operator's limits, and the check that every order passes before it is accepted. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bridge.tool import ToolError

FRESH_QUOTE_S = 15  # a reference price older than this prices nothing
BOUND_BY_LIMIT = {"LMT", "LOC", "LIT", "STP LMT", "MIDPRICE", "REL", "TRAIL LIMIT"}
PRICED_NOW = {"MKT", "MTL", "MOC", "LMT", "LOC", "MIDPRICE", "REL"}  # the rest wait for a trigger, far away by intent
STOPS, TOUCHES = {"STP", "STP LMT"}, {"MIT", "LIT"}  # triggered by a price that gets worse, or better

Off = Literal["off"]


def _named(written: object) -> object:
    """A comma list."""
    return [each.strip() for each in written.split(",") if each.strip()] if isinstance(written, str) else written


Names = Annotated[frozenset[str], NoDecode, BeforeValidator(_named)]


class Limits(BaseSettings):
    """Each limit is a value, or "off" to waive it by name; in live mode one that is neither stops the start-up.

    Amounts are in the contract's currency, priceCollar and maxSpread are fractions of the reference price.
    """

    model_config = SettingsConfigDict(env_prefix="LIMIT_", frozen=True, extra="ignore")

    max_quantity: Annotated[Decimal, Field(gt=0)] | Off | None = None
    max_order_value: Annotated[float, Field(gt=0)] | Off | None = None
    max_position_value: Annotated[float, Field(gt=0)] | Off | None = None
    max_daily_loss: Annotated[float, Field(gt=0)] | Off | None = None
    max_open_orders: Annotated[int, Field(gt=0)] | Off | None = None
    max_orders_per_minute: Annotated[int, Field(gt=0)] | Off | None = None
    max_orders_per_day: Annotated[int, Field(gt=0)] | Off | None = None
    price_collar: Annotated[float, Field(gt=0, lt=1)] | Off | None = None
    duplicate_window_s: Annotated[int, Field(gt=0)] | Off | None = None
    allowed_symbols: Off | Names | None = None
    allowed_sec_types: Off | Names | None = None
    allowed_currencies: Off | Names | None = None
    allowed_order_types: Off | Names | None = None
    outside_rth: Literal["allowed", "refused"] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name in ("allowed_symbols", "allowed_sec_types", "allowed_currencies", "allowed_order_types"):
            if getattr(self, name) == frozenset():
                raise ValueError(f"LIMIT_{name.upper()} is empty: name what is allowed, or off")
        return self

    def unset(self) -> list[str]:
        """The limits that are neither set nor waived, as their environment variables."""
        return [f"LIMIT_{name.upper()}" for name in type(self).model_fields if getattr(self, name) is None]

    def or_paper_defaults(self) -> Self:
        """For a paper account: what is not set gets a figure that stops a runaway and lets people try things."""
        return self.model_copy(
            update={name: value for name, value in PAPER_DEFAULTS.items() if getattr(self, name) is None}
        )


PAPER_DEFAULTS: dict[str, object] = {
    "max_quantity": Decimal(10_000),
    "max_order_value": 250_000.0,
    "max_position_value": "off",
    "max_daily_loss": "off",
    "max_open_orders": 100,
    "max_orders_per_minute": 30,
    "max_orders_per_day": 500,
    "price_collar": 0.05,
    "duplicate_window_s": 30,
    "allowed_symbols": "off",
    "allowed_sec_types": "off",
    "allowed_currencies": "off",
    "allowed_order_types": "off",
    "outside_rth": "allowed",
}


@dataclass(frozen=True)
class Intent:
    """An order about to be accepted, its contract qualified."""

    symbol: str
    secType: str
    currency: str
    multiplier: Decimal
    action: Literal["BUY", "SELL"]
    totalQuantity: Decimal
    orderType: str
    lmtPrice: float | None = None
    auxPrice: float | None = None
    outsideRth: bool = False
    filled: Decimal = Decimal(0)  # of an order that is changed: the position has it already

    @property
    def remaining(self) -> Decimal:
        return self.totalQuantity - self.filled


@dataclass(frozen=True)
class Facts:
    """What the session knows at that moment. None: not known, and a limit that needs it refuses."""

    bid: float | None
    ask: float | None
    last: float | None
    quote_age_s: float | None
    position: Decimal  # signed, of this contract and account
    closing: Decimal  # unsigned, the remaining quantity of open orders of the same side, which may be filled first
    open_orders: int
    daily_pnl: float | None


def closes(intent: Intent, facts: Facts) -> bool:
    """Whether the order can only reduce a position, even when every open closing order fills first."""
    opposite = facts.position > 0 if intent.action == "SELL" else facts.position < 0
    return opposite and intent.remaining <= abs(facts.position) - facts.closing


def check(intent: Intent, facts: Facts, limits: Limits, exits: Sequence[Intent] = ()) -> None:
    """Refuse what is past a limit with ToolError("limit_exceeded"). An order that only closes a position passes, unless
    it brings exits along: they would open another.

    Orders per minute and day and duplicates are counted where they are accepted, atomically: see bridge.bus.orders.
    """
    if not exits and closes(intent, facts):
        return
    for each in (intent, *exits):
        _check_kind(each, limits)
        _check_price(each, facts, limits)
    _check_counts(intent, facts, limits, 1 + len(exits))
    _check_value(intent, facts, limits)


def _check_kind(intent: Intent, limits: Limits) -> None:
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


def _check_counts(intent: Intent, facts: Facts, limits: Limits, orders: int) -> None:
    if isinstance(limits.max_quantity, Decimal) and intent.totalQuantity > limits.max_quantity:
        raise _breach(
            "max_quantity", "totalQuantity is too large", float(intent.totalQuantity), float(limits.max_quantity)
        )
    if isinstance(limits.max_open_orders, int) and facts.open_orders + orders > limits.max_open_orders:
        raise _breach(
            "max_open_orders", "too many orders are open; cancel some", facts.open_orders, limits.max_open_orders
        )
    if isinstance(limits.max_daily_loss, float):
        if facts.daily_pnl is None:
            raise ToolError(
                "no_daily_pnl", "The day's profit and loss is not known, so its limit can't be kept. Retry."
            )
        if -facts.daily_pnl >= limits.max_daily_loss:
            raise _breach(
                "max_daily_loss", "the day's loss only allows closing orders", -facts.daily_pnl, limits.max_daily_loss
            )


def _check_price(intent: Intent, facts: Facts, limits: Limits) -> None:
    """Hold an order that would trade now against the quote: a limit far through it, or a market order into a gap."""
    if not isinstance(limits.price_collar, float):
        return
    if intent.orderType not in PRICED_NOW and not _triggered(intent, facts):
        return
    near = _near_side(intent, facts)
    if intent.lmtPrice is None:
        spread = (_reference(facts, (facts.ask,)) - _reference(facts, (facts.bid,))) / near
        if spread > limits.price_collar:
            raise _breach("price_collar", "the market is too wide for this order type", spread, limits.price_collar)
        return
    through = (intent.lmtPrice - near) / near * (1 if intent.action == "BUY" else -1)
    if through > limits.price_collar:
        raise _breach(
            "price_collar", f"lmtPrice is {through:.1%} through the quote of {near}", through, limits.price_collar
        )


def _triggered(intent: Intent, facts: Facts) -> bool:
    """Whether any price quoted meets the order's trigger already, so that it would trade at once."""
    if intent.auxPrice is None or intent.orderType not in STOPS | TOUCHES:
        return False
    quoted = [price for price in (facts.bid, facts.ask, facts.last) if price is not None and price > 0]
    if (intent.action == "BUY") == (intent.orderType in STOPS):
        return _reference(facts, (max(quoted, default=None),)) >= intent.auxPrice
    return _reference(facts, (min(quoted, default=None),)) <= intent.auxPrice


def _check_value(intent: Intent, facts: Facts, limits: Limits) -> None:
    if not (isinstance(limits.max_order_value, float) or isinstance(limits.max_position_value, float)):
        return
    each = _worst_price(intent, facts) * float(intent.multiplier)
    value = each * float(intent.totalQuantity)
    if isinstance(limits.max_order_value, float) and value > limits.max_order_value:
        raise _breach("max_order_value", "the order is worth too much", value, limits.max_order_value)
    more = intent.remaining + facts.closing  # what is open on the same side may be filled as well
    signed = more if intent.action == "BUY" else -more
    held = each * abs(float(facts.position + signed))
    if isinstance(limits.max_position_value, float) and held > limits.max_position_value:
        raise _breach("max_position_value", "the position would be worth too much", held, limits.max_position_value)


def worst_value(intent: Intent, facts: Facts) -> float | None:
    """The most that the whole order can be worth, None where no price tells."""
    try:
        return _worst_price(intent, facts) * float(intent.multiplier) * float(intent.totalQuantity)
    except ToolError:
        return None


def _worst_price(intent: Intent, facts: Facts) -> float:
    """The most that one unit can cost: a buyer's limit bounds it, all else is worth the higher of quote and price."""
    if intent.action == "BUY" and intent.orderType in BOUND_BY_LIMIT and intent.lmtPrice is not None:
        return abs(intent.lmtPrice)
    own = [abs(price) for price in (intent.lmtPrice, intent.auxPrice) if price is not None]
    quoted = [price for price in (facts.bid, facts.ask, facts.last) if price is not None and price > 0]
    return max([*own, _reference(facts, (max(quoted, default=None),))])


def _near_side(intent: Intent, facts: Facts) -> float:
    return _reference(facts, (facts.ask, facts.last) if intent.action == "BUY" else (facts.bid, facts.last))


def _reference(facts: Facts, candidates: tuple[float | None, ...]) -> float:
    """The first usable price; without a fresh quote nothing can be checked, so the order is refused."""
    fresh = facts.quote_age_s is not None and facts.quote_age_s <= FRESH_QUOTE_S
    for price in candidates:
        if fresh and price is not None and price > 0:
            return price
    raise ToolError(
        "no_fresh_quote",
        "No fresh quote of this contract, so its price can't be checked. Retry in trading hours, or with market data.",
    )


def _breach(limit: str, what: str, value: object, allowed: object) -> ToolError:
    return ToolError(
        "limit_exceeded",
        f"Refused by the operator's limit {limit}: {what}. Only the operator can change a limit.",
        limit=limit,
        value=value,
        allowed=allowed,
    )
