"""Scanners, news and reports over the wire."""

from __future__ import annotations

from tests.stacks.ibgateway.raw_client import Raw

BRFG = "BRFG"


async def test_an_article_that_was_listed_can_be_read(client: Raw) -> None:
    client.send(86, 7, 265598, BRFG, "", "", 1, "")
    headline = next(frame for frame in await client.everything() if frame[0] == "86")
    client.send(84, 8, headline[3], headline[4], "")

    (article,) = await client.everything()

    assert article[:3] == ["83", "8", "0"]
    assert article[3]


async def test_more_headlines_than_asked_for_are_announced(client: Raw) -> None:
    client.send(86, 7, 265598, BRFG, "", "", 2, "")

    told = await client.everything()

    assert [frame[0] for frame in told] == ["86", "86", "87"]
    assert told[-1] == ["87", "7", "1"]
