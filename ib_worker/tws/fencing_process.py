"""The fencing process: shuts the gateway's connection down once the lease may have expired. It imports next to nothing.

Its socket pair delivers times (by boottime) until which the lease is held, and with a time a connection to watch.
"""

import ctypes
import socket
import struct
import sys
import time
from contextlib import suppress

NEWS = struct.Struct("d")
LET_GO = float("-inf")  # the connection is being closed by the worker itself
NOWHERE = bytes(16)  # a socket's address of no family


def fence(pair: socket.socket) -> None:
    """Hang up the worker's connection at the time that it told last; return when the worker has ended, by whatever."""
    held: socket.socket | None = None
    until = LET_GO
    while True:
        pair.settimeout(None if held is None else max(until - _boottime(), 0.001))
        try:
            news, sockets, _, _ = socket.recv_fds(pair, NEWS.size, 1)
        except TimeoutError:
            if held is not None and _boottime() >= until:
                _hang_up(held)
                held = None
            continue
        if not news:
            return
        told = NEWS.unpack(news)[0]
        if held is not None and (sockets or told == LET_GO):
            held.close()
            held = None
        until = max(until, told)
        if sockets:
            held = socket.socket(fileno=sockets[0])


def _hang_up(held: socket.socket) -> None:
    """Connected to nowhere, a socket on Linux is reset at once, although the worker has it too, and what the gateway
    has not taken yet is dropped; where that can't be done, it is shut down."""
    if ctypes.CDLL(None).connect(held.fileno(), NOWHERE, len(NOWHERE)) != 0:
        with suppress(OSError):  # the gateway has hung up already
            held.shutdown(socket.SHUT_RDWR)
    held.close()


def _boottime() -> float:
    """As bridge.bus.transport.clock has it: nothing of the project can be imported where this file runs alone."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


if __name__ == "__main__":
    fence(socket.socket(fileno=int(sys.argv[1])))
