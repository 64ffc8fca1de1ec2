"""The files' results: a kept one stands while its file and tests are the same; the summary names each bad one."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from tests.mutation.files import EXCUSED, NOTICED, RED, UNNOTICED, Result, digest, standing, summary

FILE, OTHER = "bridge/bus/keys.py", "bridge/bus/halt.py"
GOOD = Result(FILE, NOTICED, "change 1", digest(FILE))


def kept(path: Path, *results: Result) -> Path:
    path.write_text("".join(json.dumps(asdict(result)) + "\n" for result in results), encoding="utf-8")
    return path


def test_a_good_result_stands_while_its_file_and_its_tests_are_the_same(tmp_path: Path) -> None:
    results = kept(tmp_path / "good", GOOD, Result(OTHER, NOTICED, "", "of an older file"))

    assert standing(results, [FILE, OTHER]) == {FILE: GOOD}
    assert standing(results, [OTHER]) == {}
    assert standing(tmp_path / "none", [FILE]) == {}


def test_the_last_result_of_a_file_counts(tmp_path: Path) -> None:
    bad = replace(GOOD, outcome=UNNOTICED)

    assert standing(kept(tmp_path / "worse", GOOD, bad), [FILE]) == {}
    assert standing(kept(tmp_path / "better", bad, GOOD), [FILE]) == {FILE: GOOD}


def test_the_summary_counts_the_outcomes_and_names_each_bad_one() -> None:
    results = [GOOD, Result("a.py", EXCUSED, "why", ""), Result("b.py", UNNOTICED, "12 changes", ""), replace(GOOD)]

    *bad, counts = summary([*results, Result("c.py", RED, "", "")]).splitlines()

    assert [line.split() for line in bad] == [["b.py", "NOT", "NOTICED:", "12", "changes"], ["c.py", *RED.split()]]
    assert counts == f"5 files: 2 noticed, 1 excused, 1 {UNNOTICED}, 1 {RED}"
