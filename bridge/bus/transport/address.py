"""The address of Redis, checked where it is read."""

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from bridge.bus.transport.redis_parts import ConnectionPool

USUAL = "redis://127.0.0.1:6379/0"
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


def with_password(url: str, password: str) -> str:
    """The address with the password of its user. Raises ValueError for one that has a password already."""
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    if ":" in user:
        raise ValueError("REDIS_PASSWORD_FILE: REDIS_URL has a password already. Leave one of the two out")
    return f"{scheme}://{user}:{quote(password, safe='')}@{place if at else rest}"


def address_with_file(url: str, file: str | Path | None) -> str:
    """The address, with the password that the file has, where one is named. Raises ValueError."""
    if not file:
        return url
    try:
        password = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"REDIS_PASSWORD_FILE: {file} can't be read: {error}") from None
    if not password:
        raise ValueError(f"REDIS_PASSWORD_FILE: {file} is empty")
    return with_password(url, password)


def password_from_file(settings: Any) -> Any:
    """Return the settings before they are checked, the address with the password of REDIS_PASSWORD_FILE. Raises
    ValueError."""
    if not isinstance(settings, dict) or not settings.get("redis_password_file"):
        return settings
    url = redis_address(str(settings.get("redis_url") or USUAL))
    return settings | {"redis_url": address_with_file(url, settings["redis_password_file"])}
