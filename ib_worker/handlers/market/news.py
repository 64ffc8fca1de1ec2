"""The handlers of news: headlines, an article, the exchanges' bulletins. Texts from outside are marked as untrusted."""

import time

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from bridge.tools.market.news import (
    GetNews,
    GetNewsArticle,
    GetNewsBulletins,
    NewsArticle,
    NewsBulletins,
    NewsHeadlines,
)
from bridge.tools.types import Cell
from ib_worker.handlers.dispatch import handles
from ib_worker.market_data.contracts import contract_of_symbol
from ib_worker.research.article_text import article_text, pages
from ib_worker.research.headlines import BULLETIN_COLUMNS, COLUMNS, bulletin_rows, headline_rows, news_time
from ib_worker.research.news import TEXT, article, bulletins, headlines, news_providers
from ib_worker.session.session import Session

LONG_CHARS = 5_000  # an article of more is read beside the loop


@handles(GetNews)
async def get_news(request: GetNews, session: Session) -> NewsHeadlines:
    now = session.now()
    start, end = news_time(request.startDateTime, now, end=False), news_time(request.endDateTime, now, end=True)
    contract = await contract_of_symbol(session.contracts, request, session.now())
    providers = await news_providers(session)
    codes = _codes(request.providerCodes, providers)
    sent, more = await headlines(session, contract.conId, codes, (start, end), request.limit)
    session.require_ready()  # a session that broke since then has no headlines to tell
    rows = headline_rows(sent)
    return NewsHeadlines(
        count=len(rows),
        truncated=more,
        next=_next(rows) if more else None,
        simulated=session.simulated,
        time=session.now().replace(microsecond=0),
        name=contract_name(contract),
        conId=contract.conId,
        providers={code: providers[code] for code in codes},
        columns=list(COLUMNS),
        rows=rows,
    )


def _codes(wanted: list[str] | None, providers: dict[str, str]) -> list[str]:
    """Return the providers to request from. Raises ToolError no_data or invalid_arguments."""
    if not providers:
        raise ToolError(
            "no_data", "The account may read no news provider through the API. News is subscribed in Client Portal."
        )
    if unknown := sorted(set(wanted or ()) - providers.keys()):
        raise ToolError(
            "invalid_arguments",
            f"providerCodes: the account has no {', '.join(unknown)}. It has {', '.join(providers)}.",
        )
    return wanted or list(providers)


def _next(rows: list[list[Cell]]) -> str:
    return f"Earlier headlines: endDateTime {rows[-1][0]}" if rows else "Raise limit."


@handles(GetNewsArticle)
async def get_news_article(request: GetNewsArticle, session: Session) -> NewsArticle:
    kind, sent = await article(session, request.providerCode, request.articleId)
    if kind != TEXT:
        raise ToolError("no_data", "The article is a file (PDF), not a text: read it in TWS or Client Portal.")
    pieces = [sent] if len(sent) <= LONG_CHARS else [sent[at : at + 100] for at in range(0, len(sent), 100)]
    text = await session.long_work.run(pieces, lambda pieces: article_text("".join(pieces)))
    found, dropped = pages(text)
    if not found:
        raise ToolError("no_data", "The article has no text. Another headline of ibkr_get_news may have one.")
    if request.page > len(found):
        raise ToolError("invalid_arguments", f"page: the article has {len(found)}, from 1.")
    return NewsArticle(
        providerCode=request.providerCode,
        articleId=request.articleId,
        page=request.page,
        pages=len(found),
        truncated=dropped or request.page < len(found),
        simulated=session.simulated,
        untrusted_text=found[request.page - 1],
    )


@handles(GetNewsBulletins)
async def get_news_bulletins(request: GetNewsBulletins, session: Session) -> NewsBulletins:
    began = time.monotonic()
    rows = bulletin_rows(await bulletins(session))
    session.require_ready()  # a session that broke since then has no bulletins to tell
    return NewsBulletins(
        count=len(rows),
        truncated=False,
        simulated=session.simulated,
        time=session.now().replace(microsecond=0),
        waited_seconds=round(time.monotonic() - began, 3),
        columns=list(BULLETIN_COLUMNS),
        rows=rows,
    )
