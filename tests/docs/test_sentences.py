"""The documentation has short sentences: the bars hold for each page and for all pages together."""

from pathlib import Path

import pytest

from tests.docs.sentences import LONG_WORDS, MEDIAN_WORDS, documentation_pages, figures, sentences, words

PAGES = documentation_pages()


def lengths(page: Path) -> list[int]:
    """Return the number of words of each sentence of a page."""
    return [words(each) for each in sentences(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_short_sentences(page: Path) -> None:
    found = figures(lengths(page))

    assert found.hold, f"{found}; {page.name} may have a median of {MEDIAN_WORDS} and a 90th percentile of {LONG_WORDS}"


def test_all_pages_together_have_short_sentences() -> None:
    assert figures([length for page in PAGES for length in lengths(page)]).hold


def test_a_sentence_ends_at_its_full_stop_and_at_the_end_of_a_list_item() -> None:
    text = "One fact. `code` begins\nthe second (1.5 s). Lists - two:\n\n- first case\n- second case,\n  more\n"

    assert sentences(text) == [
        "One fact.",
        "CODE begins the second (1.5 s).",
        "Lists - two:",
        "first case",
        "second case, more",
    ]


def test_code_tables_headings_and_targets_of_links_are_no_words() -> None:
    text = """# Heading

See [the page](a/long/target.md#part) and `two words`.

| a | table |
| --- | --- |

```python
code = 1
```

    indented code

`a/list.py::of`,
`tests.py::alone`
"""

    assert sentences(text) == ["See the page and CODE."]
    assert words("See the page and CODE.") == 5


def test_figures_are_the_median_and_the_90th_percentile() -> None:
    found = figures(list(range(1, 12)))

    assert (found.sentences, found.median, found.long) == (11, 6, 10)
    assert found.hold
    assert not figures([17]).hold
    assert not figures([1] * 8 + [29] * 2).hold
