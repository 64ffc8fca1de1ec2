"""The address of Redis, checked where it is read."""

from urllib.parse import urlsplit

from redis.asyncio.connection import ConnectionPool

SCHEMES = ("redis", "rediss", "unix")
FORM = (
    "an address such as redis://:PASSWORD@HOST:6379/0, rediss://… or unix:///run/redis.sock is expected. In the user "
    "and the password percent-encode each of the characters # / ? % @ : [ ], such as %23 for #"
)


def redis_address(url: str) -> str:
    """The address, if connections can be made of it. Raises ValueError, which names no part of it: a library's own
    text quotes what it could not read, and that may be a piece of the password."""
    try:
        usable = _usable(url)
    except (ValueError, TypeError):
        usable = False
    if not usable:
        raise ValueError(FORM)
    return url


def _usable(url: str) -> bool:
    """Also not one that a library would take for another address than its author meant."""
    parts = urlsplit(url)
    misread = "@" in parts.path + parts.query + parts.fragment or "#" in url
    somewhere = bool(parts.path) if parts.scheme == "unix" else bool(parts.hostname) and parts.port != 0
    if parts.scheme not in SCHEMES or misread or not somewhere:
        return False
    ConnectionPool.from_url(url, protocol=2).make_connection()  # type: ignore[no-untyped-call]  # it opens none
    return True
