"""Headlines and bulletins as TWS sends them."""

from typing import NamedTuple


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
