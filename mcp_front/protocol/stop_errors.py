"""Errors of requests that a stop of the front cuts off before their answer."""

from collections.abc import Mapping
from typing import Any

from bridge.tool import Effect, ToolError, ToolSpec

STOPPING = 503  # the HTTP status of what is no call of a tool
RETRY_IN_S = 1  # a front behind the same address, or the next one on it, accepts requests by then
STOPPED = "This front is stopping, and the call had no answer yet."
NOT_BEGUN = "This front is stopping, and the request was not begun."
KEY = "idempotencyKey"


def not_begun() -> ToolError:
    """Return the error of a request that still waited for its turn: nothing of it was done."""
    return ToolError("retry", f"{NOT_BEGUN} Retry in {RETRY_IN_S} second.", retry_after_s=RETRY_IN_S)


def cut_off(declared: ToolSpec | None, arguments: Mapping[str, Any] | None = None) -> ToolError:
    """Return the error of a request that was under way: `retry` where it changes nothing, else `unknown`. `declared`:
    its tool, None where it is no call of one."""
    if declared is None or declared.effect is Effect.READ:
        return ToolError("retry", f"{STOPPED} Retry in {RETRY_IN_S} second.", retry_after_s=RETRY_IN_S)
    if declared.effect is not Effect.WRITE:
        text = f"{STOPPED} It may have been carried out: see ibkr_get_status, or call it again."
        return ToolError("unknown", text, retry_after_s=RETRY_IN_S)
    key = (arguments or {}).get(KEY)
    text = f"{STOPPED} It may have been carried out: check ibkr_get_open_orders and ibkr_get_executions first."
    if not isinstance(key, str):
        return ToolError("unknown", text, retry_after_s=RETRY_IN_S)
    return ToolError("unknown", f"{text} Retry only with the same {KEY}={key}.", retry_after_s=RETRY_IN_S, **{KEY: key})
