"""The version exchange with a gateway: proof that it answers, without using a client id.

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


class PortState(StrEnum):
    """The reaction of a gateway's port to a client's version offer."""

    ANSWERS = "answers"
    REFUSED = "refused"
    CLOSES = "closes"
    SILENT = "silent"
    NOT_TWS = "not_tws"
    UNREACHABLE = "unreachable"


EXIT_CODES = {
    PortState.ANSWERS: 0,
    PortState.REFUSED: 1,
    PortState.CLOSES: 3,  # 2 is argparse's own, and Docker reserves it
    PortState.SILENT: 4,
    PortState.NOT_TWS: 5,
    PortState.UNREACHABLE: 6,
}
MEANING = {
    PortState.ANSWERS: "The gateway answers.",
    PortState.REFUSED: "Nothing listens on this port: the gateway is not started, not logged in, or on another port.",
    PortState.CLOSES: (
        "The port accepts and hangs up: a port forwarder whose gateway is not logged in yet or restarting."
    ),
    PortState.SILENT: (
        "The port accepts and says nothing: a login or second factor is pending, or the gateway is frozen."
    ),
    PortState.NOT_TWS: "Something else than a TWS API listens on this port.",
    PortState.UNREACHABLE: "The host cannot be reached: its name is unknown, or packets to it are dropped.",
}


@dataclass(frozen=True)
class HandshakeReply:
    """The result of one exchange; all but `outcome` only if the gateway answered. `time` is the text of its clock."""

    outcome: PortState
    serverVersion: int | None = None
    time: str | None = None


class _Closed(Exception):
    """The peer closed the connection during the exchange."""


def ask(host: str, port: int, timeout_s: float) -> HandshakeReply:
    """Exchange versions once; the exchange ends within about `timeout_s`, not counting the name lookup."""
    deadline = time.monotonic() + timeout_s
    try:
        connection = socket.create_connection((host, port), timeout=timeout_s)
    except ConnectionRefusedError:
        return HandshakeReply(PortState.REFUSED)
    except OSError:  # no such name, no route, a filtered port, a full backlog
        return HandshakeReply(PortState.UNREACHABLE)
    with connection:
        try:
            return _exchange(connection, deadline)
        except TimeoutError:
            return HandshakeReply(PortState.SILENT)
        except (_Closed, ConnectionError):
            return HandshakeReply(PortState.CLOSES)


def _exchange(connection: socket.socket, deadline: float) -> HandshakeReply:
    connection.sendall(b"API\0" + struct.pack(">I", len(OFFER)) + OFFER)
    (length,) = struct.unpack(">I", _receive(connection, 4, deadline))
    if not 0 < length <= LONGEST:
        return HandshakeReply(PortState.NOT_TWS)
    greeting = GREETING.fullmatch(_receive(connection, length, deadline))
    if greeting is None:
        return HandshakeReply(PortState.NOT_TWS)
    return HandshakeReply(PortState.ANSWERS, int(greeting[1]), greeting[2].decode(errors="replace"))


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
