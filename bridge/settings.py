"""Settings from the environment: comma lists, addresses that browsers use, the faults of a rejected value."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import ValidationError

USUAL_PORTS = {"http": 80, "https": 443}


def comma_list(written: object) -> object:
    """Return the parts of a comma list; a value that is no text is left as it is."""
    return tuple(part.strip() for part in written.split(",") if part.strip()) if isinstance(written, str) else written


def setting_faults(error: ValidationError) -> Iterator[str]:
    """Yield each fault with its variable, without the value, which may be a secret."""
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        name = "_".join(str(part) for part in fault["loc"][:1]).upper()
        text = fault["msg"].removeprefix("Value error, ")
        yield f"{name}: {text}" if name else text


def public_url(written: str) -> str:
    """Return the URL's origin as browsers write it: without a slash at its end or the scheme's own port, in lower case.

    Raises ValueError for what no browser should sign in at.
    """
    parts = urlsplit(written)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.path.strip("/")
        or parts.query
        or parts.username is not None
    ):
        raise ValueError("an address such as https://console.example.org is expected, without a path")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("a passphrase over plain http can be read on its way: only https, or http on this machine")
    if not parts.hostname.isascii():
        raise ValueError("write the host as browsers send it, with xn--… for other letters than a-z")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, USUAL_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def optional_url(written: str | None) -> str | None:
    """Return the same, None where nothing is written. Raises ValueError."""
    return public_url(written) if written and written.strip() else None


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches the host; a name other than localhost may be anywhere."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
