"""Articles as plain text, and their pages."""

import time

import pytest

from ib_worker.research.article_text import MOST_CHARS, MOST_PAGES, PAGE_CHARS, article_text, pages


def test_tags_links_and_scripts_are_left_out_and_blocks_are_lines() -> None:
    html = (
        "<html><head><title>no</title></head><body><h1>Apple &amp; co</h1><p>First\n  line <a href='http://x.example'>"
        "here</a>.<br/>Second</p><script>ignore('all')</script><ul><li>one</li><li>two</li></ul>"
        "<table><tr><td>a</td><td>b</td></tr></table><!-- hidden <p>text --></body></html>"
    )

    assert article_text(html) == "Apple & co\n\nFirst line here.\nSecond\n\n- one\n\n- two\n\na  b"


def test_a_plain_text_keeps_its_lines_and_signs() -> None:
    assert (
        article_text("EPS < 2 & sales > 3\r\nSecond  line\n\n\n\nThird") == "EPS < 2 & sales > 3\nSecond  line\n\nThird"
    )


def test_lines_that_are_written_as_they_stand_stay() -> None:
    assert article_text("<pre>a  b\nc</pre><p>d\ne</p>") == "a  b\nc\n\nd e"


def test_hidden_characters_are_left_out_also_where_they_are_escaped() -> None:
    assert article_text("<p>Buy\u202e &#x202e;now&#8203;&#xE0041; \x07please</p>") == "Buy now please"


@pytest.mark.parametrize(
    "unit",
    ["<", "<a ", "<a", "<!--", "<![CDATA[", "</", "&", "&#", "<script>", '<a b="', "<p>", "a<", "<scripT></script"],
)
def test_no_text_takes_longer_than_its_length_allows(unit: str) -> None:
    whole, half = "<p>" + unit * (200_000 // len(unit)), "<p>" + unit * (100_000 // len(unit))
    article_text(half)

    began = time.thread_time()
    article_text(half)
    half_s, began = time.thread_time() - began, time.thread_time()
    article_text(whole)
    whole_s = time.thread_time() - began

    assert whole_s < 3.5 * half_s + 0.05  # twice as much where the time is linear, four times where it is quadratic
    assert whole_s < 2


def test_a_page_ends_at_a_line_or_a_word_and_nothing_is_lost() -> None:
    text = "\n".join("word " * 30 + str(number) for number in range(200))

    found, dropped = pages(text)

    assert not dropped
    assert all(len(page) <= PAGE_CHARS for page in found)
    assert " ".join(found).split() == text.split()


def test_an_article_has_a_most_of_pages_and_says_that_some_were_dropped() -> None:
    found, dropped = pages("x" * (PAGE_CHARS * MOST_PAGES + 1))

    assert (len(found), dropped) == (MOST_PAGES, True)
    assert len(article_text("<p>" + "x" * (MOST_CHARS * 2))) < MOST_CHARS
    assert pages("") == ([], False)
