"""The script language of faults: one line is one fault, with its time, its verb and its client.

[at TIME | after SECONDS | on MESSAGE [N | each]]  VERB ARGUMENT …  [client ID]
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ibgateway.simulator.wire.names import CLIENT, SERVER

WHAT_IF, ORDER, CONNECT = "whatIf", "order", "connect"  # what `on` knows beside the names of requests


class ScriptError(ValueError):
    """A line that can't be understood."""


@dataclass(frozen=True)
class Now:
    """The moment at which the line is read."""


@dataclass(frozen=True)
class At:
    """An instant of the simulator's clock, as TWS spells it, such as `10:31:00`."""

    text: str


@dataclass(frozen=True)
class After:
    """A number of seconds of the simulator's clock after the line was read."""

    seconds: float


@dataclass(frozen=True)
class On:
    """The arrival of a client's nth such message, or of each."""

    message: str
    nth: int | None = 1


When = Now | At | After | On


@dataclass(frozen=True)
class Step:
    """One line of a script."""

    when: When
    verb: str
    arguments: tuple[Any, ...]
    client: int | None = None
    line: str = ""


@dataclass(frozen=True)
class Argument:
    """The reader of one word of a line; `default` if the word may be left out."""

    read: Callable[[str], Any]
    default: Any = ...


def number(text: str) -> float:
    return float(text)


def word(text: str) -> str:
    return text


def switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise ValueError(f"{text!r} is neither on nor off")
    return text == "on"


def one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is none of {', '.join(words)}")
        return text

    return read


def server_message(text: str) -> int:
    """Read a message of the gateway: its name or its id."""
    msgId = SERVER.get(text) if not text.isdecimal() else int(text)
    if msgId is None:
        raise ValueError(f"{text!r} is not a message of a gateway")
    return msgId


def client_message(text: str) -> str:
    """Read a client's message: its name, `whatIf` or `order` (placeOrder with and without that flag), or `connect`."""
    if text not in CLIENT and text not in {WHAT_IF, ORDER, CONNECT}:
        raise ValueError(f"{text!r} is not a message of a client")
    return text


REST = "rest"  # takes all words that are left
VERBS: dict[str, tuple[Argument | str, ...]] = {}


def parse(line: str) -> Step | None:
    """Read one line; return None for an empty line or a comment."""
    try:
        words = shlex.split(line, comments=True)
        if not words:
            return None
        when, words = _when(words)
        client = None
        if len(words) >= 2 and words[-2] == "client":
            client = int(words[-1])
            words = words[:-2]
        if not words or words[0] not in VERBS:
            raise ValueError(f"{' '.join(words[:1])!r} is not a fault; the faults are {', '.join(sorted(VERBS))}")
        return Step(when, words[0], _arguments(VERBS[words[0]], words[1:]), client, line.strip())
    except ValueError as error:
        raise ScriptError(f"{line.strip()!r}: {error}") from error


def _when(words: list[str]) -> tuple[When, list[str]]:
    match words:
        case ["at", text, *rest]:
            return At(text), rest
        case ["after", seconds, *rest]:
            return After(float(seconds)), rest
        case ["on", message, "each", *rest]:
            return On(client_message(message), None), rest
        case ["on", message, nth, *rest] if nth.isdecimal():
            return On(client_message(message), int(nth)), rest
        case ["on", message, *rest]:
            return On(client_message(message)), rest
    return Now(), words


def _arguments(wanted: tuple[Argument | str, ...], words: list[str]) -> tuple[Any, ...]:
    found: list[Any] = []
    left = list(words)
    for argument in wanted:
        if isinstance(argument, str):
            found.append(tuple(left))
            left = []
        elif left:
            found.append(argument.read(left.pop(0)))
        elif argument.default is ...:
            raise ValueError("an argument is missing")
        else:
            found.append(argument.default)
    if left:
        raise ValueError(f"{' '.join(left)!r} is more than the verb takes")
    return tuple(found)
