"""The clients as fronts and the worker look them up: those of the file and those in Redis, from a cache of a second.

A published message makes the cache old at once. In use it is read again every half a second beside the calls, so none
of them waits for Redis.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import structlog

from bridge.bus.identity.client_file import ClientFile
from bridge.bus.identity.clients import BY_OPERATOR, OIDC_NAME, Client, Registry, access_id, read_registry
from bridge.bus.identity.sign_ins import operator_of
from bridge.bus.keys import Keys
from bridge.bus.transport.clock import boottime
from bridge.bus.transport.connection import BusError, bus_errors
from bridge.bus.transport.pipeline import CommandPipeline

KEPT_S = 1.0  # so old what is known of Redis may be: a revocation holds by then
AGAIN_S = 0.5  # so old it is read again beside the calls
NONE = Registry({}, {}, 0)

log = structlog.get_logger(__name__)


class ClientDirectory:
    """Finds clients by the proof of their token. `path`: the clients' file, if there is one. `unlisted`: whether an
    OpenID Connect provider's subjects that are in no list are clients too."""

    def __init__(self, pipe: CommandPipeline, keys: Keys, path: Path | None = None, unlisted: bool = False) -> None:
        self._pipe = pipe
        self._keys = keys
        self._file = ClientFile(path) if path is not None else None
        self._unlisted = unlisted
        self._known = NONE
        self._read_at = float("-inf")  # when the latest answer was asked for, by `boottime`
        self._news = 0  # messages so far: an answer that was asked for before the last one is old
        self._reading: asyncio.Task[None] | None = None
        self._had_clients = False

    def fault(self) -> str | None:
        """The reason why the file cannot be read now; None where it can, or where there is none."""
        return self._file.fault() if self._file else None

    def changed(self) -> None:
        """Read Redis again, and before the next answer: somebody has changed the clients."""
        self._news += 1
        self._read_at = float("-inf")
        self._read()

    @property
    def has_clients(self) -> bool:
        """Return whether clients are configured: there is a file or a provider, or Redis has a client or had one. A
        process that has seen one goes on to ask for proofs, as Redis may have lost it."""
        return self._file is not None or self._had_clients or self._unlisted

    @property
    def was_read(self) -> bool:
        """Return whether Redis was read once."""
        return self._known is not NONE

    async def operator_of(self, sign_in: str) -> str:
        """Return the operator who is signed in under this id, empty for nobody. Raises ToolError bus_down."""
        with bus_errors(self._pipe.url):
            return await operator_of(self._pipe, self._keys, sign_in)

    async def refreshed(self) -> None:
        """Return once what is known is at most KEPT_S old. Raises ToolError bus_down where Redis can't be read."""
        age_s = boottime() - self._read_at
        if age_s < AGAIN_S:
            return
        reading = self._read()
        if age_s >= KEPT_S:
            with bus_errors(self._pipe.url):
                await asyncio.shield(reading)

    async def find(self, proof: str) -> Client | None:
        """Return whose proof this is, None for nobody's. Raises ToolError bus_down where Redis can't be read."""
        found = self._file.find(proof) if self._file else None
        if found is not None:
            return found
        await self.refreshed()
        return self.last_known(proof)

    def last_known(self, proof: str) -> Client | None:
        """Return the same by what was read last, however old."""
        found = self._file.find(proof) if self._file else None
        return found or self._of_redis(proof)

    def named(self, name: str) -> Client | None:
        """Return the client of that name, by what was read last."""
        found = self._file.named(name) if self._file else None
        return found or self._known.clients.get(name)

    def of_subject(self, subject: str, program: str) -> Client | None:
        """Return the client of a subject of the OpenID Connect provider, by the clients' file."""
        return self._file.of_subject(subject, program) if self._file else None

    def is_unlisted(self, name: str) -> bool:
        """Return whether the name is that of a subject in no list, which has the rights of each token it shows."""
        return self._unlisted and OIDC_NAME.fullmatch(name) is not None and self.named(name) is None

    def has_ended(self, name: str) -> bool:
        """Return whether there certainly is no client of that name any more: it was removed, or its time is over.

        False while the file or a record can't be read, or Redis was not read of late: then nobody knows.
        """
        if not self.has_clients or self.fault() or self._known.unreadable or boottime() - self._read_at > KEPT_S:
            return False
        if self._is_of_file(name) or self.is_unlisted(name):
            return False
        client = self._known.clients.get(name)
        return client is None or 0 < client.until_ms <= self._pipe.clock.now_ms()

    def given_by_operators(self) -> dict[str, str]:
        """Return the clients of Redis whose rights an operator gave, with that operator, by what was read last."""
        whom = {name: each.by.removeprefix(BY_OPERATOR) for name, each in self._known.clients.items() if each.by}
        return {name: operator for name, operator in whom.items() if operator != self._known.clients[name].by}

    async def close(self) -> None:
        """End a read that is under way."""
        if self._reading is not None:
            self._reading.cancel()
            with suppress(BusError, asyncio.CancelledError):
                await self._reading

    def _of_redis(self, proof: str) -> Client | None:
        access = self._known.access.get(access_id(proof))
        client = self._known.clients.get(access.client) if access else None
        if access is None or client is None or self._is_of_file(client.name):
            return None
        now_ms = self._pipe.clock.now_ms()
        over = access.until_ms <= now_ms or 0 < client.until_ms <= now_ms
        return None if over else client

    def _is_of_file(self, name: str) -> bool:
        """Two clients of one name would be one principal: the file's is it."""
        return self._file is not None and self._file.named(name) is not None

    def _read(self) -> "asyncio.Task[None]":
        """The read that is under way, or a new one."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_until_current(), name="the clients")
            self._reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._reading

    async def _read_until_current(self) -> None:
        """Read; again where a message came meanwhile, since the answer may be of before it."""
        while True:
            asked_at, news = boottime(), self._news
            known = await read_registry(self._pipe, self._keys)
            if news == self._news:
                self._take(known, asked_at)
                return

    def _take(self, known: Registry, asked_at: float) -> None:
        if known.unreadable and known.unreadable != self._known.unreadable:
            log.error("clients_unreadable", count=known.unreadable)
        self._known, self._read_at = known, asked_at
        self._had_clients = self._had_clients or bool(known.clients) or bool(known.unreadable)
