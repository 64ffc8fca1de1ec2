"""Confirmation tokens: a preview hands one out, and one order of the same caller and terms may use it."""

import re
import secrets

from bridge.bus.controls.confirmation_tokens import TokenGrant, store_preview, take_preview
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import bus_errors
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.text.numbers import digits
from bridge.tool import ToolError

BAND = 0.01  # a preview holds while the price stays within this fraction of what it showed
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


class ConfirmationTokens:
    def __init__(self, pipe: CommandPipeline, keys: Keys) -> None:
        self._pipe = pipe
        self._keys = keys

    async def give(self, caller: str, terms: str, price: float | None) -> str:
        """A token for this order at this price. Raises ToolError bus_down."""
        low, high = (price * (1 - BAND), price * (1 + BAND)) if price else (None, None)
        token = secrets.token_urlsafe(24)
        with bus_errors(self._pipe.url):
            await store_preview(self._pipe, self._keys, token, TokenGrant(caller, terms, low, high))
        return token

    async def use(self, token: str, key: str, caller: str, terms: str, price: float | None) -> None:
        """Use the token up, for all but this key. Raises ToolError confirmation_invalid, naming what does not fit."""
        if not TOKEN.fullmatch(token):
            raise _invalid("it is no token of ibkr_preview_order")
        with bus_errors(self._pipe.url):
            previewed = await take_preview(self._pipe, self._keys, token, key)
        if previewed is None:
            why = "it is unknown, used already, older than 120 seconds, or from before a halt"
            raise _invalid(why, "if it was used, find its order by ibkr_get_open_orders or ibkr_get_executions; else ")
        if previewed.caller != caller:
            raise _invalid("it was given to another client")
        if previewed.terms != terms:
            raise _invalid("it was given for an order with other terms")
        if previewed.low is not None and previewed.high is not None:
            if price is None:
                raise _invalid("the price can't be compared with the previewed one now")
            if not previewed.low <= price <= previewed.high:
                low, high = digits(previewed.low), digits(previewed.high)
                raise _invalid(f"the price has moved to {digits(price)}, out of {low} to {high}")


def _invalid(why: str, first: str = "") -> ToolError:
    again = "call ibkr_preview_order again, and show the user its answer."
    return ToolError("confirmation_invalid", f"confirmationToken: {why}. Nothing was sent now: {first}{again}")
