"""Figures count while a service works, and no client can fill the memory with names."""

from bridge.metrics.figures import IDLE_S, OTHER, CallFigures, Distribution


def test_a_value_counts_below_the_bound_that_it_equals() -> None:
    figures = Distribution((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        figures.add(value)

    assert figures.counts == [2, 1, 1]
    assert figures.total == 7.65


def test_a_call_counts_by_tool_outcome_client_and_lane() -> None:
    figures = CallFigures()
    figures.ended("get_positions", "claude", "ok", 0.01, "direct")
    figures.ended("get_positions", "codex", "not_ready", 0.02, "fastmcp")

    assert figures.outcomes == {("get_positions", "ok"): 1, ("get_positions", "not_ready"): 1}
    assert sum(figures.by_tool["get_positions"].counts) == 2
    assert {name: each.total for name, each in figures.by_client.items()} == {"claude": 0.01, "codex": 0.02}
    assert figures.lanes == {"direct": 1, "fastmcp": 1}


def test_clients_beyond_the_bound_count_together() -> None:
    figures = CallFigures(most_clients=2)
    for number in range(1_000):
        figures.ended("get_positions", f"client {number}", "ok", 0.01)

    counts = {name: sum(each.counts) for name, each in figures.by_client.items()}
    assert counts == {"client 0": 1, "client 1": 1, OTHER: 998}


def test_a_client_that_has_long_gone_gives_its_place_to_a_new_one() -> None:
    now = 0.0
    figures = CallFigures(lambda: now, most_clients=1)
    figures.ended("get_positions", "old", "ok", 0.01)
    now = IDLE_S
    figures.ended("get_positions", "new", "ok", 0.01)

    assert list(figures.by_client) == ["new"]
