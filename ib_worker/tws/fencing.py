"""Fencing: ends the gateway's connection when the lease expires, also while this process can't run.

A worker that is stopped (SIGSTOP, a debugger) keeps its socket open, and the gateway rejects the next leader meanwhile,
since both use one client id. So a small fencing process shares the socket and shuts it down for both when the lease may
have expired. A worker that wakes up later can write nothing to the gateway.
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
    """The worker's side. If the fencing process is killed, work goes on without fencing until the next connection."""

    def __init__(self) -> None:
        self._until = guarding.LET_GO
        self._pair: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def held_until(self, until: float) -> None:
        """Report the renewed lease to the fencing process."""
        self._until = until
        self._tell(until)

    def watch(self, connection: socket.socket) -> None:
        """Share a new connection to the gateway with the fencing process."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        self._tell(self._until, connection)

    def let_go(self) -> None:
        """Release the connection before it is closed: the fencing process's copy would keep it open."""
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
