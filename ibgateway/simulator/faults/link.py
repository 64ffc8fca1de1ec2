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
def reset(faults: FaultEngine, strike: FaultContext, order: str) -> None:
    """A TCP reset. `on placeOrder reset` loses the order, `reset after` only its acknowledgement."""
    if strike.payload and strike.connection is not None:
        strike.swallowed = True
        if order == "after":
            strike.connection.handle(strike.payload)
            strike.connection.take()
    for connection in strike.concerned(faults.gateway):
        faults.rim.reset(connection)


@verb("close")
def close(faults: FaultEngine, strike: FaultContext) -> None:
    """An orderly end of the connection; the frame at which it strikes is not handled."""
    strike.swallowed = bool(strike.payload)
    for connection in strike.concerned(faults.gateway):
        faults.rim.close(connection)


@verb("half-open", Argument(number, FOREVER))
def half_open(faults: FaultEngine, strike: FaultContext, seconds: float) -> None:
    """Nothing is read and nothing written any more, and nobody is told."""
    for connection in strike.concerned(faults.gateway):
        faults.stall(connection, faults.now + seconds, half_open=True)


@verb("freeze", Argument(number))
def freeze(faults: FaultEngine, strike: FaultContext, seconds: float) -> None:
    """The whole gateway stands still, as in a long garbage collection; what and who came is answered afterwards."""
    faults.frozen_until = faults.now + seconds
    for connection in list(faults.gateway.connections):
        faults.stall(connection, faults.now + seconds)


@verb("slow", Argument(number))
def slow(faults: FaultEngine, strike: FaultContext, seconds: float) -> None:
    """Every frame is sent so much later; 0 ends it."""
    faults.filters = [one for one in faults.filters if not (isinstance(one, Delay) and one.msgId is None)]
    if seconds > 0:
        faults.filters.append(Delay(None, strike.step.client, None, seconds))


@verb("door", Argument(one_of("open", "shut", "slam", "silent")), Argument(number, FOREVER))
def door(faults: FaultEngine, strike: FaultContext, kind: str, seconds: float) -> None:
    """Refuse new connections (shut), accept and close them (slam), or accept and never answer them (silent)."""
    faults.shut(kind, faults.now + seconds)


@verb("restart", Argument(number), Argument(int, 0))
def restart(faults: FaultEngine, strike: FaultContext, seconds: float, ids: int) -> None:
    """Everybody is cut off, nobody gets in for so long; order ids may have moved, such as by -4."""
    strike.swallowed = bool(strike.payload)
    for connection in list(faults.gateway.connections):
        faults.rim.reset(connection)
    faults.shut("shut", faults.now + seconds)

    def moved() -> None:
        faults.gateway.identity.orderIdShift += ids

    faults.on_reopening = moved


@verb("raw", Argument(word))
def raw(faults: FaultEngine, strike: FaultContext, kind: str) -> None:
    """Bytes that are no frame: `http`, `giant` (an impossible length), `zero`, or `hex:…`."""
    data = bytes.fromhex(kind.removeprefix("hex:")) if kind.startswith("hex:") else RAW[kind]
    for connection in strike.concerned(faults.gateway):
        faults.rim.write(connection, data)


@verb("fragment", Argument(int))
def fragment(faults: FaultEngine, strike: FaultContext, size: int) -> None:
    """Each write carries so many bytes; 0 ends it."""
    faults.rim.fragment(size or None)


@dataclass
class BinaryIds(FrameFilter):
    """Since 201 a message id is a number of four bytes; the handshake has none."""

    announced: int = 0

    def change(self, wait: float, payload: bytes) -> Iterator[Sending]:
        head, _, rest = payload.partition(b"\0")
        handshake = payload.count(b"\0") == 2 and head == b"%d" % self.announced
        yield wait, payload if handshake else int(head).to_bytes(4, "big") + rest


@verb("version", Argument(int))
def version(faults: FaultEngine, strike: FaultContext, announced: int) -> None:
    """The handshake announces this version, whatever the client offered; 0 ends it."""
    faults.gateway.identity.announcedVersion = announced or None
    faults.filters = [one for one in faults.filters if not isinstance(one, BinaryIds)]
    if announced > 200:
        faults.filters.append(BinaryIds(None, None, None, announced))


@verb("clear", REST)
def clear(faults: FaultEngine, strike: FaultContext, _: tuple[str, ...]) -> None:
    """Every fault ends, and every line that still waits is forgotten."""
    faults.clear()
