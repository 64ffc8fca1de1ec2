"""A live order of a host at which no person is: it waits for the operator, is approved, and fills under its key."""

import secrets
import threading
from collections.abc import Callable, Iterator

from tests.hosts import claude_code, codex
from tests.hosts.models.scripted_model import Step
from tests.hosts.readings import CODEX_PREFIX
from tests.hosts.stack import Stack

APPROVED_AFTER_S = 3.0  # once the host has the wait for it
HEAD = 300


def script(stack: Stack, key: str) -> list[Step]:
    """Return the calls: the order, the wait for the operator's word, and the same order again."""

    def approve_later() -> None:
        threading.Timer(APPROVED_AFTER_S, stack.approve, [key]).start()

    return steps(key, approve_later)


def steps(key: str, meanwhile: Callable[[], None] | None = None) -> list[Step]:
    """Return the calls, of which the wait begins something else too."""
    order = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1, "idempotencyKey": key}
    events = [{"event": event, "orderKey": key} for event in ("order_approved", "order_refused")]
    return [
        Step("ibkr_place_order", order),
        Step("ibkr_wait_for", {"events": events, "timeout_seconds": 50}, meanwhile),
        Step("ibkr_place_order", order),
    ]


async def read_by_claude(stack: Stack) -> list[str]:
    """Return what the model of `claude -p` reads of the three calls."""
    model = claude_code.model(script(stack, f"claude-{secrets.token_hex(8)}"))
    await claude_code.printed(stack.url, model)
    return model.results()


async def read_by_codex(stack: Stack) -> list[str]:
    """Return what the model of `codex exec` reads of the three calls."""
    model = codex.model(script(stack, f"codex-{secrets.token_hex(8)}"))
    await codex.executed(stack.url, model, forms=True)
    return [CODEX_PREFIX.sub("", text) for text in model.results()]


def faults(results: list[str]) -> Iterator[str]:
    """Name each result that is not what a model must read."""
    for wanted, text in zip(
        ("approval_required", '"event":"order_approved"', '"status":"Filled"'), results, strict=False
    ):
        if wanted not in text:
            yield f"{wanted} is missing: {text[:HEAD]}"
    if len(results) < 3:
        yield f"{len(results)} of 3 results"
