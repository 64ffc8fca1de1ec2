"""Measures the sentences of the documentation pages.

`.venv/bin/python -m tests.docs.sentences` prints the figures of each page; with the names of pages it prints their
sentences, longest first.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parent.parent.parent
MEDIAN_WORDS = 16
LONG_WORDS = 28  # the bar of the 90th percentile

BLOCK = re.compile(r"^ *```.*?^ *```$|<!--.*?-->", re.DOTALL | re.MULTILINE)
NO_PROSE = re.compile(r"\|| {4,}\S|#+ |---$")  # a table's row, an indented block, a heading, a rule
LIST_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
INLINE_CODE = re.compile(r"`[^`]+`")
SENTENCE_END = re.compile(r"(?<=[.!?])[*_)\"]*\s+(?=[*_(\"]*[A-Z0-9])")
CODE = "CODE"
WORD = re.compile(r"\S*\w\S*")


@dataclass(frozen=True, slots=True)
class Figures:
    """Words per sentence of one page: the median and the 90th percentile."""

    sentences: int
    median: float
    long: float

    @property
    def hold(self) -> bool:
        """Whether the page is within both bars."""
        return self.median <= MEDIAN_WORDS and self.long <= LONG_WORDS


def documentation_pages() -> list[Path]:
    """Return the pages at the top and every page of docs/."""
    top = [ROOT / name for name in ("README.md", "API.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
    return [*top, *sorted((ROOT / "docs").glob("*.md"))]


def sentences(text: str) -> list[str]:
    """Return the sentences of a Markdown text; code blocks, tables and headings are left out.

    Inline code becomes the one word CODE, and a link its text. A list item is a paragraph of its own.
    A paragraph of nothing but inline code, such as a list of tests, has no sentence.
    """
    return [
        sentence
        for paragraph in _paragraphs(BLOCK.sub("", text))
        for sentence in SENTENCE_END.split(_plain(paragraph))
        if WORD.search(sentence.replace(CODE, ""))
    ]


def figures(lengths: list[int]) -> Figures:
    """Return the figures of sentences with these numbers of words; at least one is needed."""
    long = quantiles(lengths, n=10, method="inclusive")[8] if len(lengths) > 1 else float(lengths[0])
    return Figures(len(lengths), median(lengths), long)


def words(sentence: str) -> int:
    """Count the words of a sentence; a number with its unit counts as two."""
    return len(WORD.findall(sentence))


def _paragraphs(text: str) -> Iterator[str]:
    lines: list[str] = []
    for line in text.splitlines():
        ends = not line.strip() or NO_PROSE.match(line)
        if lines and (ends or LIST_ITEM.match(line)):
            yield " ".join(lines)
            lines = []
        if not ends:
            lines.append(LIST_ITEM.sub("", line, count=1).strip())
    if lines:
        yield " ".join(lines)


def _plain(paragraph: str) -> str:
    return LINK.sub(r"\1", INLINE_CODE.sub(CODE, paragraph))


def _show(page: Path) -> None:
    found = sentences(page.read_text(encoding="utf-8"))
    seen = figures([words(each) for each in found])
    name = str(page.relative_to(ROOT))
    print(f"{name:40} {seen.sentences:4} sentences, median {seen.median:4.1f}, 90th percentile {seen.long:4.1f}")


def _main() -> None:
    if names := sys.argv[1:]:
        for name in names:
            for each in sorted(sentences(Path(name).read_text(encoding="utf-8")), key=words, reverse=True):
                print(f"{words(each):3} {each}")
        return
    for page in documentation_pages():
        _show(page)


if __name__ == "__main__":
    _main()
