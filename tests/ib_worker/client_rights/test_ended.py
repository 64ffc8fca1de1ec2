"""A removed or expired client leaves nothing that lives: no alert, stream or order that waits for approval."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.bus.controls.approvals import Approval, ask_approval, waiting_approvals
from bridge.bus.events.stream_grants import StreamGrant, add_grant, read_grants
from bridge.bus.events.stream_handles import StreamHandle, add_handle, handles_now
from bridge.bus.events.watches import Watch
from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.clients import Client, grant_access, proof_of, read_registry, remove_client, store_client
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.identity.rights import Rights
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from ib_worker.client_rights.ended import EndedClients
from ib_worker.watches.table import WatchTable
from tests.stacks.bus import pipe_to
from tests.stacks.clients import write_clients

READ = Rights(frozenset({"read"}))
TOKEN = 7


@dataclass
class Left:
    """Two clients, `bot` and `stays`, with what each has left, and the notes of ended clients."""

    pipe: CommandPipeline
    keys: Keys
    path: Path
    watches: WatchTable
    noted: dict[str, dict[str, int]] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    unwritten: list[ToolError] = field(default_factory=list)  # of the next notes, whose entries may be there

    async def look(self) -> None:
        directory = ClientDirectory(self.pipe, self.keys, self.path)
        await EndedClients(self.pipe, self.keys, directory, self.watches, self._note).look()
        await directory.close()

    async def _note(self, name: str, counts: Mapping[str, int], id: str) -> None:
        self.ids.append(id)
        if self.unwritten:
            raise self.unwritten.pop()
        self.noted[name] = dict(counts)

    async def names(self) -> list[str]:
        """Return whose alerts, streams, grants of streams and approvals there are."""
        now = self.pipe.clock.now_ms()
        found = [each.principal for each in self.watches.all()]
        found += [each.principal for each in await handles_now(self.pipe, self.keys, now)]
        found += [each.principal for each in (await read_grants(self.pipe, self.keys)).values()]
        return sorted(found + [each.caller for each in await waiting_approvals(self.pipe, self.keys)])


@pytest_asyncio.fixture
async def left(redis_url: str, session: str, tmp_path: Path) -> AsyncIterator[Left]:
    async with pipe_to(redis_url) as pipe, pipe_to(redis_url) as writer:
        keys = Keys(session)
        await pipe.send("SET", keys.lease, TOKEN)
        now = pipe.clock.now_ms()
        watches = WatchTable(writer, keys, TOKEN)
        await watches.load(now)
        running = asyncio.create_task(watches.run())
        for name in ("bot", "stays"):
            await watches.keep(Watch(f"{name}-1", name, "once", [], now, []))
            await add_handle(pipe, keys, StreamHandle(f"s-{name}", name, "account", "a", "a", {}, "0.0-0", now, now))
            await add_grant(pipe, keys, StreamGrant(name, "account", "a", {}))
            await ask_approval(pipe, keys, Approval(f"key-of-{name}", "digest", name, "BUY 1 AAPL"))
        yield Left(pipe, keys, tmp_path / "clients.json", watches)
        running.cancel()


BOTH = ["bot"] * 4 + ["stays"] * 4
ENDED = {"bot": {"alerts": 1, "streams": 1, "approvals": 1}}


async def test_a_client_that_is_taken_out_of_the_file_leaves_nothing(left: Left) -> None:
    write_clients(left.path, {"bot": {}, "stays": {}})
    await left.look()
    assert (await left.names(), left.noted) == (BOTH, {})
    left.path.write_text("[")  # somebody is writing it: nobody knows who is a client
    await left.look()
    assert await left.names() == BOTH

    write_clients(left.path, {"stays": {}})
    await left.look()
    assert (await left.names(), left.noted) == (["stays"] * 4, ENDED)


async def test_nothing_ends_before_it_is_in_the_audit_log(left: Left) -> None:
    """An entry that may not be there is written again, under the same id."""
    write_clients(left.path, {"stays": {}})
    left.unwritten = [ToolError("audit_unavailable", "The audit log cannot be written.")]
    with pytest.raises(ToolError, match="cannot be written"):
        await left.look()
    assert await left.names() == BOTH

    await left.look()
    assert (await left.names(), left.noted) == (["stays"] * 4, ENDED)
    assert left.ids == [left.ids[0]] * 2


@pytest.mark.parametrize("how", ["removed", "expired"])
async def test_a_client_of_redis_that_ends_leaves_nothing(left: Left, how: str) -> None:
    write_clients(left.path, {"stays": {}})
    await store_client(left.pipe, left.keys, Client("bot", READ))
    await left.pipe.send("HSET", left.keys.clients, "damaged", "{")  # it may be bot's
    await left.look()
    assert await left.names() == BOTH
    await left.pipe.send("HDEL", left.keys.clients, "damaged")
    if how == "removed":
        await remove_client(left.pipe, left.keys, "bot")
    else:
        await store_client(left.pipe, left.keys, Client("bot", READ, until_ms=1))
    await left.look()

    assert (await left.names(), left.noted) == (["stays"] * 4, ENDED)


async def test_the_access_that_an_operator_gave_ends_with_the_operator(left: Left) -> None:
    """Also where somebody removes the operator by hand, in Redis."""
    for name, by in (("bot", "operator anna"), ("stays", "operator bert")):
        await add_operator(left.pipe, left.keys, Operator(by.removeprefix("operator "), ""))
        await store_client(left.pipe, left.keys, Client(name, READ, by=by))
        await grant_access(left.pipe, left.keys, proof_of(name), name, 60_000)
    await left.pipe.send("HDEL", left.keys.operators, "anna")
    write_clients(left.path, {})
    await left.look()

    known = (await read_registry(left.pipe, left.keys)).access.values()
    assert [each.client for each in known] == ["stays"]
