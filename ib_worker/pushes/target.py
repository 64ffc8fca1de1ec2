"""The operator's targets: names that a tool may give, and addresses that only the settings have. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

WEBHOOK = frozenset({"https", "http"})
# Schemes of apprise that are let in. All others, such as those that write files or run programs, are not.
BY_APPRISE = frozenset({"ntfy", "ntfys", "tgram", "slack", "mailto", "mailtos"})
MOST = 16

PushGroup = Literal["fills", "rejections", "halts", "session", "approvals"]

_NEXT = re.compile(r",(?=\s*[a-z0-9_-]{1,32}=)")  # an address may have commas, too
_TARGET = re.compile(r"([a-z0-9_-]{1,32})=([a-z]+)://(\S+)")


@dataclass(frozen=True)
class AlertTarget:
    """One target. Its address may hold a password or token, and is shown nowhere."""

    name: str
    scheme: str
    address: SecretStr


def read_targets(written: object) -> object:
    """Return the targets of name=address,name=address; a value that is no text is left as it is.

    Raises ValueError, without the address.
    """
    if not isinstance(written, str):
        return written
    found = tuple(_target(each.strip()) for each in _NEXT.split(written) if each.strip())
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise ValueError("each target needs a name of its own")
    if len(found) > MOST:
        raise ValueError(f"{len(found)} targets are given, {MOST} at most")
    return found


def _target(written: str) -> AlertTarget:
    parts = _TARGET.fullmatch(written)
    if parts is None:
        raise ValueError(
            "name=address is expected, such as phone=ntfys://ntfy.sh/topic, the name of a-z, 0-9, _ and -, several "
            "with commas between them"
        )
    name, scheme, _ = parts.groups()
    if scheme not in WEBHOOK | BY_APPRISE:
        known = ", ".join(sorted(WEBHOOK | BY_APPRISE))
        raise ValueError(f"{name}: the scheme {scheme} is not let in. These are: {known}")
    return AlertTarget(name, scheme, SecretStr(written.partition("=")[2]))
