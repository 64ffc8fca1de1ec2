"""Texts of TWS: cleaned where they are decoded, quoted and attributed where they are shown. Pure.

A text may carry characters that nobody sees: control characters end a line of a log, bidirectional ones turn a sentence
around, and tag characters and variation selectors hide whole messages that a model reads and a person does not.
"""

import unicodedata
from collections.abc import Sequence

MESSAGE_CHARS = 500  # of a broker's text: enough for a rejection, too little to bury a prompt in
HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})  # Unicode's categories of characters without a glyph
# Characters of other categories that show nothing: fillers, the Braille blank, variation selectors.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
SELECTORS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def clean(value: str) -> str:
    """The text on one line, with a space in place of each run of hidden characters."""
    if value.isascii() and value.isprintable():
        return value
    shown = "".join("\n" if _hidden(each) else each for each in value)
    return " ".join(filter(None, (part.strip() for part in shown.split("\n"))))


def cleaned(fields: Sequence[str]) -> list[str]:
    """The fields of one message, each cleaned. Most messages are printable ASCII, which costs next to nothing."""
    if all(map(str.isascii, fields)) and all(map(str.isprintable, fields)):
        return list(fields)
    return [clean(each) for each in fields]


def message(value: str) -> str:
    """A broker's text, made harmless to show: one line, no hidden characters, bounded."""
    return clean(value).strip()[:MESSAGE_CHARS]


def untrusted(value: str, longest: int) -> str:
    """A text from outside TWS, such as a headline: one line without hidden characters, cut to `longest`."""
    line = clean(value[: longest * 4]).strip()  # a megabyte is not gone through
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def quoted(text: str) -> str:
    """The text in quotation marks that it cannot close by itself."""
    return '"' + message(text).replace('"', "'") + '"'


def tws_said(code: int, text: str) -> str:
    """An error or notice of TWS as a sentence of ours: TWS said (399): "…"."""
    return f"TWS said ({code}): {quoted(text)}."


def _hidden(character: str) -> bool:
    if character.isascii():
        return not character.isprintable()
    if character in BLANK or unicodedata.category(character) in HIDDEN:
        return True
    return any(ord(character) in each for each in SELECTORS)


def comma_list(value: str | None) -> list[str]:
    return [each for each in (value or "").split(",") if each]
