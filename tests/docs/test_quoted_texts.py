"""Pages quote the texts of the status and of the commands as the code writes them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
TABLES = [line for line in PAGE.split("\n## States\n")[1].split("\n## ")[0].splitlines() if line.startswith("|")]
QUOTED = sorted({quote for row in TABLES for quote in re.findall(r'"([^"]+)"', row)})
PAPER = (ROOT / "docs" / "paper-trading.md").read_text(encoding="utf-8")
REMEDIES = re.findall(r"^ +→ (.+)$", PAPER, re.MULTILINE)
SHORTEST = 4  # characters of a part worth a search


def texts_of(package: str) -> Iterator[str]:
    """Yield every string of a package, the fixed parts of formatted ones too."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


TEXTS = "\n".join(
    text for package in ("bridge", "mcp_front", "console", "ib_worker", "cli") for text in texts_of(package)
)


@pytest.mark.parametrize("quote", [*QUOTED, *REMEDIES])
def test_a_text_that_the_page_quotes_is_one_of_the_code(quote: str) -> None:
    """`…` in a quote stands for a value."""
    parts = [part.strip(" ,.") for part in quote.split("…")]

    assert [part for part in parts if len(part) >= SHORTEST and part not in TEXTS] == []
