"""Headlines and bulletins as TWS sends them, and a headline's text made harmless. Pure."""

import re
from typing import NamedTuple

from ib_worker.tws.values.text import untrusted

HEADLINE_CHARS, ID_CHARS = 300, 64
# Some providers' headlines begin with codes: {A:265598:L:en:K:0.97:C:0.97}.
_CODES = re.compile(r"^(\{[^{}]{0,200}\})+!?")


class SentHeadline(NamedTuple):
    """historicalNews."""

    time: str
    providerCode: str
    articleId: str
    headline: str


class SentBulletin(NamedTuple):
    """updateNewsBulletin."""

    msgId: int
    type: int
    text: str
    exchange: str


def headline_text(headline: str) -> str:
    """Return the headline as one bounded line, without its provider's codes and hidden characters."""
    return untrusted(_CODES.sub("", headline), HEADLINE_CHARS)
