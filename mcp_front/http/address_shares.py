"""Shares of the front's connections: one address gets no more than its own until its clients are authenticated."""

import ipaddress
from collections import Counter
from pathlib import Path

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

ROUTES = Path("/proc/net/route")
DEFAULT = "00000000"  # the destination of the route to everywhere


class AddressShares:
    """Counts each address's connections whose clients are not known yet. `proxies`: addresses without a bound, as
    FORWARDED_ALLOW_IPS has them, since the clients of a whole network may come from there. For the same reason a
    container's gateway has none: Docker forwards published ports by it."""

    def __init__(self, most: int, proxies: list[str] | str, routes: Path = ROUTES) -> None:
        self.most = most
        self._proxies = ProxyHeadersMiddleware(_nothing, proxies).trusted_hosts  # uvicorn's own reading of them
        self._gateways = _gateways(routes)
        self._unknown: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """Count one more connection, and return whether the address may have it."""
        if self._is_free(address):
            return True
        if self._unknown[address] >= self.most:
            return False
        self._unknown[address] += 1
        return True

    def give_back(self, address: str) -> None:
        """Count a connection no more that has ended, or whose client is known now."""
        if not self._is_free(address):
            self._unknown[address] -= 1
            if self._unknown[address] <= 0:
                del self._unknown[address]

    def _is_free(self, address: str) -> bool:
        return address in self._proxies or address in self._gateways


def _gateways(routes: Path) -> frozenset[str]:
    """The gateways of this machine's or container's default routes. Linux only; elsewhere there are none."""
    try:
        rows = [line.split() for line in routes.read_text(encoding="ascii").splitlines()[1:]]
    except OSError:
        return frozenset()
    found = (row[2] for row in rows if len(row) > 2 and row[1] == DEFAULT and row[2] != DEFAULT)
    return frozenset(str(ipaddress.IPv4Address(bytes.fromhex(each)[::-1])) for each in found)  # proc(5): little-endian


async def _nothing(*_: object) -> None:
    """No application: only the list of addresses is used."""
