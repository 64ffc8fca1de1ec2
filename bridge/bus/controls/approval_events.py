"""The events of an approval in the session's event log. Pure."""

from datetime import UTC, datetime
from typing import Literal

from bridge.bus.events.event import EventDraft, SessionEvent

ApprovalEvent = Literal["asked", "approved", "declined", "refused", "expired", "voided"]


def approval_draft(
    key: str, state: ApprovalEvent, by: str = "", at: datetime | None = None, reason: str = "", summary: str = ""
) -> EventDraft:
    """Return the event of an approval's change.

    `declined` is by the person at the client, `refused` by the operator. Each change is news: the step that makes it
    makes it once, so its time is part of the state.
    """
    time = (at or datetime.now(UTC)).isoformat(timespec="milliseconds")
    details = {"state": state, "by": by, "reason": reason, "summary": summary}
    told = {name: each for name, each in details.items() if each}
    return EventDraft(f"approval {key}", f"{state} {time}", SessionEvent("approval", time, key=key, details=told))
