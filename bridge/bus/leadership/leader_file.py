"""The leader of this machine, marked by a file lock that the kernel releases when the leader's process ends.

Redis cannot tell a dead leader from a stopped one, so its lease has to expire. The kernel can: a stopped process keeps
its lock. A process that has ended has also closed its connection to the gateway and will never write again. A standby
that finds the lock free, and the lease under the token in the file, takes over without waiting.
"""

import fcntl
import os
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import structlog

from bridge.bus.transport.address import redis_address

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # of the kernel, so that all containers of a machine have the same
LIMIT = 128  # bytes; what is written is 65 long

log = structlog.get_logger()


class LeaderFile:
    """One file for the workers of one session on one machine, or None for none.

    An unreadable or unwritable file proves nothing; the lease then expires as it does between machines. Nothing here
    raises.
    """

    def __init__(self, path: Path | None, redis_url: str, session: str) -> None:
        self._path = path
        self._place = _place(redis_url, session)
        self._held: BinaryIO | None = None
        self._token: int | None = None
        self._said = False

    def claim(self, token: int) -> None:
        """This process leads under the token. While another process has the file, and be it one that leads no more,
        it is not claimed; call again with each renewal."""
        if self._path is None or self._place is None or self._token == token:
            return
        try:
            self._held = _written(self._path, f"{self._place} {token}\n")
            self._token = token
        except BlockingIOError:
            pass
        except OSError as error:
            if not self._said:
                log.warning("leader_file_unusable", file=str(self._path), error=str(error))
            self._said = True

    def let_go(self) -> None:
        """This process leads no more, and its connection to the gateway is closed."""
        if self._held is not None:
            self._held.close()
        self._held = self._token = None

    def ended(self) -> int | None:
        """The token of a leader of this machine that has ended, as far as is known for certain."""
        if self._path is None or self._place is None:
            return None
        try:
            with closing(_open(self._path, os.O_RDONLY)) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                place, _, token = file.read(LIMIT).decode().rpartition(" ")
            return int(token) if place == self._place and token.endswith("\n") else None
        except (OSError, ValueError):
            return None


def _written(path: Path, text: str) -> BinaryIO:
    """The file, locked, with the text alone in it. Raises OSError: BlockingIOError where another has it locked."""
    file = _open(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate()
        file.write(text.encode())
    except OSError:
        file.close()
        raise
    return file


def _open(path: Path, flags: int) -> BinaryIO:
    """Unbuffered, closed in children, and ours alone: another's file would be another's word."""
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.fstat(descriptor).st_uid != os.geteuid():
        os.close(descriptor)
        raise PermissionError(f"{path} belongs to another user")
    return open(descriptor, "r+b" if flags & os.O_RDWR else "rb", buffering=0)


def _place(redis_url: str, session: str) -> str | None:
    """Return the identity of this boot of this machine, this session and this Redis, without its password.

    None where the system has no boot id: then a file copied from another machine would look like its own.
    """
    at = urlsplit(redis_address(redis_url))
    where = f"{at.hostname} {at.port} {at.path} {at.query} {session}"
    try:
        return f"{BOOT_ID.read_text().strip()} {sha256(where.encode()).hexdigest()[:16]}"
    except OSError:
        return None
