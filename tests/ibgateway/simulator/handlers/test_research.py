"""Scanners, news and reports over the wire."""

from __future__ import annotations

from itertools import pairwise

from tests.stacks.ibgateway.direct_client import DirectClient
from tests.stacks.ibgateway.raw_client import Raw

BRFG = "BRFG"
SCAN = (22, 7, 5, "STK", "STK.US.MAJOR", "TOP_PERC_GAIN", *[""] * 17, "", "")


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


def test_a_scan_is_sent_again_where_it_has_changed() -> None:
    client = DirectClient()
    (first,) = client.ask(*SCAN)

    later = [frame for _ in range(10) for frame in client.wait(60)]

    assert first[:3] == ["20", "3", "7"]
    assert {frame[0] for frame in later} == {"20"}
    assert all(frame != before for before, frame in pairwise([first, *later]))


def test_scanners_end_once_and_ten_are_the_most() -> None:
    client = DirectClient()
    for reqId in range(10):
        client.ask(22, reqId, *SCAN[2:])

    assert client.ask(22, 10, *SCAN[2:])[0][1:3] == ["10", "165"]
    assert client.ask(23, 1, 7)[0][1:3] == ["7", "162"]  # TWS tells the end of a scan as an error
    assert client.ask(23, 1, 7)[0][1:3] == ["7", "365"]
    assert client.ask(22, 10, *SCAN[2:])[0][0] == "20"


def test_bulletins_of_the_last_day_come_to_who_asks_for_all() -> None:
    client = DirectClient()

    assert [frame[0] for frame in client.ask(12, 1, 1)] == ["14"]
    assert client.ask(12, 1, 0) == []


def test_a_bulletin_comes_once_when_it_is_new() -> None:
    client = DirectClient()
    client.ask(12, 1, 0)

    told = [frame for _ in range(24) for frame in client.wait(3600)]

    assert [frame[0] for frame in told] == ["14"]
    client.ask(13, 1)
    assert [frame for _ in range(24) for frame in client.wait(3600)] == []


def test_reports_and_events_are_answered_under_their_request() -> None:
    client = DirectClient()

    (report,) = client.ask(52, 2, 7, 0, "AAPL", "STK", "SMART", "", "USD", "", "ReportSnapshot", 0, "")
    (events,) = client.ask(102, 8, 265598, "", 0, 0, 0, "", "", 10)

    assert (report[:3], report[3][:5]) == (["51", "1", "7"], "<?xml")
    assert (events[:2], events[2][0]) == (["105", "8"], "[")
