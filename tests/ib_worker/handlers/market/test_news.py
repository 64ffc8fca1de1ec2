"""Headlines, articles and bulletins, at the simulator over TCP."""

import time
from datetime import timedelta
from typing import Any

import pytest

from bridge.tool import ToolError
from bridge.tools.market.news import (
    GetNews,
    GetNewsArticle,
    GetNewsBulletins,
    NewsArticle,
    NewsBulletins,
    NewsHeadlines,
)
from ib_worker.handlers.market.news import get_news, get_news_article, get_news_bulletins
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Stand, caller, ready_session, trading, worker
from tests.waiting import until

ARTICLE, PROVIDERS, HISTORICAL, BULLETINS, CANCEL_BULLETINS = 84, 85, 86, 12, 13  # TWS's message ids


async def news(stand: Stand, symbol: str = "AAPL", **arguments: Any) -> NewsHeadlines:
    return await get_news(GetNews(**{"symbol": symbol} | arguments), stand.session)


async def article(stand: Stand, providerCode: str, articleId: str, **more: Any) -> NewsArticle:
    return await get_news_article(GetNewsArticle(providerCode=providerCode, articleId=articleId, **more), stand.session)


async def test_headlines_are_a_table_with_the_accounts_providers(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = NewsHeadlines.model_validate(await front.ask("get_news", symbol="AAPL"))
        await front.ask("get_news", symbol="IBM")

    assert (told.name, told.conId, told.count, told.truncated, told.simulated) == ("AAPL", 265598, 20, True, True)
    assert told.columns == ["time", "providerCode", "articleId", "untrusted_headline"]
    times = [str(row[0]) for row in told.rows]
    assert times == sorted(times, reverse=True)
    assert {row[1] for row in told.rows} <= told.providers.keys()
    assert told.providers["DJ-N"] == "Dow Jones News Service"
    assert told.next == f"Earlier headlines: endDateTime {times[-1]}"
    assert len(sim.journal.entries("in", PROVIDERS)) == 1  # kept for an hour


async def test_earlier_headlines_follow_those_before(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        whole = await news(stand, limit=12)
        first = await news(stand, limit=6)
        rest = await news(stand, limit=7, endDateTime=str(first.rows[-1][0]))

    ids = [row[2] for row in first.rows]
    ids += [row[2] for row in rest.rows if row[2] not in ids]
    assert ids[:12] == [row[2] for row in whole.rows]


async def test_providers_and_days_narrow_the_headlines(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        today = stand.session.now().date()
        week = await news(
            stand, limit=300, startDateTime=str(today - timedelta(days=7)), endDateTime=str(today - timedelta(days=1))
        )
        briefing = await news(stand, providerCodes="BRFG", limit=300)

    assert week.count > 0
    assert all(str(today - timedelta(days=7)) <= str(row[0])[:10] < str(today) for row in week.rows)
    assert {row[1] for row in briefing.rows} == {"BRFG"}
    assert briefing.providers == {"BRFG": "Briefing.com General Market Columns"}


async def test_a_provider_that_the_account_does_not_have_is_named(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match=r"invalid_arguments.*has no FLY\. It has BRFG, BRFUPDN, DJ-N, DJNL"):
            await news(stand, providerCodes=["FLY"])


async def test_an_account_without_providers_is_no_data(sim: Simulator) -> None:
    sim.fault("rewrite newsProviders 1 0")
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match=r"no_data.*no news provider through the API"):
            await news(stand)


async def test_news_that_the_account_may_not_read_are_an_error(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault('on reqHistoricalNews answer 10276 "News feed is not allowed"')
        headlines = await front.refused("get_news", symbol="AAPL")
        unknown = await front.refused("get_news_article", providerCode="BRFG", articleId="BRFG$0")

    assert (headlines.code, headlines.details["twsCode"]) == ("no_data", 10276)
    assert (unknown.code, unknown.details["twsCode"]) == ("no_data", 10172)


async def test_an_article_is_plain_text_that_is_kept_for_its_pages(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        headline = (await front.ask("get_news", symbol="AAPL", limit=1))["rows"][0]
        told = await front.ask("get_news_article", providerCode=headline[1], articleId=headline[2])
        beyond = await front.refused("get_news_article", providerCode=headline[1], articleId=headline[2], page=2)

    assert told["untrusted_text"].startswith(headline[3] + "\n")
    assert "<" not in told["untrusted_text"]
    assert "This report is made up by the simulator." in told["untrusted_text"]
    assert (told["page"], told["pages"], told["truncated"], told["simulated"]) == (1, 1, False, True)
    assert (beyond.code, beyond.message) == ("invalid_arguments", "page: the article has 1, from 1.")
    assert len(sim.journal.entries("in", ARTICLE)) == 1


async def test_a_file_in_place_of_a_text_is_no_data(sim: Simulator) -> None:
    sim.fault("rewrite newsArticle 2 1")
    async with ready_session(sim) as stand:
        row = (await news(stand, limit=1)).rows[0]
        with pytest.raises(ToolError, match=r"no_data.*is a file \(PDF\)"):
            await article(stand, str(row[1]), str(row[2]))


async def test_bulletins_of_the_day_come_and_their_subscription_ends(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("halt AAPL 60")
        began = time.monotonic()
        told = NewsBulletins.model_validate(await front.ask("get_news_bulletins"))
        took = time.monotonic() - began
        await until(lambda: sim.journal.entries("in", CANCEL_BULLETINS), "the bulletins are cancelled")
    assert 0 < told.waited_seconds <= took

    assert told.columns == ["msgId", "type", "exchange", "untrusted_text"]
    assert told.count == len(told.rows) >= 1
    assert ["halt", "Trading in AAPL is halted."] in [[row[1], row[3]] for row in told.rows]


async def test_no_bulletin_is_an_empty_table_that_says_how_long_was_waited(sim: Simulator) -> None:
    sim.fault("on reqNewsBulletins ignore")
    async with ready_session(sim) as stand:
        told = await get_news_bulletins(GetNewsBulletins(), stand.session)

    assert (told.count, told.rows) == (0, [])
    assert told.waited_seconds >= 1.5


@pytest.mark.parametrize("request_name", ["reqNewsProviders", "reqHistoricalNews", "reqNewsBulletins"])
async def test_a_connection_that_breaks_is_an_error(
    redis_url: str, session: str, sim: Simulator, request_name: str
) -> None:
    operation = "get_news_bulletins" if request_name == "reqNewsBulletins" else "get_news"
    arguments = {} if operation == "get_news_bulletins" else {"symbol": "AAPL"}
    async with trading(redis_url, session, sim) as front:
        sim.fault(f"on {request_name} reset")
        broken = await front.refused(operation, **arguments)

    assert broken.code == "retry"


async def test_without_a_gateway_the_calls_are_errors(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, 1), caller(redis_url, session) as front:
        await front.reaches("failed")
        down = [
            await front.refused("get_news", symbol="AAPL"),
            await front.refused("get_news_article", providerCode="BRFG", articleId="BRFG$1"),
            await front.refused("get_news_bulletins"),
        ]

    assert {each.code for each in down} == {"gateway_unreachable"}
