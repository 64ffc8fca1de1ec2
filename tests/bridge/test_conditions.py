"""Which event meets which condition."""

import pytest

from bridge.bus.events.event import EventKind, SessionEvent
from bridge.conditions import Endings, happened_instead, meets, owner_tag, require_own_alert
from bridge.order_references import order_ref
from bridge.tool import ToolError
from bridge.tools.events import WaitCondition

KEY = "key-0001"


def event(kind: EventKind, **details: object) -> SessionEvent:
    return SessionEvent(
        kind, "2026-01-02T03:04:05Z", orderRef=order_ref(KEY), permId=99, conId=756733, symbol="SPY 18JUL25 400 P",
        details=details,
    )  # fmt: skip


def met(found: SessionEvent, **condition: object) -> bool:
    return meets(found, WaitCondition.model_validate(condition))


@pytest.mark.parametrize(
    ("wanted", "details", "expected"),
    [
        ("order_filled", {"status": "Filled", "done": True, "filled": 10.0}, True),
        ("order_filled", {"status": "Submitted", "filled": 4.0}, False),
        ("order_filled", {"status": "Cancelled", "done": True, "filled": 4.0}, False),
        ("order_partly_filled", {"status": "Submitted", "filled": 4.0}, True),
        ("order_partly_filled", {"status": "Submitted", "filled": 0.0}, False),
        ("order_done", {"status": "Cancelled", "done": True}, True),
        ("order_done", {"status": "unknown", "done": False, "not_found": True}, True),
        ("order_done", {"status": "Submitted", "done": False}, False),
        ("order_rejected", {"status": "Inactive", "rejected": True}, True),
        ("order_rejected", {"status": "Inactive", "rejected": False}, False),
    ],
)
def test_an_order_meets_a_condition_by_its_state(wanted: str, details: dict[str, object], expected: bool) -> None:
    assert met(event("order", **details), event=wanted, orderKey=KEY) is expected


def test_an_order_is_the_one_that_is_named_by_key_or_by_permid() -> None:
    filled = event("order", status="Filled")

    assert met(filled, event="order_filled", orderKey=KEY)
    assert met(filled, event="order_filled", permId=99)
    assert not met(filled, event="order_filled", orderKey="key-0002")
    assert not met(filled, event="order_filled", permId=98)
    assert not met(filled, event="order_filled", orderKey=KEY, permId=98)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({}, True),
        ({"symbol": "SPY"}, True),
        ({"symbol": "spy 18jul25 400 p"}, True),
        ({"symbol": "SPY 2025-07-18 400 put"}, True),
        ({"symbol": "SPY 2025-07-18 400 C"}, False),
        ({"symbol": "AAPL"}, False),
        ({"conId": 756733}, True),
        ({"conId": 1}, False),
        ({"permId": 99}, True),
    ],
)
def test_an_execution_is_any_or_one_of_what_is_named(condition: dict[str, object], expected: bool) -> None:
    assert met(event("execution", shares=1.0), event="execution", **condition) is expected


@pytest.mark.parametrize("symbol", ["ESU6", "SPY JUL25 400 P", "US0378331005", "SPY 2025-07-18"])
def test_a_name_that_no_event_would_have_is_refused(symbol: str) -> None:
    with pytest.raises(ValueError, match="symbol: "):
        WaitCondition(event="execution", symbol=symbol)


def test_an_order_is_no_execution_and_an_execution_no_order() -> None:
    assert not met(event("order", status="Filled", filled=1.0), event="execution")
    assert not met(event("execution", shares=1.0), event="order_filled", orderKey=KEY)


@pytest.mark.parametrize(("state", "ready"), [("ready", True), ("link_down", False), ("connecting", False)])
def test_the_session_is_ready_or_lost(state: str, ready: bool) -> None:
    found = event("session", state=state)

    assert met(found, event="session_ready") is ready
    assert met(found, event="session_lost") is not ready


@pytest.mark.parametrize("kind", ["halt", "resume"])
def test_the_kill_switch_is_an_event(kind: EventKind) -> None:
    assert met(event(kind), event=kind)
    assert not met(event("session", state="ready"), event=kind)


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("approved", "order_approved"),
        ("refused", "order_refused"),
        ("declined", "order_refused"),
        ("asked", ""),
        ("expired", "order_refused"),
        ("voided", "order_refused"),
    ],
)
def test_a_persons_decision_is_on_the_order_of_the_key(state: str, wanted: str) -> None:
    found = SessionEvent("approval", "2026-01-02T03:04:05Z", key=KEY, details={"state": state})

    for each in ("order_approved", "order_refused"):
        assert met(found, event=each, orderKey=KEY) is (each == wanted)
        assert not met(found, event=each, orderKey="key-0002")
    assert not met(found, event="order_done", orderKey=KEY)


