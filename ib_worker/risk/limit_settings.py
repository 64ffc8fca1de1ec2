"""The operator's limits, from the environment."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bridge.settings import comma_list

Off = Literal["off"]
STRICT_UNSET = frozenset({"max_quantity_cash", "queued_market_orders"})  # these refuse where they are not set
PAPER_DEFAULTS: dict[str, object] = {
    "max_quantity": Decimal(10_000),
    "max_quantity_cash": Decimal(1_000_000),
    "max_order_value": 250_000.0,
    "max_position_value": "off",
    "max_short_option_value": 1_000_000.0,
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
    "queued_market_orders": "allowed",
}


Names = Annotated[frozenset[str], NoDecode, BeforeValidator(comma_list)]


class Limits(BaseSettings):
    """Each limit is a value, or "off" to waive it by name; in live mode one that is neither stops the start-up.

    Amounts are in the account's base currency, the price collar is a fraction of the reference price. Quantities are in
    the unit of the secType: shares, contracts, bonds of 1,000; forex, in units of the pair's first currency, has a
    figure of its own.
    """

    model_config = SettingsConfigDict(env_prefix="LIMIT_", frozen=True, extra="ignore")

    max_quantity: Annotated[Decimal, Field(gt=0)] | Off | None = None
    max_quantity_cash: Annotated[Decimal, Field(gt=0)] | Off | None = None  # where not set: max_quantity
    max_order_value: Annotated[float, Field(gt=0)] | Off | None = None
    max_position_value: Annotated[float, Field(gt=0)] | Off | None = None
    max_short_option_value: Annotated[float, Field(gt=0)] | Off | None = None
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
    queued_market_orders: Literal["allowed", "refused", "off"] | None = None  # where not set: refused

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name in ("allowed_symbols", "allowed_sec_types", "allowed_currencies", "allowed_order_types"):
            if getattr(self, name) == frozenset():
                raise ValueError(f"LIMIT_{name.upper()} is empty: name what is allowed, or off")
        return self

    def unset(self) -> list[str]:
        """The limits that are neither set nor waived, as their environment variables."""
        needed = type(self).model_fields.keys() - STRICT_UNSET
        return [variable(name) for name in type(self).model_fields if name in needed and getattr(self, name) is None]

    def quantity_limit(self, secType: str) -> tuple[str, Decimal | Off | None]:
        """The limit's name and figure for an order of this secType."""
        if secType == "CASH" and self.max_quantity_cash is not None:
            return "max_quantity_cash", self.max_quantity_cash
        return "max_quantity", self.max_quantity

    @property
    def collar(self) -> float | None:
        return self.price_collar if isinstance(self.price_collar, float) else None

    def or_paper_defaults(self) -> Self:
        """For a paper account: what is not set gets a figure that stops a runaway and lets people try things."""
        return self.model_copy(
            update={name: value for name, value in PAPER_DEFAULTS.items() if getattr(self, name) is None}
        )


def limits_in_force(limits: Limits) -> dict[str, int | float | str | list[str]]:
    """Return the limits that are in force by name, for clients: those that are off or allow everything are left out."""
    found = {name: getattr(limits, name) for name in Limits.model_fields}
    return {name: _told(value) for name, value in found.items() if value not in (None, "off", "allowed")}


def _told(value: Any) -> int | float | str | list[str]:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return str(value) if isinstance(value, str) else int(value)


def variable(limit: str) -> str:
    """The environment variable that sets a limit."""
    return f"LIMIT_{limit.upper()}"
