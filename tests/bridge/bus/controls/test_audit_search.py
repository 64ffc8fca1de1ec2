"""The search of the audit log: newest first, every word, page by page, and nothing that can't be read."""

import pytest

from bridge.bus.controls import audit_search
from bridge.bus.controls.audit_search import search_audit
from tests.stacks.audit_log import leading


async def test_entries_with_every_word_are_found_the_newest_first(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (bus, log):
        for number in range(6):
            await log.append("refused" if number % 2 else "intent", key=f"key-{number}", details={"symbol": "AAPL"})
        await bus.pipe.send("XADD", bus.keys.audit, "7-0", "e", "refused aapl, and no entry")
        found = await search_audit(bus.pipe, bus.keys, "REFUSED aapl", most=2)
        older = await search_audit(bus.pipe, bus.keys, "REFUSED aapl", found.before, most=2)
        everything = await search_audit(bus.pipe, bus.keys, "")
        nothing = await search_audit(bus.pipe, bus.keys, "refused tsla")

    assert [each.key for each in found.entries] == ["key-5", "key-3"]
    assert [each.key for each in older.entries] == ["key-1"]
    assert (older.before, len(everything.entries), nothing.entries) == (0, 6, [])


async def test_a_search_ends_after_so_many_entries_and_says_where(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "PAGE", 2)
    async with leading(redis_url, session) as (bus, log):
        for number in range(5):
            await log.append("intent", key=f"key-{number}")
        page = await search_audit(bus.pipe, bus.keys, "key-0", scanned=4)
        rest = await search_audit(bus.pipe, bus.keys, "key-0", page.before, scanned=4)
        await bus.pipe.send("SET", bus.keys.audit, "no log")
        damaged = await search_audit(bus.pipe, bus.keys, "")

    assert (page.entries, page.before, page.scanned) == ([], 2, 4)
    assert [each.key for each in rest.entries] == ["key-0"]
    assert damaged.entries == []
