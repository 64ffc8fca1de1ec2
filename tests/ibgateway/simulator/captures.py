"""`python -m tests.ibgateway.simulator.captures FILE`: captured frames of real gateways against the simulator's own.

FILE has a JSON object a line: a transcript of the recorder, or loose frames `{"server_version": 200, "dir": "in",
"fields": ["62", "1"]}`. Each frame to a client is read by its message's layout at its version, and the class of each
field is looked up among those that the simulator sends in that field. It ends with 1 where there is a difference.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from ibgateway.recorder.layouts.field_grammar import LayoutMismatch
from ibgateway.recorder.layouts.replies import REPLIES
from ibgateway.simulator.gateway.connection import Connection
from ibgateway.simulator.gateway.gateway import Gateway
from ibgateway.simulator.model.config import START
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.frames import HELLO, frame
from ibgateway.simulator.world.world import World, WorldConfig
from tests.ibgateway.simulator.scenarios.test_every_request_is_answered import ANSWERED, CALL
from tests.stacks.ibgateway.order_frames import SPY, Frame, limit_order, market_order, order, preview

WORLD_AAPL = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
ORDERS = [  # what no frame above has; the last two belong together
    Order(orderType="TRAIL LIMIT", auxPrice=1.0, trailStopPrice=2000.0, lmtPriceOffset=0.05),
    Order(orderType="TRAIL", trailingPercent=5.0, ocaGroup="one of them", ocaType=2),
    Order(orderType="LMT", lmtPrice=100.0, tif="GTD", goodTillDate="20250613 16:00:00 US/Eastern"),
    Order(orderType="LMT", lmtPrice=100.0, goodAfterTime="20250611 15:00:00 US/Eastern"),
    Order(orderType="LMT", lmtPrice=100.0, algoStrategy="Adaptive", algoParams=(("adaptivePriority", "Normal"),)),
    Order(orderType="LMT", lmtPrice=100.0, cashQty=500.0, orderRef="ours", modelCode=""),
    Order(orderType="LMT", lmtPrice=100.0, tif="GTC"),
    Order(orderType="LMT", lmtPrice=90.0, tif="GTC", parentId=56),
]
ES = (0, "ES", "FUT", "202509", "", "", "", "CME", "", "USD", "", "")
EURUSD = (0, "EUR", "CASH", "", "", "", "", "IDEALPRO", "", "USD", "", "")
GENERICS = "100,101,104,106,165,221,225,233,236,292,293,294,295,318,411,456,595"
SUBSCRIBED: list[Frame] = [
    (1, 11, 101, *SPY, 0, GENERICS, 0, 0, ""),
    (1, 11, 102, *CALL, 0, "", 0, 0, ""),
    (1, 11, 103, *EURUSD, 0, "", 0, 0, ""),
    (1, 11, 104, *SPY, 0, "", 1, 0, ""),
    (1, 11, 105, *ES, 0, "", 0, 0, ""),
    (10, 5, 106, *SPY, 10, 1, ""),
    (10, 5, 107, *ES, 10, 0, ""),
    (49, 1),
    *((97, 108 + n, *SPY, kind, 0, 0) for n, kind in enumerate(("Last", "AllLast", "BidAsk", "MidPoint"))),
    (50, 3, 112, *SPY, 5, "TRADES", 0, ""),
    (20, 113, *SPY, 0, "", "1 min", "600 S", 0, "TRADES", 1, 1, ""),
    (20, 114, *SPY, 0, "", "1 day", "1 M", 1, "TRADES", 1, 0, ""),
    (20, 115, *SPY, 0, "", "1 hour", "2 D", 1, "MIDPOINT", 1, 0, ""),
    (9, 8, 116, *ES, 0, "", "", ""),
    (9, 8, 117, *CALL, 0, "", "", ""),
    (78, 118, "ES", "CME", "FUT", 495512563),
    (12, 1, 1),
]
TRADED: list[Frame] = [
    market_order(1, 3),
    limit_order(2),
    preview(3),
    (*order(4, "STP", 1, action="SELL")[:20], 90.0, *order(4, "STP", 1)[21:]),
    order(5, "LMT", 10**9, 100.0),
]
LISTED: list[Frame] = [
    (5, 1),
    (16, 1),
    (7, 3, 201, 0, "", "", "", "", "", "", 2147483647, 0),
    (58, "", 2147483647),
    (99, 0),
    (61, 1),
    (74, 1, 202, "DU1234567", ""),
    (6, 2, 1, ""),
]
UNSET = {
    "1.7976931348623157E308": "unset double",
    "2147483647": "unset integer",
    "9223372036854775807": "unset long",
    "-9223372036854775808": "unset decimal",
}
SHAPES = {
    "time with zone": re.compile(r"\d{8} \d\d:\d\d:\d\d [A-Za-z][\w /+-]*"),
    "time with two spaces": re.compile(r"\d{8}  \d\d:\d\d:\d\d"),
    "time in UTC": re.compile(r"\d{8}-\d\d:\d\d:\d\d"),
    "time with a fraction": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+"),
    "clock": re.compile(r"\d\d:\d\d"),
    "integer": re.compile(r"[+-]?\d+"),
    "number": re.compile(r"[+-]?\d*\.\d*[1-9]"),  # as short as it can be
    "padded number": re.compile(r"[+-]?\d*\.\d*0|[+-]?\d(\.\d+)?E-?\d+"),
}
# A field that may hold any of these holds what the market or the user says: `255.4` and `255` are one class.
ALIKE = [{"integer", "number"}, {"number", "padded number"}]
FREE = {
    "ocaGroup",
    "orderRef",
    "submitter",
    "account",
    "accountsList",
    "symbol",
    "localSymbol",
}  # may look like anything


@dataclass(frozen=True)
class Captured:
    """One frame of a real gateway."""

    line: int
    version: int
    fields: tuple[str, ...]

    @property
    def message(self) -> str:
        known = REPLIES.get(int(self.fields[0]))
        return known.name if known else f"message {self.fields[0]}"


def kind(text: str) -> str:
    """The class of a field's text."""
    if not text:
        return "empty"
    return UNSET.get(text) or next((name for name, shape in SHAPES.items() if shape.fullmatch(text)), "text")


