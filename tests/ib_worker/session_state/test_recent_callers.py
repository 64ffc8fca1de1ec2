"""Callers are listed by their last call."""

from ib_worker.session_state.recent_callers import MOST_CALLERS, RecentCallers


def test_who_has_called_lately_is_known_the_latest_last() -> None:
    callers = RecentCallers()
    for caller in ("claude", "codex", "claude"):
        callers.note(caller, "get_quotes")

    assert callers.names() == ["codex", "claude"]
    assert callers.names(beside="claude") == ["codex"]
    assert [(name, did, calls) for name, did, _, calls in callers.activity()] == [
        ("claude", "get_quotes", 2),
        ("codex", "get_quotes", 1),
    ]


def test_the_callers_of_longest_ago_are_forgotten() -> None:
    callers = RecentCallers()
    for number in range(MOST_CALLERS + 1):
        callers.note(f"c{number}", "get_quotes")

    assert (len(callers.names()), callers.names()[0]) == (MOST_CALLERS, "c1")
