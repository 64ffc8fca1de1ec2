"""The events of an approval."""

from datetime import UTC, datetime

from bridge.bus.controls.approval_events import approval_draft

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_an_event_names_the_order_its_state_and_the_person() -> None:
    draft = approval_draft("key-0001", "refused", "anna", AT, reason="too large")

    assert (draft.subject, draft.event.kind, draft.event.key) == ("approval key-0001", "approval", "key-0001")
    assert draft.event.time == "2026-01-02T03:04:05.000+00:00"
    assert draft.event.details == {"state": "refused", "by": "anna", "reason": "too large"}


def test_each_change_is_news() -> None:
    later = AT.replace(second=6)

    assert approval_draft("key-0001", "asked", at=AT).state != approval_draft("key-0001", "asked", at=later).state
