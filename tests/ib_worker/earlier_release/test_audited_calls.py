import msgspec

from bridge.audit_chain import AuditEntry
from tests.ib_worker.earlier_release.test_answers import audited


def test_a_placement_is_the_call_whose_order_was_sent() -> None:
    calls = audited()
    placed = calls.placement("upgrade-filled")
    assert placed is not None
    for later in (
        AuditEntry(90, "", placed.at, "intent", caller="other", tool="place_order", key=placed.key, orderId=77),
        msgspec.structs.replace(placed, seq=91, caller="other", orderId=78),
    ):
        calls.take(later)

    assert calls.placement("upgrade-filled") == placed
    assert {each.key for each in calls.placed()} >= {"upgrade-filled", "upgrade-bracket"}


def test_a_key_that_another_call_has_is_no_placement() -> None:
    calls = audited()

    assert [calls.placement(each) for each in ("upgrade-modified", "upgrade-cancelled", "upgrade-nothing")] == [
        None
    ] * 3


def test_a_change_begins_with_its_own_intent() -> None:
    calls = audited()
    [intent] = calls.intents["upgrade-modified"]

    assert {state.terms.lmtPrice for [state] in calls.moments(intent)} == {100, 101}
    assert [state.change for [state] in calls.moments(intent)][-1] is None
