"""`python -m tests.ibgateway.simulator.fuzz [COUNT] [SEED]`: malformed input by the million, no socket between.

What must hold for every input: no exception, an answer to every frame that is refused (320 or 507) before the
connection ends, and no order in the world that is not, field by field, what a frame on the wire said.
"""

from __future__ import annotations

import random
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import ibgateway.simulator.handlers  # noqa: F401 - fills connection.HANDLERS
from ibgateway.simulator.gateway.connection import Connection
from ibgateway.simulator.gateway.gateway import Gateway
from ibgateway.simulator.model.config import START
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.events import Event
from ibgateway.simulator.model.orders import Order
from ibgateway.simulator.wire.frames import HELLO, frame
from ibgateway.simulator.world.world import World, WorldConfig
from tests.stacks.ibgateway.order_frames import SPY, UNSET_DOUBLE, cancel, limit_order, market_order, order, preview

CONTRACT = "\0".join(map(str, SPY))
LONG = "9" * 40
NASTY = [
    "",
    "-1",
    "0",
    "1",
    "NaN",
    "Infinity",
    "1e400",
    "1_0",
    "٣",
    "x" * 300,
    LONG,
    "-0",
    "1.5",
    "2147483648",
    "\n",
    ";",
]


def texts(*fields: object) -> list[str]:
    return [str(one) for one in fields]


# One good frame of nearly every message; what costs the world much to answer is left to the other tests.
GOOD: list[list[str]] = [
    texts(*limit_order(7)),
    texts(*market_order(8)),
    texts(*preview(9)),
    texts(*order(10, "STP", 1)),
    texts(*cancel(7)),
    texts(58, "", 2147483647),
    texts(9, 8, 42, *SPY, 0, "", "", ""),
    texts(1, 11, 7, *SPY, 0, "233", 0, 0, ""),
    texts(1, 11, 7, *SPY, 0, "", 1, 0, ""),
    texts(2, 2, 7),
    texts(59, 1, 3),
    texts(10, 5, 7, *SPY, 5, 0, ""),
    texts(11, 1, 7, 0),
    texts(97, 7, *SPY, "Last", 0, 0),
    texts(98, 7),
    texts(50, 3, 7, *SPY, 5, "TRADES", 0, ""),
    texts(20, 7, *SPY, 0, "", "1 min", "300 S", 1, "TRADES", 1, 0, ""),
    texts(25, 1, 7),
    texts(87, 7, *SPY, 0, 1, "TRADES", 1),
    texts(96, 7, *SPY, 0, "20250611 10:00:00 US/Eastern", "", 3, "TRADES", 1, 0, ""),
    texts(54, 3, 7, *SPY, 5, 375, ""),
    texts(78, 7, "SPY", "", "STK", 756733),
    texts(81, 7, "app"),
    texts(91, 26),
    texts(83, 7, "9c0001"),
    texts(6, 2, 1, "DU1234567"),
    texts(62, 1, 7, "All", "NetLiquidation"),
    texts(63, 1, 7),
    texts(61, 1),
    texts(74, 1, 7, "DU1234567", ""),
    texts(76, 1, 7, "DU1234567", "", 0),
    texts(92, 7, "DU1234567", ""),
    texts(94, 7, "DU1234567", "", 756733),
    texts(7, 3, 7, 0, "", "", "", "", "", "", 2147483647, 0),
    texts(5, 1),
    texts(16, 1),
    texts(99, 0),
    texts(21, 2, 7, *SPY[:8], *SPY[9:], 1, 1, "DU1234567", 0, "", "", 0),
    texts(22, 7, 5, "STK", "STK.US.MAJOR", "TOP_PERC_GAIN", *[""] * 17, "", ""),
    texts(12, 1, 1),
    texts(84, 7, "BRFG", "BRFG$1", ""),
    texts(86, 7, 265598, "BRFG", "", "", 3, ""),
    texts(102, 7, 265598, "", 0, 0, 0, "", "", 10),
    texts(19, 1, 1, "<ListOfGroups/>", 7),
    texts(67, 1, 7),
    texts(68, 1, 7, 1),
    texts(69, 1, 7, "8314@SMART"),
    texts(49, 1),
    texts(8, 1, 1),
    texts(14, 1, 5),
]


WORLD_LASTS = 20_000  # inputs; a new world draws its market anew, which takes longer than they do
ORDER_FIELDS = len(limit_order(1)) + 1  # with what follows the last zero byte
WHAT_IF = -36
assert preview(1)[WHAT_IF + 1] == 1
ORDERS = GOOD[:4]


def spoilt_fields(chance: random.Random, good: list[str]) -> bytes:
    """A good frame with fields changed, dropped, added, swapped."""
    fields = list(good)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        at = chance.randrange(len(fields))
        match chance.randrange(6):
            case 0:
                fields[at] = chance.choice(NASTY)
            case 1:
                del fields[at]
            case 2:
                fields.insert(at, chance.choice(NASTY))
            case 3:
                other = chance.randrange(len(fields))
                fields[at], fields[other] = fields[other], fields[at]
            case 4:
                fields = fields[: at + 1]
            case _:
                fields[at] = str(chance.randrange(-5, 500))
        if not fields:
            return b"\0"
    return ("\0".join(fields) + "\0").encode("utf-8")


