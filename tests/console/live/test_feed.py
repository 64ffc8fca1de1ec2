"""The feed: one reading for all viewers, none when nobody watches, and no stream without a sign-in."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from bridge.bus.client.client import BusClient
from bridge.bus.server.request import RequestContext
from console.live import feed as feed_module
from console.live.feed import PageFeed
from console.live.live_state import LiveState, read_live_state
from tests.busy import BUSY_S
from tests.stacks.console import OVERVIEW
from tests.stacks.front import READY, worker
from tests.stacks.timing import PATIENT
from tests.waiting import until


async def always() -> bool:
    return True


def drawn(name: str, live_state: LiveState) -> str:
    return f"<p>{name}</p>\n<p>{live_state.shown.state} {live_state.problem}</p>"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "EVERY_S", 0.05)
    monkeypatch.setattr(feed_module, "SOONEST_S", 0.02)
    monkeypatch.setattr(feed_module, "UNWATCHED_S", 0.1)
    monkeypatch.setattr(feed_module, "ALIVE_S", 0.2)


async def first(events: AsyncIterator[bytes], count: int) -> list[str]:
    return [(await anext(events)).decode() for _ in range(count)]


async def first_parts(events: AsyncIterator[bytes], count: int) -> list[str]:
    """Return the first events with a part: on a slow machine `alive` comes before them."""
    found = list[str]()
    while len(found) < count:
        found += [each for each in await first(events, 1) if not each.startswith("event: alive")]
    return found


@pytest.mark.usefixtures("quick")
async def test_five_viewers_cost_the_worker_what_one_costs_and_none_costs_nothing(redis_url: str, session: str) -> None:
    asked: Counter[str] = Counter()

    async def overview(request: RequestContext) -> bytes:
        asked[request.caller] += 1
        return OVERVIEW.model_dump_json().encode()

    async with (
        worker(redis_url, session, {"get_overview": overview}, READY),
        BusClient(redis_url, session, "console-1", PATIENT) as bus,
    ):
        feed = PageFeed(bus, drawn)
        viewers = [feed.events(["banner", "orders"], "", always) for _ in range(5)]
        told = await asyncio.gather(*(first_parts(each, 2) for each in viewers))
        asked.clear()
        await until(lambda: asked["console"] >= 10, "ten readings")
        open_ = feed.viewers
        for each in viewers:
            await each.aclose()
        await until(lambda: feed._task is not None and feed._task.done(), "nobody watches, and nothing is read")
        await feed.close()

    assert told == [["event: banner\ndata: <p>banner</p>\ndata: <p>ready </p>\n\n",
                     "event: orders\ndata: <p>orders</p>\ndata: <p>ready </p>\n\n"]] * 5  # fmt: skip
    assert (open_, feed.viewers, sum(asked.values())) == (5, 0, asked["console"])


@pytest.mark.usefixtures("quick")
async def test_a_stream_ends_with_its_sign_in(redis_url: str, session: str) -> None:
    signed_in = [True]

    async def allowed() -> bool:
        return signed_in[0]

    async with BusClient(redis_url, session, "console-1", PATIENT) as bus:
        feed = PageFeed(bus, drawn)
        events = feed.events(["banner"], "", allowed)
        seen = await first(events, 1)
        signed_in[0] = False
        rest = [each.decode() async for each in events]
        await feed.close()

    assert "event: banner" in seen[0]
    assert rest[-1] == "event: over\ndata: \n\n"


@pytest.mark.usefixtures("quick")
async def test_what_does_not_change_is_sent_once_and_closing_ends_every_stream(redis_url: str, session: str) -> None:
    async with BusClient(redis_url, session, "console-1", PATIENT) as bus:
        feed = PageFeed(bus, lambda name, _: name)
        events = feed.events(["banner"], "", always)
        seen = await first(events, 3)
        closing = asyncio.create_task(feed.close())
        rest = [each async for each in events]
        await closing

    assert seen == ["event: banner\ndata: banner\n\n", "event: alive\ndata: \n\n", "event: alive\ndata: \n\n"]
    assert rest == []


@pytest.mark.usefixtures("quick")
async def test_a_fault_in_reading_or_drawing_is_shown_and_does_not_end_the_feed(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page whose feed has ended would get `alive`, and show old figures as of now."""
    good, drawable = [True], [True]

    async def read_or_fail(bus: BusClient, sign_in: str, before: LiveState | None) -> LiveState:
        if not good[0]:
            raise KeyError("a fault that nobody foresaw")
        return await read_live_state(bus, sign_in, before)

    def draw(name: str, live_state: LiveState) -> str:
        return f"{name} {live_state.problem or live_state.at.timestamp()}" if drawable[0] else str(1 / 0)

    async def said(text: str) -> None:
        async for each in events:
            if text in each.decode():
                return

    monkeypatch.setattr(feed_module, "read_live_state", read_or_fail)
    async with BusClient(redis_url, session, "console-1", PATIENT) as bus:
        feed = PageFeed(bus, draw)
        events = feed.events(["banner"], "", always)
        async with asyncio.timeout(5 + BUSY_S):
            await said("banner No worker")
            good[0] = False
            await said(feed_module.UNREADABLE)
            good[0] = True
            await said("banner No worker")
            drawable[0] = False
            await said("This part can't be shown")
            drawable[0] = True
            await said("banner No worker")
        await events.aclose()
        await feed.close()


async def test_for_whoever_is_not_signed_in_nothing_is_read_and_nothing_is_kept(redis_url: str, session: str) -> None:
    async def never() -> bool:
        assert feed.viewers == 0
        return False

    async with BusClient(redis_url, session, "console-1", PATIENT) as bus:
        feed = PageFeed(bus, drawn)
        told = [[each async for each in feed.events(["banner"], f"stranger {number}", never)] for number in range(3)]

    assert told == [[b"event: over\ndata: \n\n"]] * 3
    assert (feed._task, feed._sign_in) == (None, "")


@pytest.mark.usefixtures("quick")
async def test_the_worker_is_asked_in_the_name_of_who_is_still_signed_in(redis_url: str, session: str) -> None:
    """A viewer that reads no more, such as a phone that sleeps, stays connected after its sign-in has ended."""
    asked: list[str] = []

    async def overview(request: RequestContext) -> bytes:
        asked.append(request.proof)
        return OVERVIEW.model_dump_json().encode()

    async with (
        worker(redis_url, session, {"get_overview": overview}, READY),
        BusClient(redis_url, session, "console-1", PATIENT) as bus,
    ):
        feed = PageFeed(bus, drawn)
        asleep, awake = feed.events(["banner"], "a" * 64, always), feed.events(["banner"], "b" * 64, always)
        await first(asleep, 1)
        await first(awake, 2)
        asked.clear()
        async with asyncio.timeout(5 + BUSY_S):
            async for _ in awake:
                if len(asked) > 3:
                    break
        for each in (asleep, awake):
            await each.aclose()
        await feed.close()

    assert set(asked[1:]) == {"b" * 64}
