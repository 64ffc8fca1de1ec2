"""The address of a gateway, and its form in a setting."""

import re
from typing import NamedTuple

_ENDPOINT = re.compile(r"([^\s:,/]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})")


class Endpoint(NamedTuple):
    """A gateway's address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def endpoints(written: object) -> object:
    """A comma list of host:port."""
    if not isinstance(written, str):
        return written
    return tuple(_endpoint(each.strip()) for each in written.split(",") if each.strip())


def _endpoint(written: str) -> Endpoint:
    parts = _ENDPOINT.fullmatch(written)
    if parts is None or not 0 < int(parts[2]) < 65536:
        raise ValueError(f"host:port is expected, such as 127.0.0.1:7496, not {written!r}")
    return Endpoint(parts[1].strip("[]"), int(parts[2]))
