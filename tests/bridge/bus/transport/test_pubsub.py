"""The listening connection: it hears what it wants, comes back by itself, and never misses a silence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.bus.keys import Keys
from bridge.bus.timing import USUAL, BusTiming
from bridge.bus.transport import pubsub as listening
from bridge.bus.transport.connection import NotSent
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.pubsub import PubSubListener
from tests.stacks.bus import pipe_to
from tests.stacks.redis_relay import Shim
from tests.stacks.timing import PATIENT, patient
from tests.waiting import until


class Ear:
    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.lost = 0

    def hear(self, channel: str, message: bytes) -> None:
        if message == b"boom":
            raise ValueError("a bug in whoever hears it")
        self.heard.append((channel, message))

    def lose(self) -> None:
        self.lost += 1


@asynccontextmanager
async def listening_to(
    url: str, *channels: str, timing: BusTiming = USUAL
) -> AsyncIterator[tuple[PubSubListener, Ear]]:
    ear = Ear()
    async with PubSubListener(url, ear.hear, ear.lose, timing) as listener:
        for channel in channels:
            listener.subscribe(channel)
        for channel in channels:
            await listener.confirmed(channel, 5)
        yield listener, ear


@pytest.fixture
def channel(session: str) -> str:
    return Keys(session).ticks("one")


async def say(pipe: CommandPipeline, channel: str, message: bytes) -> int:
    return int(await pipe.send("SPUBLISH", channel, message))


async def test_it_hears_what_it_wants_in_order(redis_url: str, channel: str) -> None:
    async with pipe_to(redis_url) as pipe, listening_to(redis_url, channel, f"{channel}x") as (_, ear):
        for i in range(100):
            await say(pipe, channel, b"%d" % i)
        await say(pipe, f"{channel}x", b"other")
        await say(pipe, f"{channel}y", b"unwanted")
        await until(lambda: len(ear.heard) == 101, "all is heard")

    assert ear.heard == [(channel, b"%d" % i) for i in range(100)] + [(f"{channel}x", b"other")]
    assert ear.lost == 0


async def test_wanting_twice_is_wanting_once(redis_url: str, channel: str) -> None:
    async with pipe_to(redis_url) as pipe, listening_to(redis_url, channel) as (listener, ear):
        listener.subscribe(channel)
        await listener.confirmed(channel, 1)
        assert await say(pipe, channel, b"1") == 1
        listener.unsubscribe(channel)
        listener.unsubscribe(channel)
        await until(lambda: _silent(pipe, channel), "it was left")

    assert ear.heard == [(channel, b"1")]


async def test_a_confirmation_that_does_not_come_is_named(channel: str, unused_port: int) -> None:
    async with PubSubListener(f"redis://127.0.0.1:{unused_port}", lambda *_: None, lambda: None) as listener:
        listener.subscribe(channel)
        await until(lambda: "Connect" in str(listener.last_error), "it has tried")
        with pytest.raises(NotSent, match=r"not subscribed: .*Connect"):
            await listener.confirmed(channel, 0.05)


async def test_an_interruption_is_told_and_the_listener_comes_back(redis_url: str, channel: str) -> None:
    async with Shim(redis_url) as shim, pipe_to(redis_url) as pipe, listening_to(shim.url, channel) as (listener, ear):
        for times in (1, 2):
            shim.cut()
            await until(lambda times=times: ear.lost == times, "it is told")  # type: ignore[misc]
            await listener.confirmed(channel, 5)
            await say(pipe, channel, b"%d" % times)
            await until(lambda times=times: len(ear.heard) == times, "it hears again")  # type: ignore[misc]

    assert ear.lost == 2


async def test_while_redis_is_away_it_keeps_trying_and_tells_once(redis_url: str, channel: str) -> None:
    async with Shim(redis_url) as shim, listening_to(shim.url, channel) as (listener, ear):
        shim.refusing = True
        shim.cut()
        before = shim.accepted
        await until(lambda: shim.accepted >= before + 3, "it has tried three times")
        with pytest.raises(NotSent):
            await listener.confirmed(channel, 0.01)
        shim.refusing = False
        await listener.confirmed(channel, 5)

    assert ear.lost == 1


async def test_attempts_grow_apart_and_start_close_again_after_success(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    real_sleep = asyncio.sleep

    async def noted(delay: float) -> None:
        if delay >= listening.FIRST_WAIT_S:
            pauses.append(delay)
        await real_sleep(0.001)

    monkeypatch.setattr(asyncio, "sleep", noted)
    async with Shim(redis_url) as shim, listening_to(shim.url, channel) as (listener, _):
        shim.refusing = True
        shim.cut()
        await _until_real(lambda: len(pauses) >= 8, real_sleep)
        shim.refusing = False
        await listener.confirmed(channel, 5)
        grown = list(pauses)
        pauses.clear()
        shim.cut()
        await _until_real(lambda: bool(pauses), real_sleep)

    assert grown[:6] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0]
    assert max(grown) == 1.0
    assert pauses[0] == 0.05


async def test_a_quiet_connection_is_pinged_and_kept(redis_url: str, channel: str) -> None:
    often = patient(idle_s=0.05, silent_s=2.0)
    async with pipe_to(redis_url) as pipe, listening_to(redis_url, channel, timing=often) as (_, ear):
        pinged = await _pings(pipe)
        await until(lambda: _more_pings(pipe, pinged + 3), "it was pinged three times")
        await say(pipe, channel, b"1")
        await until(lambda: ear.heard, "it still hears")

    assert ear.lost == 0


async def test_a_half_open_connection_is_given_up(redis_url: str, channel: str) -> None:
    soon = patient(idle_s=0.1, silent_s=0.1)
    async with Shim(redis_url) as shim, listening_to(shim.url, channel, timing=soon) as (listener, ear):
        shim.answers.clear()
        await until(lambda: ear.lost == 1, "the silence is noticed")
        shim.answers.set()
        await listener.confirmed(channel, 5)

    assert "silent" in str(listener.last_error)


async def test_a_bug_in_whoever_hears_does_not_end_the_listening(redis_url: str, channel: str) -> None:
    async with pipe_to(redis_url) as pipe, listening_to(redis_url, channel) as (listener, ear):
        await say(pipe, channel, b"boom")
        await until(lambda: ear.lost == 1, "it counts as an interruption")
        await listener.confirmed(channel, 5)
        await say(pipe, channel, b"on")
        await until(lambda: ear.heard, "it hears again")


async def test_a_channel_that_the_server_takes_away_is_asked_for_again(redis_url: str, channel: str) -> None:
    """As a Cluster does when the slot goes to another node: an unsubscription that nobody asked for."""
    async with pipe_to(redis_url) as pipe, listening_to(redis_url, channel) as (listener, ear):
        assert listener._commands.empty()
        listener._commands.put_nowait(("SUNSUBSCRIBE", channel))
        await until(lambda: ear.lost == 1, "it is noticed")
        await listener.confirmed(channel, 5)
        await say(pipe, channel, b"1")
        await until(lambda: ear.heard, "it hears again")


def test_a_half_open_connection_is_noticed_within_ten_seconds() -> None:
    assert 1 < USUAL.idle_s + USUAL.silent_s < 10


async def test_a_confirmation_of_what_was_left_meanwhile_does_not_count(redis_url: str, channel: str) -> None:
    listener = PubSubListener(redis_url, lambda *_: None, lambda: None, PATIENT)
    listener.subscribe(channel)
    listener.unsubscribe(channel)
    listener.subscribe(channel)
    for kind, confirmed in (("ssubscribe", False), ("sunsubscribe", False), ("ssubscribe", True)):
        listener._take([kind.encode(), channel.encode(), 0])
        assert listener._wanted[channel].is_set() is confirmed
    listener.unsubscribe(channel)
    listener._take([b"ssubscribe", channel.encode(), 0])
    listener._take([b"sunsubscribe", channel.encode(), 0])
    listener._take([b"sunsubscribe", channel.encode(), 0])
    listener._take([b"pong", b""])

    assert listener._wanted == {}


async def _silent(pipe: CommandPipeline, channel: str) -> bool:
    return await say(pipe, channel, b"?") == 0


async def _pings(pipe: CommandPipeline) -> int:
    told = (await pipe.send("INFO", "commandstats")).decode()
    return int(told.split("cmdstat_ping:calls=")[1].split(",")[0]) if "cmdstat_ping" in told else 0


async def _more_pings(pipe: CommandPipeline, than: int) -> bool:
    return await _pings(pipe) >= than


async def _until_real(predicate: object, sleep: object) -> None:
    async with asyncio.timeout(10):
        while not predicate():  # type: ignore[operator]
            await sleep(0.005)  # type: ignore[operator]
