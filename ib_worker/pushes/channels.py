"""The way to a target, by its scheme."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import msgspec

from bridge.bus.events.event import ReadEvent
from bridge.redaction import mask_accounts
from ib_worker.pushes.target import WEBHOOK, AlertTarget
from ib_worker.pushes.texts import push_text
from ib_worker.pushes.webhook import post

APPRISE = "ib_worker.pushes.apprise_channel"  # the only place that loads it: it takes a second and twenty MB


def send(
    target: AlertTarget,
    events: Sequence[ReadEvent],
    session: str,
    secret: str,
    lost: bool = False,
    console: str = "",
) -> None:
    """Push the events in one message, with links to the console at that address. It blocks. Raises PushFailed."""
    address = target.address.get_secret_value()
    if target.scheme not in WEBHOOK:
        named = [f"{push_text(each.event, session, console)} (event_id {event_id(session, each)})" for each in events]
        import_module(APPRISE).send(address, _text(named, lost))
        return
    body: dict[str, Any] = {
        "event_id": event_id(session, events[0]),
        "session": session,
        "text": _text([push_text(each.event, session, console) for each in events], lost),
        "lost": lost,
        "events": [_event(each, session, console) for each in events],
    }
    post(address, mask_accounts(msgspec.json.encode(body).decode()).encode(), secret)


def _text(lines: Sequence[str], lost: bool) -> str:
    return mask_accounts("\n".join(["Events before these are lost.", *lines] if lost else lines))


def event_id(session: str, read: ReadEvent) -> str:
    """Return the event's name: a push that comes twice has the same."""
    return f"{session}/{read.cursor.id}"


def _event(read: ReadEvent, session: str, console: str) -> dict[str, Any]:
    event = msgspec.to_builtins(read.event)
    event.pop("key", None)
    return {"event_id": event_id(session, read), "text": push_text(read.event, session, console), **event}
