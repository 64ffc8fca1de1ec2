"""Makes a caller's free text harmless: one printable line of bounded length. Pure."""

import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # control, bidi and zero-width, surrogates, line ends


def one_line(text: str, longest: int) -> str:
    """Return the text without hidden characters, its white space single, cut to `longest` characters."""
    if len(text) <= longest and text.isascii() and text.isprintable() and " ".join(text.split()) == text:
        return text  # as most names are
    head = text[: longest * 4]  # a megabyte is not gone through
    shown = "".join(" " if unicodedata.category(char) in HIDDEN else char for char in head)
    line = " ".join(shown.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
