"""Under Redis' access rules: a front and a worker work with no more than they need, and can't do each other's part."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.bus.controls.approvals import Approval, ask_approval, give_approval, refuse_approval
from bridge.bus.events.event import Cursor
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tools.session import SessionStatus
from tests.stacks.bus import KEY, Broker, ask, front, pipe_to, serving, submit

PASSWORD = "a-long-password"

# A front publishes requests, hears replies and ticks, writes order records, seals what clients hand back, reads the
# event log, and sets the kill switch but can't lift it. It neither writes nor reads approvals.
FRONT = """
    +ping +auth +select +client|setinfo +info +time +evalsha +eval +spublish +hmget +get +hset +del +pexpire +srem
    ~ibkr:{{{0}}}:op:* ~ibkr:{{{0}}}:req ~ibkr:{{{0}}}:rep:* ~ibkr:{{{0}}}:inflight ~ibkr:{{{0}}}:generation
    %R~ibkr:{{{0}}}:heartbeat &ibkr:{{{0}}}:req &ibkr:{{{0}}}:fronts
    (+ssubscribe +sunsubscribe &ibkr:{{{0}}}:rep:* &ibkr:{{{0}}}:tick:* &ibkr:{{{0}}}:fronts)
    (+pubsub|shardnumsub allchannels)
    (+evalsha +eval +time +hget +hmget +hset +rpush ~ibkr:{{{0}}}:halt ~ibkr:{{{0}}}:switched)
    (+set +get ~ibkr:{{{0}}}:seal)
    (+evalsha +eval +xrange +xrevrange ~ibkr:{{{0}}}:events)
    (+ssubscribe +sunsubscribe &ibkr:{{{0}}}:event_news)
"""
WORKER = """
    +@connection +@pubsub +@hash +@string +@set +@sortedset +@stream +@list +time +evalsha +eval +script|load +del
    +pexpire +pttl +exists +info +type +unlink ~ibkr:{{{0}}}:* &ibkr:{{{0}}}:*
"""


def rules(text: str, session: str) -> list[str]:
    """Words as ACL SETUSER takes them; a selector in brackets is one word."""
    plain, *selectors = text.format(session).split("(")
    return [*plain.split(), *(f"({selector.split(')')[0]})" for selector in selectors)]


@pytest_asyncio.fixture
async def urls(redis_url: str, session: str) -> AsyncIterator[dict[str, str]]:
    async with pipe_to(redis_url) as admin:
        names = {"front": FRONT, "worker": WORKER}
        for name, text in names.items():
            user = f"{session}-{name}"
            await admin.send("ACL", "SETUSER", user, "reset", "on", f">{PASSWORD}", "-@all", *rules(text, session))
        path = redis_url.removeprefix("unix://")
        yield {name: f"unix://{session}-{name}:{PASSWORD}@{path}" for name in names}
        for name in names:
            await admin.send("ACL", "DELUSER", f"{session}-{name}")


async def test_both_sides_work_with_what_they_need(urls: dict[str, str], session: str) -> None:
    broker = Broker()
    async with serving(urls["worker"], session, broker.handle) as bus, front(urls["front"], session) as asker:
        assert await ask(asker) == broker.answer
        assert await submit(asker) == broker.answer
        assert await submit(asker) == b'{"orderId":7,"replayed":true}'
        await bus.write_heartbeat(SessionStatus(is_connected=True, state="ready"))
        status = await asker.status()
        await bus.records.note(KEY, sent="1")
        assert await bus.records.order_ids(floor=5) == 5
        async with asker.listen("quote.1") as feed:
            bus.publish("quote.1", "quote", b"1")
            [tick] = await anext(feed)

        halt = await asker.halt("claude", "enough")
        assert await asker.halted() == halt
        assert await asker.shared_secret() == await asker.shared_secret()

    assert status is not None
    assert tick.seq == 1
    assert (halt.level, halt.by, halt.reason) == ("halt", "claude", "enough")


async def test_the_worker_writes_an_approval_and_its_event_and_a_front_reads_the_event(
    urls: dict[str, str], session: str
) -> None:
    keys, asked = Keys(session), Approval(KEY, "digest-1", "claude", "BUY 1 AAPL")
    async with CommandPipeline(urls["worker"]) as pipe, front(urls["front"], session) as asker:
        reading = asyncio.create_task(asker.events.after(Cursor()))
        assert await ask_approval(pipe, keys, asked, "challenge-1") == ""
        assert await refuse_approval(pipe, keys, KEY, "digest-1", "anna", "too large")
        page = await reading
        for step in (ask_approval(asker.pipe, keys, asked), give_approval(asker.pipe, keys, KEY, "digest-1", "me")):
            with pytest.raises(Refused, match=r"(?i)permission"):
                await step

    assert page.events[0].event.details["state"] == "asked"


@pytest.mark.fault(86)
@pytest.mark.parametrize(
    "command",
    [
        ("GET", "lease"),
        ("SET", "lease", "1"),
        ("SET", "order_ids", "1"),
        ("DEL", "audit"),
        ("DEL", "halt"),
        ("HSET", "approval:a-key-of-another", "by", "me"),
        ("HSET", "heartbeat", "status", "{}"),
        ("SPUBLISH", "rep:another", "forged"),
        ("SPUBLISH", "tick:quote.1", "forged"),
    ],
)
async def test_a_front_can_not_do_the_workers_part(
    urls: dict[str, str], session: str, command: tuple[str, str, *tuple[str, ...]]
) -> None:
    async with pipe_to(urls["front"]) as pipe:
        name = Keys(session).lease.removesuffix("lease") + command[1]
        with pytest.raises(Refused, match=r"(?i)permission"):
            await pipe.send(command[0], name, *command[2:])


async def test_nobody_reaches_another_session(urls: dict[str, str], session: str) -> None:
    for url in urls.values():
        async with CommandPipeline(url) as pipe:
            with pytest.raises(Refused, match=r"(?i)permission"):
                await pipe.send("HGET", Keys(f"{session}x").order(KEY), "st")
            with pytest.raises(Refused, match=r"(?i)permission"):
                await pipe.send("FLUSHALL")


@pytest.mark.fault(82)
async def test_a_wrong_password_is_told_as_such(urls: dict[str, str]) -> None:
    async with pipe_to(urls["front"].replace(PASSWORD, "wrong")) as pipe:
        with pytest.raises(Exception, match=r"(?i)wrongpass|invalid username"):
            await pipe.send("PING")
