"""Headlines and bulletins as rows of a table, and times as TWS takes them. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from bridge.text.end_of_history import dated, end_of_history
from bridge.tools.types import Cell
from ib_worker.tws.values.news import ID_CHARS, SentBulletin, SentHeadline, headline_text
from ib_worker.tws.values.text import untrusted

BULLETIN_CHARS = 500
PROVIDER_NAME_CHARS = 60
NEWS_TIME = "%Y-%m-%d %H:%M:%S.0"  # IBKR's page "News": in UTC
COLUMNS = ("time", "providerCode", "articleId", "untrusted_headline")
BULLETIN_COLUMNS = ("msgId", "type", "exchange", "untrusted_text")
# IBKR's page "News bulletins": 1 a regular bulletin, 2 an exchange no longer trades, 3 it trades again.
TYPES = {1: "news", 2: "halt", 3: "resumption"}


def headline_rows(sent: Sequence[SentHeadline]) -> list[list[Cell]]:
    """Return `COLUMNS` of each, the latest first."""
    rows: list[list[Cell]] = [
        [
            _utc(each.time),
            untrusted(each.providerCode, ID_CHARS),
            untrusted(each.articleId, ID_CHARS),
            headline_text(each.headline),
        ]
        for each in sent
    ]
    return sorted(rows, key=lambda row: str(row[0]), reverse=True)


def bulletin_rows(sent: Sequence[SentBulletin]) -> list[list[Cell]]:
    """Return `BULLETIN_COLUMNS` of each, the latest first; TWS may send one twice."""
    once = {each.msgId: each for each in sent}
    return [
        [
            each.msgId,
            TYPES.get(each.type, "news"),
            untrusted(each.exchange, ID_CHARS) or None,
            untrusted(each.text, BULLETIN_CHARS),
        ]
        for each in reversed(once.values())
    ]


def news_time(written: str | None, now: datetime, *, end: bool) -> str:
    """Return an instant or a day of UTC as TWS takes it; nothing for none. The day of an end is whole."""
    if written is None:
        return ""
    at = end_of_history(dated(written, UTC, now))
    if not isinstance(at, datetime):
        at = datetime.combine(at + timedelta(days=int(end)), time(), UTC)
    return at.astimezone(UTC).strftime(NEWS_TIME)


def _utc(written: str) -> str:
    """Return TWS's time, such as 2025-06-10 13:05:11.0, in ISO form; one of another form stays, as it is written."""
    day, _, clock = written.partition(" ")
    seconds = clock.partition(".")[0]
    try:
        return datetime.fromisoformat(f"{day}T{seconds}+00:00").strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return untrusted(written, ID_CHARS)
