"""The address and token of the front that a command calls, checked before a library quotes an unreadable one."""

import argparse
import re
from urllib.parse import urlsplit

TOKEN = re.compile(r"[!-~]+")  # what a header can carry
ODD_TOKEN = "FRONT_TOKEN has characters that no token has, such as a quote or a line's end that was copied with it."
FORM = (
    "an address such as http://HOST:8000/api/v1 is expected, with no user, password or query: FRONT_TOKEN has the token"
)


def front_address(written: str) -> str:
    """The address, for argparse. Raises ArgumentTypeError, which names no part of it."""
    try:
        usable = _usable(written)
    except ValueError:
        usable = False
    if not usable:
        raise argparse.ArgumentTypeError(FORM)
    return written


def _usable(written: str) -> bool:
    parts = urlsplit(written)
    more = "@" in written or "?" in written or "#" in written
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not more