def test_an_alert_meets_the_condition_of_its_owner_alone() -> None:
    alertId = f"{owner_tag('anna')}-{'a' * 16}"
    condition = WaitCondition.model_validate({"event": "alert", "alertId": alertId})
    fired = event("alert", watch=alertId)

    assert [meets(fired, condition, each) for each in ("anna", "bert", "")] == [True, False, False]


CANCELLED = {"status": "Cancelled", "done": True, "filled": 0.0, "code": 202, "message": "Order Canceled"}
FILLED = {"status": "Filled", "done": True, "filled": 10.0, "code": None, "message": None}
REJECTED = {"status": "Inactive", "done": True, "rejected": True, "code": 201, "message": "No margin", "filled": 0.0}


@pytest.mark.parametrize("wanted", ["order_filled", "order_partly_filled", "order_rejected", "order_done", "execution"])
@pytest.mark.parametrize(
    ("details", "instead"),
    [
        (CANCELLED, "order_done"),
        (FILLED, "order_filled"),
        (REJECTED, "order_rejected"),
        ({"status": "unknown", "done": False, "not_found": True}, "order_done"),
        ({"status": "Submitted", "done": False, "filled": 4.0}, None),
        ({"status": "Inactive", "done": False, "filled": 0.0}, None),  # TWS revives a held order
    ],
)
def test_what_an_order_that_has_ended_cannot_bring_any_more(
    wanted: str, details: dict[str, object], instead: str | None
) -> None:
    told = event("order", **details)

    assert happened_instead(told, WaitCondition(event=wanted, orderKey=KEY)) == instead
    assert happened_instead(told, WaitCondition(event=wanted, permId=98)) is None


def test_executions_of_any_order_may_always_come() -> None:
    for named in ({}, {"symbol": "SPY"}, {"conId": 756733}):
        assert (
            happened_instead(event("order", **FILLED), WaitCondition.model_validate({"event": "execution", **named}))
            is None
        )


@pytest.mark.parametrize(
    ("state", "wanted", "instead"),
    [
        ("refused", "order_approved", "order_refused"),
        ("voided", "order_approved", "order_refused"),
        ("approved", "order_refused", "order_approved"),
        ("asked", "order_approved", None),
        ("refused", "order_filled", "order_refused"),
        ("approved", "order_filled", None),
    ],
)
def test_a_decision_ends_what_it_did_not_allow(state: str, wanted: str, instead: str | None) -> None:
    told = SessionEvent("approval", "2026-01-02T03:04:05Z", key=KEY, details={"state": state})

    assert happened_instead(told, WaitCondition(event=wanted, orderKey=KEY)) == instead
    assert happened_instead(told, WaitCondition(event=wanted, orderKey="key-0002")) is None


def test_a_wait_ends_once_all_its_conditions_have() -> None:
    filled, done = WaitCondition(event="order_filled", orderKey=KEY), WaitCondition(event="order_done", permId=98)
    endings = Endings([filled, done])
    endings.take(event("order", **REJECTED), {"kind": "order", "details": REJECTED})
    one = endings.complete
    endings.take(SessionEvent("order", "", permId=98, details=CANCELLED), {"kind": "order", "details": CANCELLED})

    assert (one, endings.complete) == (False, True)
    assert endings.first()[0] == 1  # this one has come, though before the wait
    assert endings.told() == (
        f"order_filled of {KEY} cannot happen any more: the order is Inactive (201 No margin). "
        "order_done of 98 was so already."
    )


def test_an_order_that_is_open_after_all_may_fill() -> None:
    endings = Endings([WaitCondition(event="order_filled", orderKey=KEY)])
    endings.take(event("order", **CANCELLED), {"kind": "order", "details": CANCELLED})
    ended = endings.complete
    endings.take(event("order", status="Submitted", done=False), {"kind": "order", "details": {}})

    assert (ended, endings.complete) == (True, False)


def test_an_alert_is_its_principals_alone() -> None:
    alertId = f"{owner_tag('claude')}-abc"

    require_own_alert(None, "codex")
    require_own_alert(alertId, "claude")
    with pytest.raises(ToolError, match="another client's") as refused:
        require_own_alert(alertId, "codex")
    assert refused.value.code == "forbidden"
