"""Slows down whoever guesses passphrases; never the operator at another address, and never the command line."""

import asyncio
import ipaddress
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

FREE = 5  # wrong tries in a row before the first wait
FIRST_WAIT_S = 2.0  # doubled with each further one
LONGEST_WAIT_S = 15 * 60.0
FORGOTTEN_S = 60 * 60.0  # after the last wrong try
REMEMBERED = 10_000  # addresses with names; the oldest is forgotten
AT_ONCE = 2  # passphrases that are hashed at once: each takes 64 MiB
WAITING = 16  # that may wait for it
FROM_ONE = 4  # of one address: who tries many names must not keep everybody else waiting


class TooManyTries(Exception):
    """A try that comes too soon. `wait_s`: seconds until the next is looked at."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


def network(address: str) -> str:
    """Return what counts as one address: of IPv6 its first 64 bits, as one machine may choose the others freely."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:  # a socket's path, or what a proxy has written
        return address
    if isinstance(read, ipaddress.IPv4Address) or read.ipv4_mapped is not None:
        return address
    return str(ipaddress.ip_network((read, 64), strict=False))


@dataclass
class _Wrong:
    count: int
    at: float


class Attempts:
    """Wrong tries in a row, by the address and the name that was tried."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[tuple[str, str], _Wrong] = OrderedDict()
        self._hashing = asyncio.Semaphore(AT_ONCE)
        self._inside = Counter[str]()  # by address

    @asynccontextmanager
    async def one(self, address: str, name: str) -> AsyncIterator[None]:
        """One try. Raises TooManyTries where it comes too soon, or where many try at once."""
        self._require_patience(address, name)
        of = network(address)
        if self._inside.total() >= WAITING or self._inside[of] >= FROM_ONE:
            raise TooManyTries(FIRST_WAIT_S)
        self._inside[of] += 1
        try:
            async with self._hashing:
                self._require_patience(address, name)  # others of the same address may have been wrong meanwhile
                yield
        finally:
            self._inside[of] -= 1
            self._inside += Counter()  # drops who has none

    def wrong(self, address: str, name: str) -> None:
        """Count a wrong try."""
        now = asyncio.get_running_loop().time()
        address = network(address)
        found = self._wrong.pop((address, name), None)
        count = found.count if found and now - found.at < FORGOTTEN_S else 0
        self._wrong[address, name] = _Wrong(count + 1, now)
        if len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)

    def right(self, address: str, name: str) -> None:
        """Forget the wrong tries before a right one."""
        self._wrong.pop((network(address), name), None)

    def _require_patience(self, address: str, name: str) -> None:
        found = self._wrong.get((network(address), name))
        if found is None or found.count < FREE:
            return
        wait_s = min(FIRST_WAIT_S * 2 ** min(found.count - FREE, 20), LONGEST_WAIT_S)
        left_s = found.at + wait_s - asyncio.get_running_loop().time()
        if left_s > 0:
            raise TooManyTries(left_s)
