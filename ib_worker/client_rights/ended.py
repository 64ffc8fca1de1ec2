"""Ends what clients leave behind that are removed or expired: alerts, streams, and live orders that wait for approval.

A client of an operator who is gone loses its access here too: no front may read who the operators are.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
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

Note = Callable[[str, Mapping[str, int]], Awaitable[None]]  # takes a client, and how much of each kind was ended

log = structlog.get_logger("ib_worker.client_rights")


class EndedClients:
    """Looks for clients that are no more. `note` writes into the audit log what was ended of each."""

    def __init__(
        self, pipe: CommandPipeline, keys: Keys, clients: ClientDirectory, watches: WatchTable, note: Note
    ) -> None:
        self._pipe = pipe
        self._keys = keys
        self._clients = clients
        self._watches = watches
        self._note = note

    async def run(self, look_s: float = LOOK_S) -> NoReturn:
        """For ever."""
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
        ended: dict[str, Counter[str]] = {}
        for step in (self._end_watches, self._end_streams, self._end_approvals):
            for name, kind in await step():
                ended.setdefault(name, Counter())[kind] += 1
        for name, counts in ended.items():
            log.warning("client_ended", client=name, **counts)
            await self._note(name, counts)

    async def _end_access(self) -> None:
        given = self._clients.given_by_operators()
        gone = set(given.values()) - set(await operator_names(self._pipe, self._keys) if given else ())
        for name in sorted(name for name, operator in given.items() if operator in gone):
            if await end_access_of(self._pipe, self._keys, name):
                log.warning("client_access_ended", client=name, operator=given[name])

    async def _end_watches(self) -> list[tuple[str, str]]:
        await self._watches.loaded.wait()
        found = [each for each in (*self._watches.all(), *self._watches.fired()) if self._is_over(each.principal)]
        for each in found:
            await self._watches.remove(each.id)
        return [(each.principal, "alerts") for each in found]

    async def _end_streams(self) -> list[tuple[str, str]]:
        handles = await handles_now(self._pipe, self._keys, self._pipe.clock.now_ms())
        found = [each for each in handles if self._is_over(each.principal)]
        for each in found:
            await end_handle(self._pipe, self._keys, each.handle)
        grants = await read_grants(self._pipe, self._keys)
        await drop_grants(
            self._pipe, self._keys, [name for name, each in grants.items() if self._is_over(each.principal)]
        )
        return [(each.principal, "streams") for each in found]

    async def _end_approvals(self) -> list[tuple[str, str]]:
        waiting = [each for each in await waiting_approvals(self._pipe, self._keys) if self._is_over(each.caller)]
        for each in waiting:
            await refuse_approval(self._pipe, self._keys, each.key, each.digest, BY, REASON)
        return [(each.caller, "approvals") for each in waiting]

    def _is_over(self, principal: str) -> bool:
        return self._clients.has_ended(principal)
