"""Ends what clients leave behind that are removed or expired: alerts, streams, and live orders that wait for approval.

A client of an operator who is gone loses its access here too: no front may read who the operators are.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

import structlog

from bridge.bus.controls.approvals import refuse_approval, waiting_approvals
from bridge.bus.events.stream_grants import drop_grants, read_grants
from bridge.bus.events.stream_handles import end_handle, handles_now
from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.clients import end_access_of
from bridge.bus.identity.operators import operator_names
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.errors import Fenced
from bridge.bus.transport.outage_log import Outage
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from ib_worker.watches.table import WatchTable

LOOK_S = 1.0
BY = "the worker"
REASON = "the client that asked was removed or has expired"

# Takes a client, how much of each kind is ended, and the id of that end.
Note = Callable[[str, Mapping[str, int], str], Awaitable[None]]

log = structlog.get_logger("ib_worker.client_rights")


@dataclass(frozen=True)
class _LeftBehind:
    """One thing that an ended client has left. `end` may be called again where its outcome is not known."""

    principal: str
    kind: str
    name: str
    end: Callable[[], Awaitable[object]]


class EndedClients:
    """Looks for clients that are no more. `note` writes into the audit log what is ended of each, before it ends: an
    end without its entry would never be told. An entry whose outcome is not known is written again under its id."""

    def __init__(
        self, pipe: CommandPipeline, keys: Keys, clients: ClientDirectory, watches: WatchTable, note: Note
    ) -> None:
        self._pipe = pipe
        self._keys = keys
        self._clients = clients
        self._watches = watches
        self._note = note
        self._noted: set[tuple[str, str]] = set()  # kinds and names that are in the audit log and may not have ended

    async def run(self, look_s: float = LOOK_S) -> NoReturn:
        """End what clients that are no more have left, every `look_s`, for ever."""
        unread = Outage("ended_clients_not_looked_for")
        while True:
            try:
                await self.look()
                unread.over()
            except (BusError, ToolError, Fenced) as error:
                unread.failed(error)
            await asyncio.sleep(look_s)

    async def look(self) -> None:
        """End what there is now. Raises BusError, ToolError and Fenced; what is left is ended by the next look."""
        await self._clients.refreshed()
        if not self._clients.has_clients:
            return
        await self._end_access()
        left = [*await self._watches_left(), *await self._streams_left(), *await self._approvals_left()]
        for name in sorted({each.principal for each in left}):
            await self._noted_once(name, [each for each in left if each.principal == name])
        for each in left:
            await each.end()
        await self._end_grants()
        self._noted.clear()

    async def _noted_once(self, name: str, left: Sequence[_LeftBehind]) -> None:
        fresh = {(each.kind, each.name) for each in left} - self._noted
        if not fresh:
            return
        counts = Counter(kind for kind, _ in sorted(fresh))
        await self._note(name, counts, hashlib.sha256(repr((name, sorted(fresh))).encode()).hexdigest()[:16])
        self._noted |= fresh
        log.warning("client_ended", client=name, **counts)

    async def _end_access(self) -> None:
        given = self._clients.given_by_operators()
        gone = set(given.values()) - set(await operator_names(self._pipe, self._keys) if given else ())
        for name in sorted(name for name, operator in given.items() if operator in gone):
            if await end_access_of(self._pipe, self._keys, name):
                log.warning("client_access_ended", client=name, operator=given[name])

    async def _watches_left(self) -> list[_LeftBehind]:
        await self._watches.loaded.wait()
        found = [each for each in (*self._watches.all(), *self._watches.fired()) if self._is_over(each.principal)]
        return [
            _LeftBehind(each.principal, "alerts", each.id, partial(self._watches.remove, each.id)) for each in found
        ]

    async def _streams_left(self) -> list[_LeftBehind]:
        handles = await handles_now(self._pipe, self._keys, self._pipe.clock.now_ms())
        found = [each for each in handles if self._is_over(each.principal)]
        return [
            _LeftBehind(
                each.principal, "streams", each.handle, partial(end_handle, self._pipe, self._keys, each.handle)
            )
            for each in found
        ]

    async def _approvals_left(self) -> list[_LeftBehind]:
        waiting = [each for each in await waiting_approvals(self._pipe, self._keys) if self._is_over(each.caller)]
        refused = partial(refuse_approval, self._pipe, self._keys)
        return [
            _LeftBehind(each.caller, "approvals", each.key, partial(refused, each.key, each.digest, BY, REASON))
            for each in waiting
        ]

    async def _end_grants(self) -> None:
        grants = await read_grants(self._pipe, self._keys)
        over = [name for name, each in grants.items() if self._is_over(each.principal)]
        await drop_grants(self._pipe, self._keys, over)

    def _is_over(self, principal: str) -> bool:
        return self._clients.has_ended(principal)
