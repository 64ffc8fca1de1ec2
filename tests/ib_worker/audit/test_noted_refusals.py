"""The bounds of refused calls that fronts report."""

from ib_worker.audit.noted_refusals import MOST, MOST_OF_ONE, WINDOW_S, NotedRefusals


def test_a_clients_flood_is_cut_and_takes_nothing_from_another_client() -> None:
    noted = NotedRefusals()
    flood = [noted.admits("flood", 1.0) for _ in range(MOST_OF_ONE + 1)]

    assert flood == [True] * MOST_OF_ONE + [False]
    assert noted.admits("other", 1.0)
    assert not noted.admits("flood", WINDOW_S)
    assert noted.admits("flood", 1.0 + WINDOW_S)


def test_made_up_names_are_cut_together() -> None:
    noted = NotedRefusals()

    assert sum(noted.admits(f"client {number}", 1.0) for number in range(2 * MOST)) == MOST
