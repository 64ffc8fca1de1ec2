"""Differences of two transcripts of the same requests: messages, their order, field counts, classes of fields."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from ibgateway.recorder.replay.request_equality import exact, facts, loose
from ibgateway.recorder.transcript.correlation import (
    ABOUT_ORDERS,
    ERROR,
    OPEN_ORDER,
    ORDER_STATUS,
    RequestExchange,
    exchanges,
)
from ibgateway.recorder.transcript.scrub import UNSET
from ibgateway.recorder.transcript.transcript import Line, TranscriptFrame, clients

# Their number and order are the market's or the account's doing, so only that they come, and how, is compared.
STREAMS = frozenset({1, 2, 6, 7, 8, 12, 13, 14, 21, 45, 46, 47, 50, 84, 90, 94, 95, 99})
RARE = 3  # a stream's message that came less often may be missing by chance
NOTICES = range(2100, 2170)  # the farms' state, whenever it changes
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.[0-9]*|[0-9]*\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][+-]?[0-9]+)?|NaN|-?Infinity")
_PADDED = re.compile(r"[+-]?[0-9]*\.(?:[0-9]*0)?(?:[eE].*)?|[^.]*[eE].*")  # a double or of fixed length


@dataclass(frozen=True)
class Difference:
    """A line of the table; `recorded` and `simulated` say what each side has."""

    request: str
    message: str
    what: str
    recorded: str
    simulated: str


Found = dict[Difference, list[float]]


def compare(recorded: Iterable[Line], simulated: Iterable[Line]) -> Found:
    """Each difference with the times of the recorded requests in whose answers it appears."""
    found: Found = {}
    others = clients(simulated)
    for client, lines in clients(recorded).items():
        for one, other in _pairs(_by_order(lines), _by_order(others.get(client, []))):
            for difference in _request_missing(one) if other is None else _compare(one, other):
                found.setdefault(difference, []).append(one.request.at)
    return found


def table(found: Found, other: str = "simulator") -> str:
    """Return the differences as a Markdown table; `other` names the side that is not the recording."""
    rows: list[tuple[str, ...]] = [("request", "message", "what", "recorded", other, "times", "first at")]
    for difference, at in found.items():
        cells = map(_cell, (getattr(difference, each.name) for each in fields(difference)))
        rows.append((*cells, str(len(at)), f"{at[0]:.3f} s"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = (
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    )
    return "\n".join(lines)


def field_class(text: str) -> str:
    """integer, decimal, unset, text or empty."""
    if not text:
        return "empty"
    if text in UNSET:
        return "unset"
    if _INTEGER.fullmatch(text):
        return "integer"
    return "decimal" if _DECIMAL.fullmatch(text) else "text"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _by_order(lines: Iterable[Line]) -> list[RequestExchange]:
    """Join all frames about one order in one exchange, since the request that they answer depends on timing."""
    found: list[RequestExchange] = []
    orders: dict[str, RequestExchange] = {}
    for exchange in exchanges(lines):
        orderId = exchange.request.get("orderId")
        if orderId not in orders:
            found.append(exchange)
            orders |= {orderId: exchange} if orderId is not None else {}
        replies, exchange.replies = exchange.replies, []
        for index, reply in replies:
            about = orders.get(reply.get("orderId") or "") if reply.msgId in ABOUT_ORDERS else None
            (about or orders.get(orderId or "") or exchange).replies.append((index, reply))
    for order in orders.values():
        order.replies.sort(key=lambda reply: reply[0])
    return found


def _pairs(
    recorded: Sequence[RequestExchange], others: Sequence[RequestExchange]
) -> list[tuple[RequestExchange, RequestExchange | None]]:
    """Pair each recorded request with the other side's next one that is exactly, else loosely, the same."""
    left = _Left(others)
    return [(one, left.take(one)) for one in recorded]


class _Left:
    """The other transcript's exchanges without a partner so far, by the arguments of their requests."""

    def __init__(self, others: Sequence[RequestExchange]) -> None:
        self._taken: set[int] = set()
        self._by: dict[Key, deque[RequestExchange]] = {}
        for one in others:
            for key in _keys(one):
                self._by.setdefault(key, deque()).append(one)

    def take(self, wanted: RequestExchange) -> RequestExchange | None:
        for key in _keys(wanted) if wanted.request.known else ():
            waiting = self._by.get(key, deque())
            while waiting:
                one = waiting.popleft()
                if one.index not in self._taken:
                    self._taken.add(one.index)
                    return one
        return None


Key = tuple[int, str, frozenset[tuple[str, str]]]


