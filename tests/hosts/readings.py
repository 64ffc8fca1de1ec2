"""The same calls as a host's model reads them: the script, and the checks of each result."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mcp_front.tools.server import INSTRUCTIONS
from tests.hosts.models.scripted_model import HostRequest, Step
from tests.hosts.stack import Stack

HEAD = 200  # characters, by which a model must know how many rows there are and how many it has
FILLS_AFTER_S = 2.0
CODEX_PREFIX = re.compile(r"\AWall time: [^\n]*\nOutput:\n?")
LIMIT_PRICE = 150.0  # below the market: the order waits until it is filled by hand
MINUTES = {"symbol": "AAPL", "durationStr": "1 W", "barSizeSetting": "1 min"}

Answer = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """One call of the script, and the check of its result."""

    name: str
    step: Step
    faults: Callable[[Answer, str], Iterator[str]]


def script(stack: Stack, key: str, totalQuantity: int) -> list[Reading]:
    """Return the calls of one run; key and quantity are its order's own."""
    return [
        Reading("positions", Step("ibkr_get_positions"), _positions),
        Reading("a year of daily bars", Step("ibkr_get_historical_data", {"symbol": "AAPL"}), _year),
        Reading("a week of minutes", Step("ibkr_get_historical_data", MINUTES), _week),
        Reading("an order", placement(key, totalQuantity), _order),
        Reading("a wait for its fill", wait_for_fill(stack, key, FILLS_AFTER_S), _fill),
    ]


def placement(key: str, totalQuantity: int = 1) -> Step:
    """Return a call that places an order; equal ones within a minute would be taken for a mistake."""
    order = {"symbol": "AAPL", "action": "BUY", "orderType": "LMT", "lmtPrice": LIMIT_PRICE}
    return Step("ibkr_place_order", order | {"totalQuantity": totalQuantity, "idempotencyKey": key})


def wait_for_fill(stack: Stack, key: str, seconds: float) -> Step:
    """Return a call that waits for an order's fill, which comes `seconds` after the host has the call."""

    def fill_later() -> None:
        threading.Timer(seconds, stack.fill_last).start()

    events = [{"event": "order_filled", "orderKey": key}]
    return Step("ibkr_wait_for", {"events": events, "timeout_seconds": 50}, fill_later)


def read(reading: Reading, text: str) -> tuple[str, list[str]]:
    """Return a line about a result as the model reads it, and its faults."""
    text = CODEX_PREFIX.sub("", text)
    try:
        answer = json.loads(text)
    except ValueError:
        return f"{reading.name}: {len(text):,} characters", [f"no whole JSON, the host cut it: {text[:HEAD]} …"]
    return f"{reading.name}: {len(text):,} characters{_rows(answer)}", list(reading.faults(answer, text))


def before_a_call(requests: list[HostRequest]) -> Iterator[str]:
    """Name what the model is not shown of the server before its first call."""
    shown = json.dumps([request.body for request in requests[:1]], ensure_ascii=False)
    first = INSTRUCTIONS.splitlines()[0].rstrip(".")
    if first not in shown:
        start = next((end for end in range(len(first), 0, -1) if first[:end] in shown), 0)
        yield f"the instructions' first sentence is cut after {start} of {len(first)} characters"


def rows(answer: Answer) -> list[Any]:
    """Return the rows of a list's answer, whichever form it has."""
    found = answer.get("result", answer.get("rows", []))
    return found if isinstance(found, list) else []


def _rows(answer: Answer) -> str:
    if not {"result", "rows"} & answer.keys():
        return ""
    count = answer.get("count", "?")
    return f", {len(rows(answer)):,} rows of {count}"


def _positions(answer: Answer, text: str) -> Iterator[str]:
    if not rows(answer):
        yield f"no positions: {text[:HEAD]}"


def _year(answer: Answer, text: str) -> Iterator[str]:
    yield from _counted(text)
    if not 248 <= len(rows(answer)) <= 256:
        yield f"{len(rows(answer))} daily bars, and a year has about 250"


def _week(answer: Answer, text: str) -> Iterator[str]:
    yield from _counted(text)
    head = text[:HEAD]
    there, here = re.search(r'"count":\s*(\d+)', head), len(rows(answer))
    if there and int(there[1]) != here and '"truncated":true' not in head.replace(" ", ""):
        yield f"the head does not say that {here} of {there[1]} bars are here: {head}"


def _counted(text: str) -> Iterator[str]:
    if not re.search(r'"count":\s*\d+', text[:HEAD]):
        yield f"the first {HEAD} characters do not say how many rows there are: {text[:80]} …"


def _order(answer: Answer, text: str) -> Iterator[str]:
    if answer.get("status") not in {"Submitted", "PreSubmitted"}:
        yield f"the order does not wait at IBKR: {text[:HEAD]}"


def _fill(answer: Answer, text: str) -> Iterator[str]:
    if answer.get("event") != "order_filled":
        yield f"the wait did not end at the fill: {text[:HEAD]}"
