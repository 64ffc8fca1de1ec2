"""The index of the audit log by order: written with each entry, filled where an earlier release left it short."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import msgspec
import pytest

from bridge.audit_chain import GENESIS, AuditEntry, digest, encode
from bridge.bus.controls import audit_index, audit_log
from bridge.bus.controls.audit_index import find_entries, perm_name, read_entries, ref_name, refusals_name
from bridge.bus.controls.audit_log import AuditLog, read_log, trim
from bridge.bus.keys import Keys
from bridge.bus.server.server import BusServer
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.timing import waits_at

REF = "mcpabcdefghijklmnopqrstuvwxyz2"
PERM = 389001001
DAMAGE = {
    "is gone": ("DEL",),
    "is a list": ("RPUSH", "x"),
    "is a text": ("SET", "x"),
    "has no marks": ("ZADD", "0", "nothing of the index"),
}


LIMITS = "local MOST, MOST_REFUSED_OF_ONE, MOST_REFUSED = "


def shortened(script: Script) -> Script:
    """The script with an index that reaches four entries back, and has two refusals of a client and six of all."""
    short = re.sub(f"{LIMITS}.*", f"{LIMITS}4, 2, 6", script.text)
    assert short != script.text
    return Script(short)


@asynccontextmanager
async def leading(url: str, session: str) -> AsyncIterator[tuple[BusServer, AuditLog]]:
    async with BusServer(url, session, "w1", timing=waits_at(url)) as bus:
        token = await bus.lead()
        yield bus, AuditLog(bus.pipe, bus.keys, token)


async def written_by_an_earlier_release(pipe: CommandPipeline, keys: Keys, refs: Iterable[str]) -> None:
    """Append entries and no index."""
    found = await pipe.send("HMGET", keys.audit_head, "seq", "digest")
    seq, prev = (int(found[0]), found[1].decode()) if found[0] else (0, GENESIS)
    for seq, ref in enumerate(refs, seq + 1):  # noqa: B020 - it goes on from there
        line = encode(AuditEntry(seq=seq, prev=prev, at="", event="Status", orderRef=ref))
        prev = digest(line)
        await pipe.send("XADD", keys.audit, f"{seq}-0", "e", line)
        await pipe.send("HSET", keys.audit_head, "seq", seq, "digest", prev)


async def indexed(bus: BusServer) -> int:
    return int(await bus.pipe.send("ZCOUNT", bus.keys.audit_index, "-inf", "+inf"))


async def test_entries_are_found_by_reference_and_by_permId_newest_first(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        await log.append("intent", orderRef=REF)
        await log.append("Opened", orderRef="another", permId=PERM)
        await log.append("Status", orderRef=REF, permId=PERM)
        await log.append("Status", orderRef=f"{REF}-b", permId=PERM * 10)
        by_ref = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])
        by_perm = await find_entries(bus.pipe, bus.keys, [perm_name(PERM)])
        both = await find_entries(bus.pipe, bus.keys, [ref_name(REF), perm_name(PERM)])
        lines = [line async for line in read_entries(bus.pipe, bus.keys, by_ref or [])]

    assert (by_ref, by_perm, both) == ([3, 1], [3, 2], [3, 2, 1])
    assert [msgspec.json.decode(line, type=AuditEntry).event for line in lines] == ["Status", "intent"]


async def test_a_permId_that_only_the_event_has_is_a_name_too(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        await log.append("Status", permId=1, details={"permId": PERM, "status": "Submitted"})
        await log.append("Said", permId=1, details={"text": f'"permId":{PERM}, "orderRef":"{REF}"'})
        found = await find_entries(bus.pipe, bus.keys, [perm_name(PERM)])
        quoted = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])

    assert (found, quoted) == ([1], [])


async def test_log_of_an_earlier_release_is_found_whole(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_index, "FILLED_AT_ONCE", 3)
    async with leading(redis_url, session) as (bus, log):
        await written_by_an_earlier_release(bus.pipe, bus.keys, [REF, "other"] * 5)
        before = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])
        await log.append("Status", orderRef=REF)
        after = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])

    assert before == [9, 7, 5, 3, 1]
    assert after == [11, *before]


async def test_entries_of_a_leader_of_an_earlier_release_in_between_are_found(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        await log.append("Status", orderRef=REF)
        await written_by_an_earlier_release(bus.pipe, bus.keys, [REF])
        between = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])
        await written_by_an_earlier_release(bus.pipe, bus.keys, [REF])
        await log.append("Status", orderRef=REF)
        after = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])

    assert (between, after) == ([2, 1], [4, 3, 2, 1])


@pytest.mark.parametrize("when", ["before a read", "before an entry"])
@pytest.mark.parametrize("how", DAMAGE)
async def test_index_that_is_damaged_is_filled_from_the_log(redis_url: str, session: str, how: str, when: str) -> None:
    command, *rest = DAMAGE[how]
    async with leading(redis_url, session) as (bus, log):
        await log.append("Status", orderRef=REF)
        await bus.pipe.send("DEL", bus.keys.audit_index)
        await bus.pipe.send(command, bus.keys.audit_index, *rest)
        if when == "before an entry":
            await log.append("Status", orderRef="other")
        found = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])

    assert found == [1]


async def test_index_is_as_short_as_the_entries_it_reaches_back(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "APPEND", shortened(audit_log.APPEND))
    monkeypatch.setattr(audit_index, "FIND", shortened(audit_index.FIND))
    async with leading(redis_url, session) as (bus, log):
        for number in range(10):
            await log.append("Status", orderRef=REF if number % 2 else "other", permId=number)
        members = await indexed(bus)
        found = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])

    assert members == 4 * 2 * 2 + 2  # four entries with two names each, and the two marks
    assert found == [10, 8]


async def test_archived_entries_leave_the_index_with_the_log(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        for _ in range(4):
            await log.append("Status", orderRef=REF)
        lines = [line async for line in read_log(bus.pipe, bus.keys)]
        assert await trim(bus.pipe, bus.keys, lines[1])
        members = await indexed(bus)
        found = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])
        await log.append("Status", orderRef=REF)
        later = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])

    assert (members, found, later) == (0, [4, 3], [5, 4, 3])


async def test_trimmed_entries_are_left_out(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        await log.append("Status", orderRef=REF)
        await log.append("Status", orderRef=REF)
        await bus.pipe.send("XTRIM", bus.keys.audit, "MAXLEN", "1")
        lines = [line async for line in read_entries(bus.pipe, bus.keys, [2, 1])]

    assert len(lines) == 1


async def test_nothing_is_found_where_there_is_no_log(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, _):
        none = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])
        await bus.pipe.send("SET", bus.keys.audit, "not a log")
        other = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])

    assert (none, other) == ([], [])


async def test_short_index_is_not_read_while_redis_accepts_no_writes(own_redis: EmbeddedRedis, session: str) -> None:
    async with leading(own_redis.url, session) as (bus, log):
        await log.append("Status", orderRef=REF)
        await bus.pipe.send("CONFIG", "SET", "maxmemory", "1")
        kept = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])
        await bus.pipe.send("DEL", bus.keys.audit_index)
        short = await find_entries(bus.pipe, bus.keys, [ref_name(REF)])

    assert (kept, short) == ([1], None)


async def test_each_client_has_refusals_of_its_own_and_all_clients_a_bound(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client's stay however many entries follow."""
    monkeypatch.setattr(audit_log, "APPEND", shortened(audit_log.APPEND))
    monkeypatch.setattr(audit_index, "FIND", shortened(audit_index.FIND))
    odd = 'a "quoted" \\ name'
    async with leading(redis_url, session) as (bus, log):

        async def refused(caller: str) -> list[int] | None:
            return await find_entries(bus.pipe, bus.keys, [refusals_name(caller)])

        for _ in range(3):
            await log.append("refused", caller="claude", details={"event": "refused", "caller": "codex"})
        await log.append("refused", caller=odd)
        for _ in range(6):
            await log.append("refused", caller="a flood")
        await log.append("Status", orderRef=REF, details={"event": "refused", "caller": "codex"})
        found = {name: await refused(name) for name in ("claude", odd, "a flood", "codex", "claud", "")}
        for number in range(9):
            await log.append("refused", caller=f"client {number}")
        after = {name: await refused(name) for name in ("claude", "client 2", "client 3", "client 8")}
        members = await indexed(bus)

    assert found == {"claude": [3, 2], odd: [4], "a flood": [10, 9], "codex": [], "claud": [], "": []}
    assert after == {"claude": [], "client 2": [], "client 3": [15], "client 8": [20]}
    assert members == 2 * 6 + 2


async def test_index_of_an_earlier_release_gets_the_refusals(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        await log.append("refused", caller="claude")
        await bus.pipe.send("DEL", bus.keys.audit_index)
        for member in ("f0000000000000001", "l0000000000000001", 'n"event":"refused" 0000000000000001'):
            await bus.pipe.send("ZADD", bus.keys.audit_index, 0, member)
        found = await find_entries(bus.pipe, bus.keys, [refusals_name("claude")])

    assert found == [1]
