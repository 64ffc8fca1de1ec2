"""docs/adding-a-tool.md, followed to the letter on a copy of the project."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "adding-a-tool.md").read_text(encoding="utf-8")
STEP = re.compile(
    r"^(Below the imports|At the end|The whole) of `([^`]+)`.*?:\n\n```python\n(.*?)^```", re.DOTALL | re.MULTILINE
)
LAST_IMPORT = re.compile(r".*^(?:from|import) (?:[^\n]*\([^)]*\)|[^\n]*)\n", re.DOTALL | re.MULTILINE)
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".state", ".*_cache", ".hypothesis", "__pycache__")
NEW_TEST = "tests/ib_worker/scenarios/test_market_rule.py"
FOLLOWED = "class GetMarketRule(" in (ROOT / "bridge/tools/market/contracts.py").read_text(encoding="utf-8")
ITS_EXAMPLE = """
from bridge.tool import TOOLS
from bridge.tools.market import contracts
from ibgateway.simulator.world.instruments.details import market_rule
from tests.stacks.example_arguments import example_arguments

assert market_rule(**example_arguments(TOOLS["ibkr_get_market_rule"]))
"""
# The tool's own test, and tests that look at every tool.
CHECKS = (
    NEW_TEST,
    "tests/test_architecture.py",
    "tests/test_naming.py",
    "tests/bridge/test_json_schema.py",
    "tests/e2e/test_every_tool.py::test_every_tool_has_its_cell_or_a_reason",
    "tests/mcp_front/scenarios/test_calls_over_http.py::test_every_tool_says_at_once_that_no_worker_is_there",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project without what is installed or generated beside it."""
    return Path(shutil.copytree(ROOT, tmp_path / "project", ignore=LEFT_OUT, symlinks=True))


def follow(project: Path) -> set[str]:
    """Carry out each step of the page, and return the files that it edits by hand."""
    steps = STEP.findall(PAGE)
    for where, name, code in steps:
        path = project / name
        text = "" if where == "The whole" else path.read_text(encoding="utf-8")
        path.write_text(placed(where, text, code), encoding="utf-8")
    return {name for _, name, _ in steps}


def placed(where: str, text: str, code: str) -> str:
    """Return the file's text with the code where the page says."""
    if where == "Below the imports":
        imports = LAST_IMPORT.match(text)
        assert imports is not None
        return imports[0] + code + text[imports.end() :]
    return f"{text}\n\n{code}" if text else code


def run(project: Path, *arguments: str) -> None:
    ran = subprocess.run([sys.executable, *arguments], cwd=project, capture_output=True, text=True)
    assert ran.returncode == 0, f"{' '.join(arguments)}:\n{ran.stdout}\n{ran.stderr}"


@pytest.mark.skipif(FOLLOWED, reason="the page was followed in this folder already")
@pytest.mark.long  # make check runs it, as it checks the whole project once more
@pytest.mark.timeout(300)
def test_the_page_adds_a_tool_that_passes_its_test_and_every_check_of_all_tools(project: Path) -> None:
    edited = follow(project)
    run(project, "-m", "ruff", "check", "--quiet", "--select", "I", "--fix", ".")
    run(project, "-m", "ruff", "format", "--quiet", ".")
    run(project, "-m", "cli", "reference")
    run(project, "-m", "cli", "reference", "--schemas")

    run(project, "-m", "ruff", "check", "--quiet", ".")
    run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *CHECKS)
    run(project, "-c", ITS_EXAMPLE)  # make api-examples calls the tool with them
    assert len(edited | {"docs/coverage.md", "CHANGELOG.md"}) <= 5
    assert NEW_TEST in edited
    assert "`ibkr_get_market_rule`" in (project / "README.md").read_text(encoding="utf-8")
