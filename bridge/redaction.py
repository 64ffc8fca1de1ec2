"""The privacy rules of logs and messages: how an account number and an address of Redis are shown."""

import re
from urllib.parse import urlsplit

from structlog.typing import EventDict, WrappedLogger

ACCOUNT = re.compile(r"\b(D?[UFI])[0-9]{2,}([0-9]{3})\b")  # U1234567, F1234567, DU1234567
UNREADABLE = "(an unreadable address)"


def mask_accounts(text: str) -> str:
    """Return the text with DU1234567 as DU***567, wherever an account number stands."""
    return ACCOUNT.sub(r"\1***\2", text)


def mask_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return a log's event with its account numbers masked. A processor of structlog's."""
    return {name: mask_accounts(value) if isinstance(value, str) else value for name, value in event.items()}


def mask_url(url: str) -> str:
    """Return host and port, or the socket's path, and nothing that may be a piece of a password."""
    try:
        parts = urlsplit(url)
        if "@" in parts.path + parts.query + parts.fragment:
            return UNREADABLE
        return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
    except ValueError:
        return UNREADABLE
