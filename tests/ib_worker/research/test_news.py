"""The requests for news, and which of their answers are kept."""

import asyncio

import pytest

from ib_worker.research.article_text import MOST_CHARS
from ib_worker.research.news import TEXT, article, bulletins, headlines, news_providers
from ib_worker.tws.errors import TwsError, UnreadableMessage
from ibgateway.simulator.model.research import Article
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import ready_session

BULLETINS, ARTICLE, PROVIDERS, HISTORICAL = 12, 84, 85, 86  # TWS's message ids
AAPL = 265598


async def test_equal_requests_at_the_same_time_are_one(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        asked = [headlines(stand.session, AAPL, ["BRFG", "DJ-N"], ("", ""), 5) for _ in range(3)]
        (sent, more), *others = await asyncio.gather(*asked)
        await asyncio.gather(bulletins(stand.session), bulletins(stand.session))

    assert (len(sent), more) == (5, True)
    assert others == [(sent, more)] * 2
    (request,) = sim.journal.entries("in", HISTORICAL)
    assert "BRFG+DJ-N" in request.fields
    assert len(sim.journal.entries("in", BULLETINS)) == 1


async def test_providers_and_articles_are_kept(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        ((sent, _), providers) = await asyncio.gather(
            headlines(stand.session, AAPL, ["BRFG"], ("", ""), 1), news_providers(stand.session)
        )
        whole = [await article(stand.session, "BRFG", sent[0].articleId) for _ in range(2)]
        assert await news_providers(stand.session) == providers

    assert whole[0] == whole[1]
    assert (len(sim.journal.entries("in", ARTICLE)), len(sim.journal.entries("in", PROVIDERS))) == (1, 1)


async def test_of_an_article_no_more_is_kept_than_is_told(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = {"LONG": Article(0, "x" * 3_000_000), "FILE": Article(1, "JVBERi0x" * 300_000)}
    monkeypatch.setattr(sim.world, "article", lambda _, articleId: sent[articleId])
    async with ready_session(sim) as stand:
        long, file = [await article(stand.session, "BRFG", articleId) for articleId in sent]

        assert (long[0], len(long[1]), file) == (TEXT, MOST_CHARS, (1, ""))
        assert stand.session.caches.reference_data.chars == MOST_CHARS


async def test_no_providers_are_asked_for_again(sim: Simulator) -> None:
    sim.fault("rewrite newsProviders 1 0 1")
    async with ready_session(sim) as stand:
        assert await news_providers(stand.session) == {}
        assert "BRFG" in await news_providers(stand.session)


async def test_bulletins_that_tws_refuses_for_pacing_are_an_error_and_not_none(sim: Simulator) -> None:
    sim.fault('on reqNewsBulletins answer 100 "Max rate of messages per second has been exceeded"')
    async with ready_session(sim) as stand:
        with pytest.raises(TwsError, match="Max rate"):
            await bulletins(stand.session)


async def test_providers_that_can_not_be_read_are_an_error_and_not_kept(sim: Simulator) -> None:
    sim.fault("truncate newsProviders 2 1")
    async with ready_session(sim) as stand:
        with pytest.raises(UnreadableMessage):
            await news_providers(stand.session)
        assert "BRFG" in await news_providers(stand.session)
