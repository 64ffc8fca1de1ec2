"""Ends the gateway's connection with the lease, also while this process can't run.

A worker that is stopped (SIGSTOP, a debugger) keeps its socket open, and for as long as that lasts the gateway refuses
the next leader, who comes with the same client id. So a small process has the socket too, and shuts it down for both
once the lease may have lapsed; a worker that wakes up then can't write anything more to the gateway.
"""

import asyncio
import socket
import subprocess
import sys

import structlog

from ib_worker.tws import fencing_process as guarding

END_S = 5.0

log = structlog.get_logger("ib_worker.tws.fencing")


class ConnectionFence:
    """The worker's side. Where its process has been killed everything goes on, unguarded until the next connection."""

    def __init__(self) -> None:
        self._until = guarding.LET_GO
        self._pair: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def held_until(self, until: float) -> None:
        """The lease is renewed."""
        self._until = until
        self._tell(until)

    def watch(self, connection: socket.socket) -> None:
        """A new connection to the gateway."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        self._tell(self._until, connection)

    def let_go(self) -> None:
        """The connection is being closed: as long as the guard has it, too, that would not end it."""
        self._tell(guarding.LET_GO)

    async def close(self) -> None:
        if self._pair is None or self._process is None:
            return
        self._pair.close()
        self._pair = None
        try:
            await asyncio.to_thread(self._process.wait, END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    def _start(self) -> None:
        if self._pair is not None:
            self._pair.close()
        self._pair, theirs = socket.socketpair()
        self._pair.setblocking(False)
        with theirs:
            command = [sys.executable, "-I", "-S", guarding.__file__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True)

    def _tell(self, until: float, *connections: socket.socket) -> None:
        if self._pair is None:
            return
        try:
            socket.send_fds(self._pair, [guarding.NEWS.pack(until)], [each.fileno() for each in connections])
        except OSError as error:
            log.error("connection_not_fenced", error=str(error))