def _keys(exchange: RequestExchange) -> tuple[Key, Key]:
    msgId, said = exchange.request.msgId, facts(exchange.request)
    return (msgId, "exact", frozenset(exact(said).items())), (msgId, "loose", frozenset(loose(said).items()))


def _request_missing(one: RequestExchange) -> list[Difference]:
    request = one.request
    asked = "asked" if request.known else f"{len(request.fields)} fields, which fit no layout"
    return [Difference(request.message, "", "request", asked, "never asked")]


def _compare(one: RequestExchange, other: RequestExchange) -> list[Difference]:
    request = one.request.message
    ours, theirs = _labelled(one), _labelled(other)
    found = [
        *_presence(request, ours, theirs),
        *_order(request, ours, theirs),
    ]
    for label in dict.fromkeys(label for label, _ in ours):
        mine = [entry for each, entry in ours if each == label]
        its = [entry for each, entry in theirs if each == label]
        if its:
            found += _fields(request, label, mine, its)
    return found


Labelled = list[tuple[str, TranscriptFrame]]


def _labelled(exchange: RequestExchange) -> Labelled:
    """Return each answer with its label: an error's code, an order's status."""
    pairs = ((_label(entry), entry) for _, entry in exchange.replies)
    return [(label, entry) for label, entry in pairs if label]


def _label(entry: TranscriptFrame) -> str:
    """Return a frame's label; empty for frames that are not compared."""
    if entry.msgId == ERROR:
        code = entry.get("errorCode") or ""
        return "" if code.isdecimal() and int(code) in NOTICES else f"error {code}".strip()
    if entry.msgId in {ORDER_STATUS, OPEN_ORDER}:
        return f"{entry.message} {entry.get('status') or ''}".strip()
    return entry.message


def _presence(request: str, ours: Labelled, theirs: Labelled) -> list[Difference]:
    mine, its = Counter(label for label, _ in ours), Counter(label for label, _ in theirs)
    streams = {label for label, entry in [*ours, *theirs] if entry.msgId in STREAMS}
    return [
        Difference(request, label, "message", _often(mine[label]), _often(its[label]))
        for label in dict.fromkeys([*mine, *its])
        if (mine[label] == 0) != (its[label] == 0) and not (label in streams and max(mine[label], its[label]) < RARE)
    ]


def _often(times: int) -> str:
    return "comes" if times else "never"


def _order(request: str, ours: Labelled, theirs: Labelled) -> list[Difference]:
    common = {label for label, _ in ours} & {label for label, _ in theirs}
    mine, its = _sequence(ours, common), _sequence(theirs, common)
    if mine == its:
        return []
    return [Difference(request, "", "order of messages", ", ".join(mine), ", ".join(its))]


def _sequence(labelled: Labelled, common: set[str]) -> list[str]:
    """Return labels in the order of their first frames, without streams: gateways repeat an order's state at will."""
    return list(dict.fromkeys(label for label, entry in labelled if label in common and entry.msgId not in STREAMS))


def _fields(
    request: str, label: str, mine: Sequence[TranscriptFrame], its: Sequence[TranscriptFrame]
) -> list[Difference]:
    if not all(entry.known for entry in [*mine, *its]):
        counts = [" or ".join(str(n) for n in sorted({len(entry.fields) for entry in side})) for side in (mine, its)]
        if counts[0] == counts[1]:
            return []
        return [Difference(request, label, "fields", f"{counts[0]} fields", f"{counts[1]} fields")]
    ours, theirs = _texts(mine), _texts(its)
    return [
        Difference(request, label, f"class of {name}", _classes(texts), _classes(theirs[name]))
        for name, texts in ours.items()
        if name in theirs and not _agree(texts, theirs[name])
    ]


def _texts(entries: Sequence[TranscriptFrame]) -> dict[str, set[str]]:
    """Return the texts of each field, over all messages of a kind."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        for name, text in zip(entry.names, entry.fields, strict=True):
            found.setdefault(name, set()).add(text)
    return found


def _classes(texts: set[str]) -> str:
    return ", ".join(sorted({field_class(text) for text in texts}))


def _agree(mine: set[str], its: set[str]) -> bool:
    """Report if both sides' texts share a class; without texts such as `1.0`, integers and decimals are one class."""
    classes = [{field_class(text) for text in texts} for texts in (mine, its)]
    if not any(_PADDED.fullmatch(text) for text in mine | its):
        classes = [{"integer" if each == "decimal" else each for each in side} for side in classes]
    return bool(classes[0] & classes[1])
