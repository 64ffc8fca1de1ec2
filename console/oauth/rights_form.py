"""The rights that an operator chose on a form, and the name under which a client has them."""

import re
import secrets
from collections.abc import Iterable, Mapping

import msgspec
from starlette.datastructures import FormData

from bridge.bus.identity.rights import Rights
from bridge.settings import comma_list
from bridge.toolsets import TOOLSETS
from console.pages.pages import text_of

# Of one client, below the session's; by the names of `Rights`, with their words on the page.
LIMITS: Mapping[str, str] = {
    "max_order_value": "Largest order (base currency)",
    "max_position_value": "Largest position (base currency)",
    "max_orders_per_minute": "Orders a minute",
    "max_orders_per_day": "Orders a day",
}
LONGEST_NAME = 40


def chosen_rights(form: FormData, asked: Iterable[str]) -> Rights:
    """Return the rights of a form: of the scopes that were asked for, those that are ticked. Raises ValueError."""
    scopes = [each for each in asked if each in form.getlist("scope")]
    toolsets = [each for each in TOOLSETS if each in form.getlist("toolset")]
    if not scopes or not toolsets:
        raise ValueError("Tick at least one right and one toolset, or refuse.")
    known = {
        "scopes": scopes,
        "accounts": comma_list(text_of(form, "accounts").upper()),
        "toolsets": [] if len(toolsets) == len(TOOLSETS) else toolsets,
        "symbols": comma_list(text_of(form, "symbols").upper()),
    } | {name: _number(name, text_of(form, name)) for name in LIMITS if text_of(form, name).strip()}
    try:
        return msgspec.convert(known, Rights)
    except msgspec.ValidationError as error:
        raise ValueError(f"These rights are not as they must be: {error}.") from None


def client_name(about: str) -> str:
    """Return a new client's name as a principal. Its end is random: nobody gets another's name by choosing it."""
    words = re.sub(r"[^a-z0-9]+", "-", about.partition("(")[0].lower()).strip("-")[:LONGEST_NAME]
    return f"{words or 'client'}-{secrets.token_hex(3)}"


def _number(name: str, written: str) -> float | int:
    try:
        value = float(written.strip())
    except ValueError:
        raise ValueError(f"{LIMITS[name]}: a number is expected, such as 1000.") from None
    return int(value) if name.startswith("max_orders") and value.is_integer() else value
