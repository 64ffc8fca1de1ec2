"""A news article as plain text, and its pages. Pure.

The standard library's HTMLParser takes 17 s for 50,000 characters of open tags, so tags are found by a scan that passes
each character once. The text is never shown as HTML: nothing has to be sanitized but characters without a glyph.
"""

import re
from html import unescape

from ib_worker.tws.values.text import clean

MOST_CHARS = 400_000  # of an article as TWS sends it; the rest is dropped
PAGE_CHARS = 6_000  # some 1,500 tokens
MOST_PAGES = 20
UNREAD = frozenset({"script", "style", "head", "title", "template"})  # their contents are no text
LINES = frozenset(
    {
        "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
        "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "tr", "ul",
    }
)  # fmt: skip
CELLS = frozenset({"td", "th"})
# Possessive quantifiers: a tag that never ends is passed once and not tried again from each of its characters.
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*+)[^<>]*+>")
_HTML = re.compile(r"</?(?:html|body|p|br|div|span|pre|table|b|i|a|ul|h[1-6])(?![A-Za-z0-9])[^<>]*+>", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{3,}")
_SPACE = re.compile(r"\s+")


def article_text(sent: str) -> str:
    """Return the article's lines, without tags, links and hidden characters."""
    sent = sent[:MOST_CHARS]
    text = _HtmlScan(sent).text() if _HTML.search(sent) else sent
    lines = [clean(line).strip() for line in text.replace("\r\n", "\n").split("\n")]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def pages(text: str) -> tuple[list[str], bool]:
    """Return the pages, each cut at the end of a line or word where there is one, and whether some were dropped."""
    found: list[str] = []
    while text and len(found) < MOST_PAGES:
        end = _page_end(text)
        found.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return found, bool(text)


def _page_end(text: str) -> int:
    if len(text) <= PAGE_CHARS:
        return len(text)
    ends = (text.rfind(mark, PAGE_CHARS // 2, PAGE_CHARS) for mark in ("\n", " "))
    return next((end for end in ends if end > 0), PAGE_CHARS)


class _HtmlScan:
    """Reads HTML from its start to its end."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._parts: list[str] = []
        self._as_written = False  # inside <pre>

    def text(self) -> str:
        at = 0
        while (start := self._html.find("<", at)) >= 0:
            self._add(self._html[at:start])
            at = self._past(start)
        self._add(self._html[at:])
        return "".join(self._parts)

    def _add(self, text: str) -> None:
        text = unescape(text)
        self._parts.append(text if self._as_written else _SPACE.sub(" ", text))

    def _past(self, start: int) -> int:
        """Return where the text goes on after the tag, comment or sign that begins at `start`."""
        if self._html.startswith("<!--", start):
            return self._after("-->", start)
        if self._html.startswith(("<!", "<?"), start):
            return self._after(">", start)
        tag = _TAG.match(self._html, start)
        if tag is None:
            self._parts.append("<")
            return start + 1
        return self._tag(tag)

    def _tag(self, tag: re.Match[str]) -> int:
        closes, name = bool(tag[1]), tag[2].lower()
        if name == "pre":
            self._as_written = not closes
        self._parts.append("\n" if name in LINES else " " if name in CELLS else "")
        if name == "li" and not closes:
            self._parts.append("- ")
        if name in UNREAD and not closes:
            end = re.compile(f"</{name}", re.IGNORECASE).search(self._html, tag.end())
            return end.start() if end else len(self._html)
        return tag.end()

    def _after(self, end: str, start: int) -> int:
        """Return where `end` is over; all of the text where it never comes."""
        at = self._html.find(end, start)
        return len(self._html) if at < 0 else at + len(end)
