"""Headlines have articles, come as ticks and as history alike, and those of nobody are refused."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.world import World
from tests.stacks.ibgateway.world_and_trader import AAPL, START


def test_headlines_have_articles(quiet: World) -> None:
    found = quiet.historical_news(265598, "BRFG+DJ-N", None, None, 20)

    assert len(found) == 20
    assert [each.time for each in found] == sorted((each.time for each in found), reverse=True)
    assert found[0].time <= START
    assert {each.providerCode for each in found} <= {"BRFG", "DJ-N"}
    for headline in found:
        assert headline.headline in quiet.article(headline.providerCode, headline.articleId).text


def test_news_ticks_are_the_historical_headlines(quiet: World) -> None:
    contract = quiet.resolve(AAPL)
    ticks = quiet.headlines(START - 10 * 86_400, START, contract)
    codes = "+".join(code for code, _ in quiet.news_providers())

    assert ticks
    assert ticks[::-1] == quiet.historical_news(265598, codes, START - 10 * 86_400, START, 300)


@pytest.mark.parametrize("articleId", ["", "BRFG$zz", "BRFG$00040d7ex4f1ax9", "BRFG$00000001x4f1ax0", "BRFG$0x0x0x0"])
def test_an_unknown_article_is_refused(quiet: World, articleId: str) -> None:
    with pytest.raises(Refusal) as refusal:
        quiet.article("BRFG", articleId)
    assert refusal.value.code == 10172


def test_news_of_nobody_is_refused(quiet: World) -> None:
    with pytest.raises(Refusal):
        quiet.historical_news(42, "BRFG", None, None, 10)
    with pytest.raises(Refusal):
        quiet.historical_news(265598, "NOBODY", None, None, 10)


def test_a_bulletin_comes_as_the_market_opens(quiet: World) -> None:
    assert len(quiet.bulletins(START - 86_400, START)) == 1
    assert quiet.bulletins(START, START + 60) == []
