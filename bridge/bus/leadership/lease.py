"""The leader's lease: one worker of a session holds it, checks it without I/O, and stops before it expires."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from bridge.bus.halt import halt_of
from bridge.bus.integrity.replication import UNKNOWN_ID, replication_id_of
from bridge.bus.integrity.watermark import DataLoss, Watermark
from bridge.bus.keys import Keys
from bridge.bus.leadership import scripts
from bridge.bus.leadership.leader_file import LeaderFile
from bridge.bus.transport.clock import boottime
from bridge.bus.transport.connection import BusError, Full, Refused
from bridge.bus.transport.outage_log import Outage
from bridge.bus.transport.pipeline import CommandPipeline

NOT_COMPARED = "-"  # what the last leader said of the server still stands

log = structlog.get_logger()


class LeaseLost(Exception):
    """This worker leads no more: it must write nothing, and close its connection to the gateway."""


class Lease:
    """The lease of one worker. `token` rises with every grant, over restarts and loss of Redis's data (a fencing
    token)."""

    def __init__(
        self, pipe: CommandPipeline, keys: Keys, leader_file: Path | None = None, watermark: Watermark | None = None
    ) -> None:
        self._pipe = pipe
        self._timing = pipe.timing
        self.watermark = watermark or Watermark(keys.session)
        self._keys = keys
        self._file = LeaderFile(leader_file, pipe.url, keys.session)
        self._until = float("-inf")  # by boottime, so that suspend and SIGSTOP count
        self._full = False  # at the last renewal the server was out of memory or disk, and took no write of anybody
        self._told: Callable[[float], None] | None = None
        self._unrenewed, self._unreachable = Outage("lease_not_renewed"), Outage("lease_unreachable")
        self._hurry = asyncio.Event()
        self._observe_at = float("-inf")
        self.token = 0
        self.compared = asyncio.Event()  # a renewal of this lease has compared Redis with what the worker knows
        self.data_lost = asyncio.Event()  # Redis has less than the worker knows; `loss` says what
        self.loss: DataLoss | None = None
        self.lacking = False  # Redis has not been raised to what is known since the loss
        self._found_id = ""
        self.replication_id = (
            NOT_COMPARED  # of the server that had all the worker knows at the last renewal; empty: unknown
        )

    def held(self) -> bool:
        """Return whether no other worker can hold the lease now. It awaits nothing: call it right before writing to the
        gateway."""
        return boottime() < self._until

    def left_s(self) -> float:
        """Return the seconds until this worker must have renewed the lease; 0 where it does not hold it."""
        return max(self._until - boottime(), 0.0)

    def may_serve_reads(self) -> bool:
        """Return whether this worker may serve reads: it holds the lease, or the server takes no writes, so nobody else
        can get it."""
        return self.held() or self._full

    def on_renewed(self, told: Callable[[float], None]) -> None:
        """Call `told` now and at each renewal with the time (by boottime) until which nobody else leads, unless this
        worker stands still."""
        self._told = told
        told(self._until)

    async def acquire(self) -> int:
        """Wait, as a standby if need be, until this worker holds the lease, also while Redis is away. Return the token.

        The previous term must be over, its connection to the gateway closed.
        """
        self._file.let_go()
        self.watermark.load()
        self.compared.clear()
        self.replication_id = NOT_COMPARED
        self.loss, self.lacking = None, False  # the first renewal compares anew
        while not await self._try():  # noqa: ASYNC110 - what it waits for lives in Redis
            await asyncio.sleep(self._timing.standby_s)
        log.info("lease_acquired", token=self.token)
        return self.token

    async def _try(self) -> bool:
        asked = boottime()
        try:
            token = await self._granted()
            if token is None and await self._freed():
                asked = boottime()
                token = await self._granted()
        except BusError as error:
            self._unreachable.failed(error)
            return False
        self._unreachable.over()
        if token is None:
            await self._observe()
            return False
        self.token = int(token)
        self.watermark.load()  # its last holder on this machine may have written until now
        self.watermark.note(token=self.token)
        self._hold(asked)
        return True

    async def _observe(self) -> None:
        """As a standby, remember now and then what Redis must know, since the leader's file may be on another
        machine."""
        if boottime() < self._observe_at:
            return
        self._observe_at = boottime() + self._timing.renew_s
        names, known = self._keys, self.watermark.known
        keys = (names.generation, names.revision, names.audit_head, names.halt, names.heartbeat, names.halts)
        with suppress(BusError):
            generation, revision, seq, digest, *rest = await scripts.OBSERVE.run(self._pipe, keys)
            halt, [day_from, orders, releases] = halt_of(rest[:4]) if any(rest[:4]) else None, rest[4:]
            vanished = halt is None and known.halt is not None and releases <= known.releases
            if not generation or revision < known.revision or vanished:
                return  # it is being reconciled, or has lost something: who leads next compares
            log_end = {"audit_seq": seq, "audit_digest": digest.decode()} if seq else {}
            day = {"day_from_ms": day_from, "day_orders": orders} if day_from else {}
            mark = {"generation": _shown(generation), "halt": halt, "releases": releases}
            self.watermark.observe(revision, **mark, **log_end, **day)

    async def _granted(self) -> bytes | None:
        """Return the new token, None while somebody holds the lease."""
        keys = (self._keys.lease, self._keys.epoch, self._keys.owned)
        granted: bytes | None = await scripts.ACQUIRE.run(
            self._pipe, keys, self._lease_ms(), self.watermark.known.token
        )
        return granted

    async def _freed(self) -> bool:
        """Release the lease of a leader of this machine whose process has ended; return whether there was one."""
        ended = self._file.ended()
        if ended is None or not await scripts.RELEASE.run(self._pipe, (self._keys.lease,), str(ended)):
            return False
        log.warning("lease_freed", token=ended, why="its holder has ended on this machine")
        return True

    def _hold(self, asked: float) -> None:
        """Granted or renewed at Redis, not before it was asked for."""
        self._until = self._end_of(asked)
        self._file.claim(self.token)
        self._say(self._until)

    def _end_of(self, asked: float) -> float:
        """Return when a lease that was requested at `asked` ends for this worker."""
        return asked + self._timing.lease_s - self._timing.margin_s

    def _lease_ms(self) -> int:
        return int(self._timing.lease_s * 1000)

    def _say(self, until: float) -> None:
        if self._told is not None:
            self._told(until)

    async def keep(self) -> None:
        """Renew for ever. Raises LeaseLost if another worker holds the lease, or no renewal succeeded in time."""
        while self.may_serve_reads():
            renewed = await self._renew()
            left_s = self._until - boottime()
            wait_s = self._timing.renew_s if renewed else self._timing.renew_again_s
            await self._pause(min(wait_s, left_s) if left_s > 0 else self._timing.renew_again_s)
        raise LeaseLost("the lease could not be renewed in time")

    def renew_now(self) -> None:
        """Renew at once, since there is something to read in Redis."""
        self._hurry.set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()

    async def _renew(self) -> bool:
        asked, generation = boottime(), self.watermark.known.generation
        try:
            replication_id, answer = await self._asked_and_compared()
        except BusError as error:
            self._full = isinstance(error, Full)
            if self._full:
                self._say(self._end_of(asked))
            self._unrenewed.failed(error)
            return False
        self._full = False
        self._unrenewed.over()
        if answer[0] == b"lost":
            self.step_down()
            raise LeaseLost("another worker holds the lease")
        self._hold(asked)
        if answer[0] == b"behind" and self.watermark.known.generation != generation:
            self.renew_now()  # it was asked before Redis was restored or marked, and is no loss of what holds now
        else:
            self._compare(answer, replication_id)
        return True

    async def _asked_and_compared(self) -> tuple[str, list[bytes]]:
        """The server's replication id, asked first: what is compared after it holds for that server."""
        keys, known = self._keys, self.watermark.known
        names = (
            keys.lease, keys.epoch, keys.generation, keys.revision, keys.audit_head, keys.halt, keys.halts, keys.owned,
        )  # fmt: skip
        switch = (int(self.compared.is_set()), int(known.halt is not None), known.releases)
        figures = (known.revision, known.generation, known.audit_seq, known.audit_digest, *switch)
        told = self._pipe.send("INFO", "replication")
        told.add_done_callback(lambda done: done.cancelled() or done.exception())  # fetched also where RENEW fails
        answer = await scripts.RENEW.run(self._pipe, names, str(self.token), self._lease_ms(), *figures)
        try:
            return replication_id_of(await told), answer
        except Refused:  # not permitted: fronts go by their connection alone
            return UNKNOWN_ID, answer

    def _compare(self, answer: list[bytes], replication_id: str) -> None:
        word, generation, revision, seq, digest, *rest = answer
        if word == b"behind" or self.watermark.counted_twice(int(revision)):
            self.replication_id = ""
            if not self.lacking:  # once for each loss: until Redis is raised, each renewal finds the same
                self.loss = DataLoss(self.watermark.known, int(revision), int(seq))
                log.error("redis_went_back", what=str(self.loss))
                self.lacking = True
                self.data_lost.set()
        else:
            halt = halt_of(rest[:4]) if any(rest[:4]) else None
            later = {"audit_seq": int(seq), "audit_digest": digest.decode()} if self._log_is_ahead(int(seq)) else {}
            mark = {"generation": _shown(generation), "halt": halt, "releases": int(rest[4])}
            self.watermark.note(int(revision), **mark, **later)
            self._found_id = replication_id
            if generation:
                self.vouch()
        self.compared.set()

    def vouch(self) -> None:
        """The server of the last renewal has all that is known, and holds the session's history."""
        self.replication_id = self._found_id

    def _log_is_ahead(self, seq: int) -> bool:
        """Return whether the log in Redis has more entries than this worker knows."""
        return seq > self.watermark.known.audit_seq

    def step_down(self) -> None:
        """Give up the lease, as far as this process is concerned."""
        self._until = float("-inf")
        self._full = False

    async def release(self) -> None:
        """Release the lease at once, so that a standby need not wait until it expires."""
        self.step_down()
        try:
            if self.token:
                await scripts.RELEASE.run(self._pipe, (self._keys.lease,), str(self.token))
        finally:
            self._file.let_go()


def _shown(generation: bytes) -> str:
    return generation.decode(errors="replace")  # one that somebody else wrote is no mark of ours, and found out later
