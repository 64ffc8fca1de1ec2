"""Links to parts of pages lead to their headings, and files that pages name exist."""

import re
from pathlib import Path

import pytest

from tests.docs.sentences import ROOT, documentation_pages

PAGES = documentation_pages()
LINK = re.compile(r"\]\(([^)\s#:]*)#([^)\s]+)\)")
PATH = re.compile(
    r"`((?:bridge|mcp_front|ib_worker|cli|ibgateway|tests|deploy|requirements|benchmarks|docs)/[\w./-]+)`"
)
NEW_IN_AN_EXAMPLE = {"tests/ib_worker/scenarios/test_market_rule.py"}
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE_BLOCK = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(CODE_BLOCK.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_to_a_part_of_a_page_names_its_heading(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))

    assert [f"{name}#{part}" for name, part in links if part not in anchors(page.parent / name if name else page)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_or_folder_that_a_page_names_exists(page: Path) -> None:
    named = set(PATH.findall(page.read_text(encoding="utf-8"))) - NEW_IN_AN_EXAMPLE

    assert {path for path in named if not (ROOT / path).exists()} == set()
