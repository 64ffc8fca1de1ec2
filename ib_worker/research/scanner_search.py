"""Finds scanner parameters by words, and the nearest of a code that TWS does not have. Pure."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from ib_worker.research.scanner_xml import ScannerParameter

NEAREST = 5
_WORD = re.compile(r"[a-z0-9%$]+")


def of_words(parameters: Sequence[ScannerParameter], words: str) -> list[ScannerParameter]:
    """Return the parameters with every word in their code or name; where there are none, those with most words."""
    wanted = _words(words)
    if not wanted:
        return list(parameters)
    scored = [(sum(word in text for word in wanted), each) for each in parameters for text in (_text(each),)]
    most = max((score for score, _ in scored), default=0)
    return [each for score, each in scored if score == most] if most else []


def nearest(parameters: Sequence[ScannerParameter], code: str) -> list[str]:
    """Return the codes that are written most alike, else those that have some of its words."""
    codes = {each.code.lower(): each.code for each in parameters}
    alike = [codes[each] for each in get_close_matches(code.lower(), codes, NEAREST, 0.6)]
    return alike or [each.code for each in of_words(parameters, code)[:NEAREST]]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("_", " "))


def _text(parameter: ScannerParameter) -> str:
    return f"{parameter.code} {parameter.name}".lower()
