"""
`python -m tests.mutation AREA`: changes one thing of the product at a time, and counts how often a test turns red.

mutmut makes the mutants, in a copy of the tree under .state/mutants, and runs for each the tests that reach its
function. `--digits 3 7` takes only the mutants whose number in their function ends so: a fifth of all, and the same
fifth on every run. A mutant that no test reaches counts as one that nobody noticed.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.layout import ROOT
from tests.mutation.tree import KEPT, copied_tree

LOCK = "requirements/mutants.txt"
SURVIVED, UNREACHED = 0, 33  # how mutmut writes down that the tests passed, and that there were none


@dataclass(frozen=True)
class Area:
    """What is changed, which tests have to notice, and the share of mutants that they must notice."""

    package: str
    tests: tuple[str, ...]
    bar: float
    files: tuple[str, ...] = ()  # all of the package where it names none
    without: tuple[str, ...] = field(default=())  # tests that take longer than a mutant is worth


AREAS = {
    "bridge": Area(
        "bridge",
        ("tests/bridge",),
        0.80,
        without=("tests/bridge/bus/records/test_records.py::test_records_do_what_the_model_does",),
    ),
    "orders": Area(
        "ib_worker",
        (
            "tests/ib_worker/orders/test_report.py",
            "tests/ib_worker/orders/test_state.py",
            "tests/ib_worker/orders/test_state_changes.py",
            "tests/ib_worker/orders/test_state_history.py",
            "tests/ib_worker/orders/test_tracker.py",
            "tests/ib_worker/pre_trade/test_trading_hours.py",
            "tests/ib_worker/scenarios/test_closed_markets.py",
            *(
                f"tests/ib_worker/risk/test_{name}.py"
                for name in (
                    "exchange_rates",
                    "limits",
                    "order_prices",
                    "position_effect",
                    "short_options",
                    "trading_mode",
                    "worth",
                )
            ),
        ),
        0.85,
        files=(
            "ib_worker/account/exchange_rates.py",
            "ib_worker/orders/state.py",
            "ib_worker/orders/tracker.py",
            "ib_worker/pre_trade/trading_hours.py",
            "ib_worker/risk/limits.py",
            "ib_worker/risk/trading_mode.py",
            *(
                f"ib_worker/risk/{name}.py"
                for name in (
                    "order_prices",
                    "position_effect",
                    "short_options",
                    "worth",
                )
            ),
        ),
    ),
    "conversions": Area(
        "ib_worker",
        (
            "tests/ib_worker/tws/values/test_convert.py",
            "tests/ib_worker/tws/test_errors.py",
            "tests/ib_worker/market_data/test_quote.py",
        ),
        0.80,
        files=("ib_worker/tws/values/convert.py", "ib_worker/tws/errors.py", "ib_worker/market_data/quote.py"),
    ),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("area", choices=AREAS)
    parser.add_argument("--digits", nargs="+", choices=list("0123456789"), default=[], help="a tenth each (all)")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    options = parser.parse_args(arguments)
    area, place = AREAS[options.area], KEPT / options.area
    mutmut = _installed()
    _copy(area, place)
    chosen = [f"*__mutmut_{digit}" for digit in options.digits] + [f"*__mutmut_*{digit}" for digit in options.digits]
    subprocess.run([mutmut, "run", "--max-children", str(options.jobs), *chosen], cwd=place, check=True)
    return _report(area, place)


def _installed() -> Path:
    """mutmut and all that the tests need, from its hashed lock, beside the copies."""
    venv = KEPT / "venv"
    uv = str(Path(sys.executable).parent / "uv")
    if not venv.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(venv)], check=True)
    install = [uv, "pip", "sync", "--quiet", "--python", str(venv / "bin" / "python"), "--require-hashes", LOCK]
    subprocess.run(install, cwd=ROOT, check=True)
    return venv / "bin" / "mutmut"


def _copy(area: Area, place: Path) -> None:
    """The tree as git tracks it, with mutmut told what to do there."""
    names = copied_tree(place)
    beside = sorted({name.split("/")[0] for name in names} - {area.package, "tests"})
    told = {
        "source_paths": [area.package],
        "only_mutate": list(area.files),
        "also_copy": beside,
        "pytest_add_cli_args_test_selection": list(area.tests),
        "pytest_add_cli_args": ["-p", "no:xdist", *(f"--deselect={each}" for each in area.without)],
        "use_git_change_detection": False,
        "track_dependencies": False,
    }
    with (place / "pyproject.toml").open("a", encoding="utf-8") as project:  # a list of strings is TOML as it is JSON
        project.write("\n[tool.mutmut]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in told.items()))


def _report(area: Area, place: Path) -> int:
    """Each survivor by name, the counts by file, and the score; 1 where it is under the area's bar."""
    noticed, all_of = Counter[str](), Counter[str]()
    for meta in sorted((place / "mutants" / area.package).rglob("*.meta")):
        name = str(meta.relative_to(place / "mutants")).removesuffix(".meta")
        for mutant, code in json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"].items():
            if code is None:
                continue
            all_of[name] += 1
            noticed[name] += code not in (SURVIVED, UNREACHED)
            if code in (SURVIVED, UNREACHED):
                print(("not reached  " if code == UNREACHED else "survived     ") + re.sub("x(ǁ|_)", "", mutant))
    for name, count in all_of.items():
        print(f"{name:<40} {noticed[name]:4} of {count:4}")
    score = noticed.total() / max(all_of.total(), 1)
    print(f"\n{noticed.total()} of {all_of.total()} mutants were noticed: {score:.1%}; the bar is {area.bar:.0%}")
    return int(score < area.bar)
