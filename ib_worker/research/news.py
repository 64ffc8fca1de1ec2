"""The requests for news, and their answers that are kept: providers for an hour, articles for ten minutes."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from ib_worker.pacing.caller import current_caller
from ib_worker.pacing.message_pacer import Priority
from ib_worker.research.article_text import MOST_CHARS
from ib_worker.research.headlines import PROVIDER_NAME_CHARS
from ib_worker.session.session import Session
from ib_worker.tws.requests import NEWS_BULLETINS, NEWS_PROVIDERS
from ib_worker.tws.values.news import ID_CHARS, SentBulletin, SentHeadline
from ib_worker.tws.values.text import untrusted

NEWS_S = 20.0  # a provider's archive may take seconds
BULLETINS_S = 1.5  # TWS sends the day's bulletins within a moment, and no end marker
QUIET_S = 0.5  # after a bulletin
PROVIDERS_KEPT_S = 3_600  # they change with a subscription
ARTICLE_KEPT_S = 600  # for the next page

TEXT = 0  # articleType of text and HTML; 1 is a file

Article = tuple[int, str]  # articleType, and the text as sent, of which `article_text` reads no more


async def news_providers(session: Session) -> dict[str, str]:
    """Return the code and name of each provider that the account may read through the API."""
    known: dict[str, str] | None = session.caches.reference_data.get(NEWS_PROVIDERS)
    if known is None:
        (sent,) = await session.tws.request_list(NEWS_PROVIDERS, lambda wire: wire.reqNewsProviders())
        known = {untrusted(each.code, ID_CHARS): untrusted(each.name, PROVIDER_NAME_CHARS) for each in sent}
        if known:  # none may be an answer of servers that are down
            session.caches.reference_data.keep(NEWS_PROVIDERS, known, PROVIDERS_KEPT_S)
    return known


async def headlines(
    session: Session,
    conId: int,
    codes: list[str],
    period: tuple[str, str],
    total: int,
) -> tuple[list[SentHeadline], bool]:
    """Return the headlines of the period as sent, and whether there are earlier ones."""
    asked = conId, "+".join(codes), *period, total
    sent: list[SentHeadline | bool] = await _asked(
        session, ("news", *asked), lambda wire, reqId: wire.reqHistoricalNews(reqId, *asked, [])
    )
    return [each for each in sent if isinstance(each, SentHeadline)], True in sent


async def article(session: Session, providerCode: str, articleId: str) -> Article:
    """Return the article's type and its text; of a file no text."""
    key = "article", providerCode, articleId
    known: Article | None = session.caches.reference_data.get(key)
    if known is None:
        kind, sent = await _asked(
            session, key, lambda wire, reqId: wire.reqNewsArticle(reqId, providerCode, articleId, [])
        )
        known = kind, sent[:MOST_CHARS] if kind == TEXT else ""  # a file has megabytes, and nobody is told them
        session.caches.reference_data.keep(key, known, ARTICLE_KEPT_S, len(known[1]))
    return known


async def _asked(session: Session, key: tuple[Any, ...], send: Callable[[Any, int], None]) -> Any:
    """Return TWS's answer, which equal requests at the same time share."""

    async def request() -> Any:
        async with asyncio.timeout(NEWS_S):
            return await session.tws.ask(send)

    return await session.tws.share_at_length(key, request, current_caller())


async def bulletins(session: Session) -> list[SentBulletin]:
    """Return the bulletins that TWS sends within `BULLETINS_S`, oldest first. A connection has one subscription."""
    sent: list[SentBulletin] = await session.tws.share_at_length(NEWS_BULLETINS, lambda: _bulletins(session))
    return sent


async def _bulletins(session: Session) -> list[SentBulletin]:
    tws = session.tws
    await tws.pacer.wait_turn(Priority.READS)
    wire: Any = tws.require_connection()  # ib_async's client is not annotated
    with tws.requests.expect(NEWS_BULLETINS) as pending:
        wire.reqNewsBulletins(True)
        try:
            sent: list[SentBulletin] = await pending.quiet(BULLETINS_S, QUIET_S, BULLETINS_S, lambda _: False)
        finally:
            tws.pacer.post(Priority.READS, partial(_end_bulletins, wire))
    return sent


def _end_bulletins(wire: Any) -> None:
    if not wire.lost.done():
        wire.cancelNewsBulletins()
