"""The operator's commands: they act on a session that is there, say which, and say so where nothing was done."""

import ast
import re
from pathlib import Path

import pytest

RELEASES = re.compile(r"(-m cli|run --rm \S+|exec \S+) (resume|approve)\b")
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.trial("A28")
def test_no_text_of_a_service_names_a_command_that_releases_or_approves() -> None:
    """What front and worker say reaches models, and a coding agent has a shell."""
    found = []
    for path in (each for part in ("bridge", "ib_worker", "mcp_front") for each in (ROOT / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found += [(path.name, each[0]) for each in RELEASES.finditer(node.value)]

    assert found == []
