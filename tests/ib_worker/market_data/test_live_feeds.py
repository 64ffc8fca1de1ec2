"""Feeds of bars and trades: one request for all readers, asked for again after a break, given back when not read."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import ib_async
import pytest
import pytest_asyncio

from bridge.tool import ToolError
from ib_worker.market_data.depth_book import BookChange
from ib_worker.market_data.live_feeds import ASKS
from ib_worker.tws.values.live import live_update
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Stand, ready_session
from tests.waiting import until

SPY = {"symbol": "SPY", "secType": "STK", "exchange": "SMART", "currency": "USD"}
ASK_BARS, CANCEL_BARS, ASK_TICKS = 50, 51, 97  # the messages' types


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as sim:
        yield sim


def contract(conId: int = 756733, **changes: Any) -> ib_async.Contract:
    return ib_async.Contract(conId=conId, **(SPY | changes))


async def running(stand: Stand) -> asyncio.Task[None]:
    return asyncio.create_task(stand.session.feeds.run())


def asked(sim: Simulator, kind: int) -> int:
    return len(sim.journal.entries("in", kind))


async def test_readers_share_a_request_and_the_last_gives_it_back(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        task, feeds = await running(stand), stand.session.feeds
        found = [feeds.open("bars5s", contract()) for _ in range(3)]
        await until(lambda: bool(stand.published.of("bar")), "a bar came", 15)
        assert (asked(sim, ASK_BARS), len(feeds), len(stand.session.quotes)) == (1, 1, 1)
        feeds.abandoned(found[0].stream)
        await until(lambda: asked(sim, CANCEL_BARS) == 1, "it is given back")
        assert feeds.known(found[0].stream) is None
        task.cancel()

    assert found[0] is found[1] is found[2]
    assert stand.published.of("bar")[0]["close"] > 0


async def test_after_1101_a_feed_has_a_gap_and_is_asked_for_again(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        task = await running(stand)
        stand.session.feeds.open("ticks", contract())
        await until(lambda: bool(stand.published.of("tick")), "a trade came", 15)
        sim.fault("link down")
        sim.fault("link lost")
        await until(lambda: asked(sim, ASK_TICKS) == 2, "it is asked for again", 10)
        gaps = stand.published.of("gap")
        task.cancel()

    assert gaps == [{}]


async def test_a_refused_feed_says_why_and_may_be_asked_for_again(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        task, feeds = await running(stand), stand.session.feeds
        found = feeds.open("bars5s", contract(conId=0, symbol="NOSUCH"))
        async with asyncio.timeout(10):
            await found.settled.wait()
        again = feeds.open("bars5s", contract(conId=0, symbol="NOSUCH"))
        task.cancel()

    assert found.problem is not None
    assert again is not found
    assert again.problem is None


async def test_a_feed_needs_a_line(sim: Simulator) -> None:
    async with ready_session(sim, market_data_lines=1) as stand:
        stand.session.feeds.open("ticks", contract())
        with pytest.raises(ToolError, match="line_limit"):
            stand.session.feeds.open("bars5s", contract())


def test_what_is_quoted_alone_has_bars_and_ticks_of_its_middle_price() -> None:
    sent: list[tuple[Any, ...]] = []

    class Wire:
        def reqRealTimeBars(self, *fields: Any) -> None:
            sent.append(fields)

        def reqTickByTickData(self, *fields: Any) -> None:
            sent.append(fields)

    for kind in ("bars5s", "ticks"):
        for secType in ("STK", "CASH"):
            ASKS[kind](Wire(), 1, contract(secType=secType))

    assert [fields[3] if fields[2] == 5 else fields[2] for fields in sent] == [
        "TRADES", "MIDPOINT", "AllLast", "MidPoint",
    ]  # fmt: skip


ASK_DEPTH, CANCEL_DEPTH, ASK_QUOTES = 10, 11, 1


async def test_a_stream_of_depth_has_the_whole_book_in_each_entry_and_takes_no_line(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        task, feeds = await running(stand), stand.session.feeds
        found = feeds.open("depth", contract())
        await until(lambda: len(stand.published.of("book")) > 1, "the book has changed", 15)
        assert (len(feeds), len(stand.session.quotes)) == (0, 0)
        feeds.abandoned(found.stream)
        await until(lambda: asked(sim, CANCEL_DEPTH) == 1, "it is given back")
        task.cancel()

    for each in stand.published.of("book"):
        bids, asks = each["book"]["bids"], each["book"]["asks"]
        assert (len(bids), len(asks)) == (5, 5)
        assert [price for price, _, _ in bids] == sorted((price for price, _, _ in bids), reverse=True)
        assert bids[0][0] < asks[0][0]


async def test_books_have_places_of_their_own_that_are_free_again(sim: Simulator) -> None:
    symbols = {"SPY": 756733, "AAPL": 265598, "IBM": 8314}
    async with ready_session(sim) as stand:
        task, feeds = await running(stand), stand.session.feeds
        found = [feeds.open("depth", contract(conId, symbol=name)) for name, conId in symbols.items()]
        with pytest.raises(ToolError, match=r"line_limit.*All 3 market-depth subscriptions are in use"):
            feeds.open("depth", contract(272093, symbol="MSFT"))
        await until(lambda: asked(sim, ASK_DEPTH) == 3, "all are asked for")
        feeds.abandoned(found[0].stream)
        await until(lambda: asked(sim, CANCEL_DEPTH) == 1, "one is given back")
        sim.fault("limit depth 2")
        refused = feeds.open("depth", contract(272093, symbol="MSFT"))
        async with asyncio.timeout(10):
            await refused.settled.wait()
        assert refused.problem is not None
        feeds.abandoned(refused.stream)
        sim.fault("limit depth 3")
        again = feeds.open("depth", contract(272093, symbol="MSFT"))
        await until(lambda: again.settled.is_set(), "the place of the refused one is free", 10)
        task.cancel()

    assert again.problem is None


async def test_a_book_begins_anew_after_a_reset_and_after_a_break(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        task, feeds = await running(stand), stand.session.feeds
        found = feeds.open("depth", contract())
        await until(lambda: bool(stand.published.of("book")), "the book came", 15)
        feeds.disconnected()
        assert found.book.rows(5) == []
        assert stand.published.of("gap") == [{}]
        assert not feeds.change(99, BookChange(0, 0, 0, 1.0, 1))
        task.cancel()


async def test_headlines_come_as_untrusted_texts(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        task = await running(stand)
        stand.session.feeds.open("news", contract())
        await until(lambda: asked(sim, ASK_QUOTES) == 1, "they are asked for")
        for _ in range(72):  # hours
            sim.skip(3_600)
            if stand.published.of("headline"):
                break
            await asyncio.sleep(0.02)
        await until(lambda: bool(stand.published.of("headline")), "a headline came", 10)
        task.cancel()

    headline = stand.published.of("headline")[0]
    assert set(headline) == {"time", "providerCode", "articleId", "untrusted_headline"}
    assert headline["articleId"].startswith(headline["providerCode"])
    assert [each.fields[-4] for each in sim.journal.entries("in", ASK_QUOTES)] == ["mdoff,292"]


ASK_HISTORY, CANCEL_HISTORY = 20, 25


async def test_live_bars_come_when_they_end_and_count_as_a_historical_request(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        task, feeds = await running(stand), stand.session.feeds
        found = feeds.open("bars", contract(), "5 secs")
        assert feeds.open("bars", contract(), "5 secs") is found
        assert feeds.open("bars", contract(), "1 min").stream == "bars-756733-1min"
        await until(found.settled.is_set, "its history came", 15)
        for _ in range(60):
            sim.skip(5)
            await asyncio.sleep(0.02)
            if len(stand.published.of("bar")) > 3:
                break
        feeds.abandoned(found.stream)
        await until(lambda: asked(sim, CANCEL_HISTORY) == 1, "it is given back")
        task.cancel()
        paced = stand.session.history_pacer

    times = [each["time"] for each in stand.published.of("bar") if each["time"]]
    assert len(times) > 3
    assert times == sorted(set(times))
    assert all(each["close"] > 0 for each in stand.published.of("bar"))
    assert asked(sim, ASK_HISTORY) == 2
    assert len(paced._sent) == 2


async def test_live_bars_wait_for_room_among_the_historical_requests(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ready_session(sim) as stand:
        feeds, waits = stand.session.feeds, [0.2, 0.0]
        monkeypatch.setattr(feeds, "_history_turn", lambda request: waits.pop(0))
        task = await running(stand)
        found = feeds.open("bars", contract(), "1 day")
        ticks = feeds.open("ticks", contract())
        await until(lambda: ticks.reqId is not None, "others do not wait")
        assert found.reqId is None
        await until(lambda: found.settled.is_set(), "its turn came", 15)
        task.cancel()

    assert waits == []


def test_a_bar_of_a_day_has_its_day_and_others_their_instant() -> None:
    bar = ib_async.BarData(date="20250611", open=1.0, high=2.0, low=0.5, close=1.5, volume=7.0, average=1.2, barCount=3)  # type: ignore[arg-type]

    assert live_update(bar)["time"] == "2025-06-11"
    assert live_update(dataclasses.replace(bar, date="1749652200"))["time"] == "2025-06-11T14:30:00+00:00"  # type: ignore[arg-type]
    assert live_update(bar)["close"] == 1.5
