"""The tool calls that fronts have answered, published for whoever watches now. Nothing of it is kept.

A front publishes many calls in one message. While nobody listens that is one command in two seconds, and none while
nobody calls. A call has its symbol, side and quantity, and nothing else of its arguments.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.text.plain_text import one_line

HEARD_S = 0.1  # between two messages while somebody listens
UNHEARD_S = 2.0  # while nobody does: a new listener sees the calls of so long at once
MOST = 100  # calls in a message; of more the newest, and their numbers show how many are missing
LONGEST = 32  # characters of each text
LARGEST = 10**15  # of a number
SHOWN = 3  # contracts of a call that names several


class TracedCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call that was answered. `at_ms`: milliseconds since 1970 by the front's clock. `about`: such as BUY 10 SPY."""

    tool: str
    caller: str
    client: str
    outcome: str
    ms: float
    at_ms: int
    about: str = ""


class CallBatch(msgspec.Struct, frozen=True):
    """Calls of one front in their order. `first`: the number of the first of them since the front started, from 1."""

    front: str
    first: int
    calls: tuple[TracedCall, ...]


_BATCHES = msgspec.json.Decoder(CallBatch)


def decode_calls(message: bytes) -> CallBatch:
    """Decode what a front sends of its calls. Raises msgspec.DecodeError."""
    return _BATCHES.decode(message)


class CallTrace:
    """One front's calls. `front`: a name that no other front has, nor this one before a restart."""

    def __init__(self, pipe: CommandPipeline, keys: Keys, front: str, unheard_s: float = UNHEARD_S) -> None:
        self._pipe = pipe
        self._channel = keys.calls
        self._front = front
        self._unheard_s = unheard_s
        self._ended: deque[TracedCall] = deque(maxlen=MOST)
        self._count = 0
        self._heard = False
        self._waits = False

    def ended(self, tool: str, caller: str, client: str, outcome: str, ms: float, arguments: Mapping[str, Any]) -> None:
        """Note a call's end. `arguments` are as the client sent them, valid or not."""
        self._count += 1
        about = called_about(arguments) if arguments else ""
        self._ended.append(
            TracedCall(tool, _text(caller), _text(client), outcome, ms, round(time.time() * 1000), about)
        )
        if not self._waits:
            self._waits = True
            asyncio.get_running_loop().call_later(HEARD_S if self._heard else self._unheard_s, self._publish)

    def _publish(self) -> None:
        self._waits = False
        calls = tuple(self._ended)
        self._ended.clear()
        batch = CallBatch(self._front, self._count - len(calls) + 1, calls)
        self._pipe.send("SPUBLISH", self._channel, msgspec.json.encode(batch)).add_done_callback(self._published)

    def _published(self, sent: asyncio.Future[Any]) -> None:
        self._heard = not sent.cancelled() and sent.exception() is None and sent.result() > 0


def called_about(arguments: Mapping[str, Any]) -> str:
    """Return side, quantity and symbol of a call, as far as it names them."""
    words = [arguments.get("action"), arguments.get("totalQuantity"), *_symbols(arguments)]
    return " ".join(filter(None, map(_text, words)))


def _symbols(arguments: Mapping[str, Any]) -> list[Any]:
    if "symbol" in arguments:
        return [arguments["symbol"]]
    several = arguments.get("contracts")
    if not isinstance(several, list):
        return []
    named = [each.get("symbol") if isinstance(each, Mapping) else each for each in several[:SHOWN]]
    return [*named, "…"] if len(several) > SHOWN else named


def _text(value: object) -> str:
    """Return a text or a number in a bounded form; empty for anything else."""
    if isinstance(value, str):
        return one_line(value, LONGEST)
    return f"{value:.12g}" if isinstance(value, (int, float)) and -LARGEST < value < LARGEST else ""
