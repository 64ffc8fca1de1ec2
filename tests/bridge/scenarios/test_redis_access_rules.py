"""Under Redis' access rules: a front and a worker work with no more than they need, and can't do each other's part."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from structlog.typing import EventDict

from bridge.bus.access import Service
from bridge.bus.controls.approvals import Approval, ask_approval, give_approval, refuse_approval
from bridge.bus.controls.kill_switch import SwitchChange, clear_halt, drop_change, next_change, read_halt, set_halt
from bridge.bus.events.event import Cursor
from bridge.bus.halt import LATEST_MS, LONGEST_NAME, Halt
from bridge.bus.identity.clients import Client, grant_access, proof_of, read_registry, store_client
from bridge.bus.identity.rights import Rights
from bridge.bus.integrity.durability import read_durability
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script
from bridge.tools.session import SessionStatus
from tests.stacks.bus import KEY, Broker, ask, front, pipe_to, serving, submit
from tests.stacks.redis_users import PASSWORD, redis_users
from tests.stacks.timing import waits_at

NONE = Halt("reduce_only", "", "none", 0)


@pytest_asyncio.fixture
async def urls(redis_url: str, session: str) -> AsyncIterator[dict[Service, str]]:
    async with redis_users(redis_url, session) as made:
        yield made


async def test_both_sides_work_with_what_they_need(urls: dict[Service, str], session: str) -> None:
    broker = Broker()
    async with serving(urls["worker"], session, broker.handle) as bus, front(urls["front"], session) as bus_client:
        assert await ask(bus_client) == broker.answer
        assert await submit(bus_client) == broker.answer
        assert await submit(bus_client) == b'{"orderId":7,"replayed":true}'
        await bus.write_heartbeat(SessionStatus(is_connected=True, state="ready"))
        status = await bus_client.status()
        await bus.records.note(KEY, sent="1")
        assert await bus.records.order_ids(floor=5) == 5
        async with bus_client.listen("quote.1") as feed:
            bus.publish("quote.1", "quote", b"1")
            [tick] = await anext(feed)

        halt = await bus_client.halt("claude", "enough")
        assert await bus_client.halted() == halt
        assert await bus_client.shared_secret() == await bus_client.shared_secret()
        assert (await read_durability(bus.pipe)).kept == "every write"

    assert status is not None
    assert tick.seq == 1
    assert (halt.level, halt.by, halt.reason) == ("halt", "claude", "enough")


async def test_the_worker_writes_an_approval_and_its_event_and_a_front_reads_the_event(
    urls: dict[Service, str], session: str
) -> None:
    keys, asked = Keys(session), Approval(KEY, "digest-1", "claude", "BUY 1 AAPL")
    async with CommandPipeline(urls["worker"]) as pipe, front(urls["front"], session) as bus_client:
        reading = asyncio.create_task(bus_client.events.after(Cursor()))
        assert await ask_approval(pipe, keys, asked, "challenge-1") == ""
        assert await refuse_approval(pipe, keys, KEY, "digest-1", "anna", "too large")
        page = await reading
        for step in (
            ask_approval(bus_client.pipe, keys, asked),
            give_approval(bus_client.pipe, keys, KEY, "digest-1", "me"),
        ):
            with pytest.raises((Refused, PermissionError), match=r"(?i)permission|signed in"):
                await step

    assert page.events[0].event.details["state"] == "asked"


@pytest.mark.fault(86)
async def test_a_front_can_not_do_the_workers_or_an_operators_part(urls: dict[Service, str], session: str) -> None:
    """Whatever a front that was taken over sends by its user, by itself or in a script."""
    name = Keys(session).seal.removesuffix("seal")
    forbidden = [
        ("SET", "lease", "1"), ("SET", "owned", "1"),
        ("HSET", f"own:{KEY}", "st", "done"), ("DEL", f"own:{KEY}"), ("PEXPIRE", f"own:{KEY}", "1"),
        ("SET", "order_ids", "1"), ("SET", "generation", "1"),
        ("DEL", "generation"), ("SREM", "inflight", KEY), ("ZREM", "accepted", KEY), ("DEL", "audit"),
        ("XADD", "audit", "*", "e", "{}"), ("XADD", "events", "*", "n", "1", "e", "{}"), ("SET", "steering", "{}"),
        ("SET", "preview:a-token", "{}"), ("GET", "preview:a-token"), ("XADD", "kept:quote.1", "*", "n", "1"),
        ("DEL", "halt"), ("HDEL", "halt", "level"), ("HSET", "halt", "level", "reduce_only"), ("PEXPIRE", "halt", "1"),
        ("RENAME", "halt", "op:x"), ("INCR", "halts"), ("RPUSH", "released", "{}"), ("LPOP", "switched"),
        ("HSET", f"approval:{KEY}", "by", "me"), ("HGETALL", f"approval:{KEY}"), ("ZADD", "approvals", "1", KEY),
        ("RPUSH", "refusals", "{}"), ("HGETALL", "operators"), ("HSET", "operators", "me", "{}"), ("HLEN", "operators"),
        ("HGETALL", "sign_ins"), ("HSET", "sign_ins", "me", "{}"), ("HSET", "clients", "me", "{}"),
        ("HDEL", "clients", "me"), ("HSET", "access", "me", "{}"), ("SPUBLISH", "client_news", "changed"),
        ("SET", "identity_epoch", ""), ("SET", "seal", "x"),
        ("HSET", "heartbeat", "status", "{}"), ("PEXPIRE", "heartbeat", "1"), ("SPUBLISH", "rep:another", "forged"),
        ("SPUBLISH", "tick:quote.1", "forged"), ("SPUBLISH", "event_news", "1-1"),
        ("SPUBLISH", "stream_news", "quote.1"),
        ("SSUBSCRIBE", "req"), ("HSET", "stream_grants", "x", "{}"), ("HGETALL", "stream_grants"),
    ]  # fmt: skip
    async with pipe_to(urls["front"]) as pipe:
        for command, key, *rest in forbidden:
            script = Script(f"#!lua\nreturn redis.call('{command}', KEYS[1], unpack(ARGV))")
            for step in (pipe.send(command, name + key, *rest), script.run(pipe, (name + key,), *rest)):
                with pytest.raises(Refused, match=r"(?i)permission|can't run this command|not allowed"):
                    await step
        for words in (
            ("KEYS", "*"),
            ("SCAN", "0"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("ACL", "LIST"),
            ("MONITOR",),
            ("SLOWLOG", "GET"),
            ("CLIENT", "TRACKING", "ON", "BCAST"),
        ):
            with pytest.raises(Refused, match=r"(?i)permission"):
                await pipe.send(*words)


async def test_a_front_tightens_a_halt_and_never_loosens_it(
    redis_url: str, urls: dict[Service, str], session: str
) -> None:
    keys = Keys(session)
    async with (
        front(urls["front"], session) as bus_client,
        pipe_to(urls["operator"]) as operator,
        pipe_to(redis_url) as pipe,
    ):
        await set_halt(operator, keys, "reduce_only", "operator anna", "slowly")
        assert (await bus_client.halted() or NONE).level == "reduce_only"

        tightened = await bus_client.halted_by("claude", "stop")
        again = await set_halt(bus_client.pipe, keys, "reduce_only", "claude", "less")
        assert [tightened[0].level, tightened[1], again.level] == ["halt", True, "halt"]
        for read in (bus_client.pipe, operator):
            assert await read_halt(read, keys) == again
        assert await pipe.send("HGET", keys.halt, "tightened") == b"1"

        assert await clear_halt(operator, keys, "anna", read=again)
        assert await bus_client.halted() is None
        changes = [await change(pipe, keys) for _ in range(3)]
        assert [(each.event, each.level, each.by) for each in changes] == [
            ("halt", "reduce_only", "operator anna"), ("halt", "halt", "claude"), ("resume", "halt", "anna"),
        ]  # fmt: skip


async def test_a_release_that_a_front_makes_up_is_no_change_of_the_switch(
    redis_url: str, urls: dict[Service, str], session: str, logs: list[EventDict]
) -> None:
    keys = Keys(session)
    forged = {"event": "resume", "level": "halt", "by": "anna", "reason": "", "at_ms": 1, "queue": keys.released}
    async with pipe_to(urls["front"]) as taken_over, pipe_to(redis_url) as pipe:
        await taken_over.send("RPUSH", keys.switched, msgspec.json.encode(forged))
        assert await set_halt(pipe, keys, "halt", "claude", "")
        assert (await change(pipe, keys)).by == "claude"
        assert await next_change(pipe, keys) is None

    assert [each["by"] for each in logs if each["event"] == "switch_change_not_believed"] == ["anna"]


async def test_a_made_up_halt_of_the_far_future_is_one_of_now(
    redis_url: str, urls: dict[Service, str], session: str
) -> None:
    """Its event would count as later than all that come, so that none of them would be told any more."""
    keys = Keys(session)
    forged = {"event": "halt", "level": "halt", "by": "x" * 5_000, "reason": "a\nb\u202e", "at_ms": LATEST_MS}
    async with pipe_to(urls["front"]) as taken_over, pipe_to(redis_url) as pipe:
        await taken_over.send("RPUSH", keys.switched, msgspec.json.encode(forged))
        found = await change(pipe, keys)

        assert abs(found.at_ms - pipe.clock.now_ms()) < 60_000
        assert (len(found.by), found.reason) == (LONGEST_NAME, "a b")
        assert await next_change(pipe, keys) is None  # it was dropped as it was queued


async def test_what_a_fronts_script_sets_in_lua_changes_no_other_script(urls: dict[Service, str], session: str) -> None:
    keys, broker = Keys(session), Broker()
    settings = "cjson.encode_number_precision(1) cjson.decode_max_depth(1) cjson.encode_max_depth(1)"
    async with (
        serving(urls["worker"], session, broker.handle),
        front(urls["front"], session) as bus_client,
        pipe_to(urls["operator"]) as operator,
    ):
        await submit(bus_client)
        await store_client(operator, keys, Client("claude", Rights(frozenset({"read"}))))
        await bus_client.pipe.send("EVAL", settings, 0)

        assert await submit(bus_client) == b'{"orderId":7,"replayed":true}'
        assert await grant_access(operator, keys, proof_of("a-token"), "claude", 60_000)
        known = await read_registry(operator, keys)
        assert [each.until_ms - known.now_ms <= 60_000 for each in known.access.values()] == [True]


async def change(pipe: CommandPipeline, keys: Keys) -> SwitchChange:
    """Return the next change, and take it out of its queue as a leader does."""
    found = await next_change(pipe, keys)
    assert found is not None
    await drop_change(pipe, found)
    return found


async def test_nobody_reaches_another_session(urls: dict[Service, str], session: str) -> None:
    for url in urls.values():
        async with CommandPipeline(url, waits_at(url)) as pipe:
            with pytest.raises(Refused, match=r"(?i)permission"):
                await pipe.send("HGET", Keys(f"{session}x").order(KEY), "st")
            with pytest.raises(Refused, match=r"(?i)permission"):
                await pipe.send("FLUSHALL")


@pytest.mark.fault(82)
async def test_a_wrong_password_is_told_as_such(urls: dict[Service, str]) -> None:
    async with pipe_to(urls["front"].replace(PASSWORD, "wrong")) as pipe:
        with pytest.raises(Exception, match=r"(?i)wrongpass|invalid username"):
            await pipe.send("PING")