def spoilt_bytes(chance: random.Random, good: list[str]) -> bytes:
    """A good frame with bytes flipped, cut or repeated."""
    data = bytearray("\0".join(good).encode() + b"\0")
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at]
            case 2:
                data[at:at] = chance.randbytes(chance.randrange(1, 4))
            case _:
                del data[at:]
        if not data:
            return b"\0"
    return bytes(data)


def framed_badly(chance: random.Random, payload: bytes) -> bytes:
    """A length that is not the payload's."""
    wrong = chance.choice((0, len(payload) - 1, len(payload) + 1, chance.randrange(1 << 32), 1 << 20, (1 << 20) + 1))
    return struct.pack(">I", max(0, wrong) & 0xFFFFFFFF) + payload


Spoil = Callable[[random.Random, list[str]], bytes]


def inputs(chance: random.Random) -> Iterator[bytes]:
    """Bytes for a client that is past the handshake."""
    spoils: tuple[Spoil, ...] = (spoilt_fields, spoilt_fields, spoilt_bytes)
    while True:
        good = chance.choice(GOOD)
        if chance.randrange(5) == 0:
            good = chance.choice(ORDERS)
            good[1] = str(chance.randrange(1, 1_000_000))
        payload = chance.choice(spoils)(chance, good)
        kind = chance.randrange(100)
        if kind < 4:
            yield framed_badly(chance, payload)
        elif kind < 5:
            yield chance.randbytes(chance.randrange(1, 200))
        elif kind < 6:
            yield frame(b"%d\0" % chance.randrange(106, 400) + payload)
        elif payload:
            yield frame(payload)


class Watched(World):
    """A world that remembers the orders that reach it."""

    def __init__(self, config: WorldConfig) -> None:
        super().__init__(config)
        self.sent: list[Order] = []

    def place_order(self, clientId: int, orderId: int, contract: Contract, order: Order) -> list[Event]:
        self.sent.append(order)
        return super().place_order(clientId, orderId, contract, order)


@dataclass
class Fuzzer:
    """One world, one client after the other; restarted now and then so that nothing piles up."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.begin()

    def begin(self) -> None:
        self.world = Watched(WorldConfig(1, START))
        self.gateway = Gateway(self.world)
        self.connection = self.connect()

    def connect(self) -> Connection:
        connection = self.gateway.connect()
        assert connection is not None
        connection.receive(HELLO + frame(b"v100..200") + frame(b"71\x002\x001\0\0"))
        connection.finish()
        assert connection.clientId == 1
        connection.take()
        return connection

    def step(self, data: bytes) -> None:
        """Feed one input and check what must hold."""
        connection = self.connection
        for at in range(0, len(data), 4096):
            connection.receive(data[at : at + 4096])
            connection.finish()
        told = connection.take()
        for sent in self.world.sent:
            self.check_order(sent, data)
        self.counts["orders"] += len(self.world.sent)
        self.world.sent.clear()
        if connection.closing:
            self.check_refusal(told)
            self.gateway.disconnect(connection)
            self.connection = self.connect()
            self.counts["refused"] += 1
        elif connection.unfinished:
            self.gateway.disconnect(connection)  # it waits for the rest of a frame, as it must
            self.connection = self.connect()
            self.counts["incomplete"] += 1
        elif any(payload.split(b"\0")[2] == b"320" for payload in told if payload.startswith(b"4\0")):
            self.counts["refused"] += 1
        else:
            self.counts["handled"] += 1

    def check_refusal(self, told: list[bytes]) -> None:
        codes = [payload.split(b"\0")[2] for payload in told if payload.startswith(b"4\0")]
        assert codes, "a connection ended without a word"
        assert codes[-1] in {b"320", b"507"}, codes

    def check_order(self, sent: Order, data: bytes) -> None:
        """An order says what its frame says: read here by position, not by the simulator's own layout."""
        fields = data[4:].decode().split("\0")
        fields += [""] * (ORDER_FIELDS - len(fields))  # what is left out at the end is unset
        assert fields[0] == "3", f"an order out of message {fields[0]!r}"
        assert sent.action == fields[16]
        assert sent.totalQuantity == Decimal(fields[17])
        assert sent.orderType == fields[18]
        assert fields[19] in {"", UNSET_DOUBLE} if sent.lmtPrice is None else sent.lmtPrice == float(fields[19])
        assert len(fields) != ORDER_FIELDS or sent.whatIf == (fields[WHAT_IF] == "1"), "a preview and an order mixed up"

    def run(self, count: int) -> Counter[str]:
        source = inputs(self.chance)
        for number in range(count):
            if number % WORLD_LASTS == WORLD_LASTS - 1:
                self.begin()
            if number % 50 == 49:
                self.gateway.advance(self.world.now + 0.3)
                self.connection.finish()
                self.connection.take()
            self.step(next(source))
        return self.counts


def main(count: int, seed: int) -> None:
    before = time.monotonic()
    counts = Fuzzer(seed).run(count)
    seconds = time.monotonic() - before
    told = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    print(f"{count} inputs, seed {seed}, {seconds:.0f} s: {told}; no crash, no wrong order")  # noqa: T201 - a command


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
