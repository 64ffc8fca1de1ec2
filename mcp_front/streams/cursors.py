"""Cursors as clients get them: each is sealed to its principal and to the log that it is about."""

from bridge.bus.events.event import Cursor
from bridge.conditions import owner_tag, sealed_event_cursor
from bridge.tool import ToolError

EVENT_LOG = ""  # the log of a cursor that names no stream


def sealed_cursor(cursor: Cursor, principal: str, stream: str = EVENT_LOG) -> str:
    """Return a cursor as its principal gets it."""
    return f"{cursor}.{_tag(principal, stream)}" if stream else sealed_event_cursor(cursor, principal)


def opened_cursor(written: str, principal: str, stream: str = EVENT_LOG) -> Cursor:
    """Raises ToolError for what is no cursor, another principal's, or another stream's."""
    text, _, tag = written.rpartition(".")
    try:
        cursor = Cursor.parse(text)
    except ValueError as error:
        raise ToolError("invalid_arguments", f"cursor: {error}. Leave it out to begin now.") from None
    if tag != _tag(principal, stream):
        whose = "another client, or for another stream" if stream else "another client"
        raise ToolError("forbidden", f"cursor: it was given to {whose}. Leave it out to begin now.")
    return cursor


def _tag(principal: str, stream: str) -> str:
    """Tell whose a cursor is. It guards no secret: every client of the session may read the whole log."""
    return owner_tag(f"{principal}\0{stream}" if stream else principal)
