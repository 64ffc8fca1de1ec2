"""The version exchange with a gateway: proof that it answers, which takes no client's place.

A TCP connection proves little: the real image's port forwarder accepts before the gateway runs, and a frozen gateway
keeps accepting. The exchange ends before startApi, so no client id is used and no order is read.
"""

import re
import socket
import struct
import time
from dataclasses import dataclass
from enum import StrEnum

OFFER = b"v100..200"  # every gateway that speaks version-ranged handshakes finds its own version in it
LONGEST = 4096  # a version and a date; anything longer is no gateway
GREETING = re.compile(
    rb"(\d{3,4})\x00([^\x00]*)\x00?"
)  # server version, its time; an error frame begins with one digit


class Outcome(StrEnum):
    """What a gateway's port does when it is asked for a version."""

    ANSWERS = "answers"
    REFUSED = "refused"
    CLOSES = "closes"
    SILENT = "silent"
    NOT_TWS = "not_tws"
    UNREACHABLE = "unreachable"


EXIT_CODES = {
    Outcome.ANSWERS: 0,
    Outcome.REFUSED: 1,
    Outcome.CLOSES: 3,  # 2 is argparse's own, and Docker reserves it
    Outcome.SILENT: 4,
    Outcome.NOT_TWS: 5,
    Outcome.UNREACHABLE: 6,
}
MEANING = {
    Outcome.ANSWERS: "The gateway answers.",
    Outcome.REFUSED: "Nothing listens on this port: the gateway is not started, not logged in, or on another port.",
    Outcome.CLOSES: "The port accepts and hangs up: a port forwarder whose gateway is not logged in yet or restarting.",
    Outcome.SILENT: "The port accepts and says nothing: a login or second factor is pending, or the gateway is frozen.",
    Outcome.NOT_TWS: "Something else than a TWS API listens on this port.",
    Outcome.UNREACHABLE: "The host cannot be reached: its name is unknown, or packets to it are dropped.",
}


@dataclass(frozen=True)
class Answer:
    """The outcome of one exchange; the rest only where the gateway answered. `time` is its clock, in its own words."""

    outcome: Outcome
    serverVersion: int | None = None
    time: str | None = None


class _Closed(Exception):
    """The other side hung up in the middle."""


def ask(host: str, port: int, timeout_s: float) -> Answer:
    """Ask once; the whole exchange ends within about timeout_s, name lookup aside."""
    deadline = time.monotonic() + timeout_s
    try:
        connection = socket.create_connection((host, port), timeout=timeout_s)
    except ConnectionRefusedError:
        return Answer(Outcome.REFUSED)
    except OSError:  # no such name, no route, a filtered port, a full backlog
        return Answer(Outcome.UNREACHABLE)
    with connection:
        try:
            return _exchange(connection, deadline)
        except TimeoutError:
            return Answer(Outcome.SILENT)
        except (_Closed, ConnectionError):
            return Answer(Outcome.CLOSES)


def _exchange(connection: socket.socket, deadline: float) -> Answer:
    connection.sendall(b"API\0" + struct.pack(">I", len(OFFER)) + OFFER)
    (length,) = struct.unpack(">I", _receive(connection, 4, deadline))
    if not 0 < length <= LONGEST:
        return Answer(Outcome.NOT_TWS)
    greeting = GREETING.fullmatch(_receive(connection, length, deadline))
    if greeting is None:
        return Answer(Outcome.NOT_TWS)
    return Answer(Outcome.ANSWERS, int(greeting[1]), greeting[2].decode(errors="replace"))


def _receive(connection: socket.socket, size: int, deadline: float) -> bytes:
    whole = b""
    while len(whole) < size:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        connection.settimeout(remaining)
        part = connection.recv(size - len(whole))
        if not part:
            raise _Closed
        whole += part
    return whole
