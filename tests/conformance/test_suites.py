"""The verdict over a suite's results, without the suite: `make conformance` runs those."""

import json
from collections import Counter
from pathlib import Path

from tests.conformance.suites import Checks, Expected, expected, faults, read_results

KNOWN = Expected(frozenset({"ping"}), frozenset({"calls-a-fixture"}), frozenset({"keeps-a-session"}))


def checks(**statuses: str) -> Checks:
    return {name.replace("_", "-"): Counter(status.split()) for name, status in statuses.items()}


def test_check_that_fails_on_the_front_alone_is_a_fault() -> None:
    ours, alone = {"tools": checks(a="SUCCESS FAILURE")}, {"tools": checks(a="SUCCESS SUCCESS")}

    assert list(faults(ours, alone, KNOWN)) == ["tools: a is worse than with FastMCP alone"]


def test_check_that_fails_on_both_or_on_fastmcp_alone_is_none() -> None:
    ours, alone = {"tools": checks(a="FAILURE", b="SUCCESS")}, {"tools": checks(a="FAILURE", b="FAILURE")}

    assert list(faults(ours, alone, KNOWN)) == []


def test_check_that_the_front_leaves_out_is_a_fault_unless_it_is_of_a_session() -> None:
    alone = {"tools": checks(a="SUCCESS", keeps_a_session="SUCCESS")}

    assert list(faults({"tools": checks(a="SKIPPED")}, alone, KNOWN)) == ["tools: a is worse than with FastMCP alone"]
    assert list(faults({}, alone, KNOWN)) == ["tools: a is worse than with FastMCP alone"]


def test_failure_where_fastmcp_has_no_such_check_is_a_fault() -> None:
    assert list(faults({"tools": checks(a="FAILURE")}, {}, KNOWN)) == ["tools: a is worse than with FastMCP alone"]


def test_scenario_without_a_fixture_may_not_fail_even_where_fastmcp_does() -> None:
    both = {"ping": checks(a="FAILURE", calls_a_fixture="FAILURE")}

    assert list(faults(both, both, KNOWN)) == ["ping: a fails, and needs no fixture"]


def test_results_are_counted_by_scenario_and_check(tmp_path: Path) -> None:
    folder = tmp_path / "server-sep-2164-not-found-2026-11-30T00-43-21-062Z"
    folder.mkdir()
    found = [{"id": "a", "status": "SUCCESS"}, {"id": "a", "status": "FAILURE"}]
    (folder / "checks.json").write_text(json.dumps(found))

    assert read_results(tmp_path) == {"sep-2164-not-found": {"a": Counter(SUCCESS=1, FAILURE=1)}}


def test_lists_of_scenarios_and_checks_are_read() -> None:
    known = expected()

    assert {"ping", "tools-list", "server-stateless"} <= known.no_fixture
    assert not known.fixture_checks & known.session_checks