def captured(lines: Iterable[str]) -> Iterator[Captured]:
    """The frames to a client, of either kind of file."""
    for number, line in enumerate(lines, 1):
        one: dict[str, Any] = json.loads(line)
        version = one.get("server_version", one.get("version", 0))
        if "fields" in one and version and one.get("dir", one.get("direction")) in {"in", "to client"}:
            yield Captured(number, version, tuple(one["fields"]))


# --- what the simulator sends ---------------------------------------------------------------------------------------


class Client:
    """One client that asks as version 200 asks, and is answered as another version is."""

    def __init__(self, version: int) -> None:
        self.gateway = Gateway(World(WorldConfig(1, START)))
        connection = self.gateway.connect()
        assert connection is not None
        self.connection: Connection = connection
        connection.receive(HELLO + frame(f"v100..{version}".encode()) + frame(b"71\x002\x001\0\0"))
        connection.finish()

    def ask(self, fields: Frame) -> None:
        payload = "".join(f"{field}\0" for field in fields).encode()
        self.connection._answer(requests.decode(payload, 200))
        self.connection.finish()

    def place(self, orderId: int, order: Order) -> None:
        asked = replace(order, action="BUY", totalQuantity=Decimal(1), tif=order.tif or "DAY")
        self.gateway.route(self.gateway.world.place_order(1, orderId, WORLD_AAPL, asked))

    def wait(self, seconds: float) -> None:
        self.gateway.advance(self.gateway.world.now + seconds)
        self.connection.finish()


@cache
def sent(version: int) -> list[list[str]]:
    """Every message that the simulator has, in many variants."""
    client = Client(version)
    for request, _, _ in ANSWERED:
        client.ask(request)
    for request in SUBSCRIBED:
        client.ask(request)
    for request in TRADED:
        client.ask(request)
        client.wait(1)
    client.ask(order(6, "MKT", 1)[:2] + CALL + order(6, "MKT", 1)[14:])
    for orderId, one in enumerate(ORDERS, 50):
        client.place(orderId, one)
    for _ in range(12):
        client.wait(1)
    for request in LISTED:
        client.ask(request)
    told = [*map(texts, client.connection.take())]
    headline = next(one for one in told if one[0] == "86")
    client.ask((84, 301, headline[3], headline[4], ""))
    return [*told, *map(texts, client.connection.take())]


def texts(payload: bytes) -> list[str]:
    return payload.decode().removesuffix("\0").split("\0")


@cache
def classes(version: int) -> dict[tuple[str, str], set[str]]:
    """The classes that each field of each message has, as the simulator sends it."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for fields in sent(version):
        layout = REPLIES[int(fields[0])] if fields[0].isdecimal() and int(fields[0]) in REPLIES else None
        if layout is not None and fields[0] != str(version):
            for name, text in zip(layout.names(version, fields), fields, strict=True):
                found[layout.name, name].add(kind(text))
    return found


# --- the comparison -------------------------------------------------------------------------------------------------


def differences(frames: Iterable[Captured]) -> Iterator[str]:
    for one in frames:
        yield from _differences(one, classes(one.version))


def _differences(one: Captured, ours: dict[tuple[str, str], set[str]]) -> Iterator[str]:
    where = f"line {one.line}: {one.message} of version {one.version}"
    layout = REPLIES.get(int(one.fields[0]))
    if layout is None or (layout.name, "msgId") not in ours:
        yield f"{where}: the simulator does not send it"
        return
    try:
        names = layout.names(one.version, one.fields)
    except LayoutMismatch as unfit:
        yield f"{where}: {unfit}"
        return
    for name, text in zip(names, one.fields, strict=True):
        known, found = ours[layout.name, name], kind(text)
        if not known & _alike(found) and not (name in FREE and known - {"empty"}):
            yield f"{where}: {name} is {found} ({text[:40]!r}), where the simulator sends {', '.join(sorted(known))}"


def _alike(found: str) -> set[str]:
    return {found}.union(*(group for group in ALIKE if found in group))


def main(path: Path) -> int:
    with path.open(encoding="utf-8") as file:
        frames = list(captured(file))
    found = list(differences(frames))
    for line in found:
        print(line)  # noqa: T201 - a command prints
    ids = len({one.fields[0] for one in frames})
    print(f"{len(frames)} frames of {ids} message ids, {len(found)} differences")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.ibgateway.simulator.captures")
    parser.add_argument("file", type=Path, help="captured frames, or a transcript of the recorder")
    raise SystemExit(main(parser.parse_args().file))
