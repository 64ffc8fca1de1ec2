"""Faults of the socket: cut, half open, frozen, slow, refused, garbled; the gateway's restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ibgateway.simulator.faults.engine import FOREVER, FaultContext, FaultEngine, verb
from ibgateway.simulator.faults.filters import Delay, FrameFilter, Sending
from ibgateway.simulator.faults.script import REST, Argument, number, one_of, word

RAW = {
    "http": b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>Bad Request</html>",
    "giant": b"\x7f\xff\xff\xff" + b"x" * 64,  # the length of two gigabytes
    "zero": b"\0\0\0\0",
}


@verb("reset", Argument(one_of("before", "after"), "before"))
def reset(faults: FaultEngine, context: FaultContext, order: str) -> None:
    """Reset the TCP connection. `on placeOrder reset` loses the order, `reset after` only its acknowledgement."""
    if context.payload and context.connection is not None:
        context.swallowed = True
        if order == "after":
            context.connection.handle(context.payload)
            context.connection.take()
    for connection in context.concerned(faults.gateway):
        faults.sockets.reset(connection)


@verb("close")
def close(faults: FaultEngine, context: FaultContext) -> None:
    """Close the connection in order; the frame that set it off is not handled."""
    context.swallowed = bool(context.payload)
    for connection in context.concerned(faults.gateway):
        faults.sockets.close(connection)


@verb("half-open", Argument(number, FOREVER))
def half_open(faults: FaultEngine, context: FaultContext, seconds: float) -> None:
    """Stop reading and writing without closing the connection."""
    for connection in context.concerned(faults.gateway):
        faults.stall(connection, faults.now + seconds, half_open=True)


@verb("freeze", Argument(number))
def freeze(faults: FaultEngine, context: FaultContext, seconds: float) -> None:
    """Stop the whole gateway, as in a long garbage collection; it answers frames and connections afterwards."""
    faults.frozen_until = faults.now + seconds
    for connection in list(faults.gateway.connections):
        faults.stall(connection, faults.now + seconds)


@verb("slow", Argument(number))
def slow(faults: FaultEngine, context: FaultContext, seconds: float) -> None:
    """Delay every frame by some seconds; 0 ends it."""
    faults.filters = [one for one in faults.filters if not (isinstance(one, Delay) and one.msgId is None)]
    if seconds > 0:
        faults.filters.append(Delay(None, context.step.client, None, seconds))


@verb("door", Argument(one_of("open", "shut", "slam", "silent")), Argument(number, FOREVER))
def door(faults: FaultEngine, context: FaultContext, kind: str, seconds: float) -> None:
    """Refuse new connections (shut), accept and close them (slam), or accept and never answer them (silent)."""
    faults.shut(kind, faults.now + seconds)


@verb("restart", Argument(number), Argument(int, 0))
def restart(faults: FaultEngine, context: FaultContext, seconds: float, ids: int) -> None:
    """Disconnect every client and refuse connections for some seconds; order ids may move, such as by -4."""
    context.swallowed = bool(context.payload)
    for connection in list(faults.gateway.connections):
        faults.sockets.reset(connection)
    faults.shut("shut", faults.now + seconds)

    def moved() -> None:
        faults.gateway.identity.orderIdShift += ids

    faults.on_reopening = moved


@verb("raw", Argument(word))
def raw(faults: FaultEngine, context: FaultContext, kind: str) -> None:
    """Send bytes that are no frame: `http`, `giant` (an impossible length), `zero`, or `hex:…`."""
    data = bytes.fromhex(kind.removeprefix("hex:")) if kind.startswith("hex:") else RAW[kind]
    for connection in context.concerned(faults.gateway):
        faults.sockets.write(connection, data)


@verb("fragment", Argument(int))
def fragment(faults: FaultEngine, context: FaultContext, size: int) -> None:
    """Limit each write to a number of bytes; 0 ends it."""
    faults.sockets.fragment(size or None)


@dataclass
class BinaryIds(FrameFilter):
    """Send message ids as four bytes, as from version 201 on; the handshake has none."""

    announced: int = 0

    def change(self, wait: float, payload: bytes) -> Iterator[Sending]:
        head, _, rest = payload.partition(b"\0")
        handshake = payload.count(b"\0") == 2 and head == b"%d" % self.announced
        yield wait, payload if handshake else int(head).to_bytes(4, "big") + rest


@verb("version", Argument(int))
def version(faults: FaultEngine, context: FaultContext, announced: int) -> None:
    """Announce this version in the handshake, whatever the client offered; 0 ends it."""
    faults.gateway.identity.announcedVersion = announced or None
    faults.filters = [one for one in faults.filters if not isinstance(one, BinaryIds)]
    if announced > 200:
        faults.filters.append(BinaryIds(None, None, None, announced))


@verb("clear", REST)
def clear(faults: FaultEngine, context: FaultContext, _: tuple[str, ...]) -> None:
    """End every fault, and forget the lines that still wait."""
    faults.clear()
