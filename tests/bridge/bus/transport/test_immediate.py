"""Messages that go out in the step that makes them: in order, bounded, at the pipeline's server, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.bus.keys import Keys
from bridge.bus.transport import immediate
from bridge.bus.transport.immediate import ImmediatePublisher
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.pubsub import PubSubListener
from bridge.tasks import cancel_and_wait
from tests.stacks.bus import pipe_to
from tests.stacks.redis_relay import Shim
from tests.stacks.timing import PATIENT
from tests.waiting import until

Answers = list[tuple[str, int]]


@asynccontextmanager
async def publishing(pipe: CommandPipeline, probe: str) -> AsyncIterator[tuple[ImmediatePublisher, Answers]]:
    """A publisher whose connection is wanted and open, and the answers to its messages."""
    answers: Answers = []
    publisher = ImmediatePublisher(pipe, probe, lambda name, count: answers.append((name, count)))
    running = asyncio.create_task(publisher.run())
    try:
        await pipe.send("PING")
        assert not publisher.may_publish()
        await until(publisher.may_publish, "it is connected", 20)
        yield publisher, answers
    finally:
        await cancel_and_wait([running])


async def test_messages_go_out_in_order_with_their_receivers_counted(redis_url: str, session: str) -> None:
    keys, heard = Keys(session), list[bytes]()
    listener = PubSubListener(redis_url, lambda _, body: heard.append(body), lambda: None, PATIENT)
    async with pipe_to(redis_url) as pipe, listener, publishing(pipe, keys.ticks("nobody")) as (publisher, answers):
        listener.subscribe(keys.ticks("one"))
        await listener.confirmed(keys.ticks("one"), 20)
        for number in range(100):
            publisher.publish([("one", keys.ticks("one"), b"%d" % number), ("two", keys.ticks("two"), b"")])
        await until(lambda: len(answers) == 200 and len(heard) == 100, "all are answered and heard", 20)

    assert heard == [b"%d" % number for number in range(100)]
    assert answers == [("one", 1), ("two", 0)] * 100


async def test_it_moves_with_the_pipeline_and_comes_back_after_a_cut(redis_url: str, session: str) -> None:
    probe = Keys(session).ticks("nobody")
    async with Shim(redis_url) as shim, pipe_to(shim.url) as pipe, publishing(pipe, probe) as (publisher, answers):
        await pipe._drop()
        await pipe.send("PING")
        assert not publisher.may_publish()
        await until(publisher.may_publish, "it has followed the pipeline", 20)
        shim.cut()
        await until(lambda: not publisher.may_publish(), "the cut is noticed", 20)
        await pipe.send("PING")
        await until(publisher.may_publish, "it is back", 20)
        publisher.publish([("one", probe, b"")])
        await until(lambda: bool(answers), "it is answered", 20)

    assert answers == [("one", 0)]


async def test_a_server_that_answers_nothing_gets_no_more(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(immediate, "UNANSWERED", 3)
    probe = Keys(session).ticks("nobody")
    async with Shim(redis_url) as shim, pipe_to(shim.url) as pipe, publishing(pipe, probe) as (publisher, answers):
        shim.answers.clear()
        publisher.publish([("one", probe, b"")] * 3)
        assert not publisher.may_publish()
        shim.answers.set()
        await until(publisher.may_publish, "they are answered", 20)

    assert answers == [("one", 0)] * 3
