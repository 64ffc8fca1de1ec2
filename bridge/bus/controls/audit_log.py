"""The audit log in Redis: an append-only stream beside the order records, whose chain only the leader continues."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from bridge.audit_chain import DATA_LOSS, GENESIS, AuditEntry, digest, encode
from bridge.bus.controls.audit_index import INDEX
from bridge.bus.events.event import EventDraft, SessionEvent
from bridge.bus.events.event_log import LOG_EVENTS, draft_arguments, event_keys
from bridge.bus.integrity.damage import WHOLE
from bridge.bus.integrity.watermark import Watermark, data_lost_error
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import BusError, Refused
from bridge.bus.transport.errors import WRONG_TYPE, Fenced
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.protocol import Argument
from bridge.bus.transport.script import Script
from bridge.tool import ToolError

PAGE = 1_000  # entries in one read

log = structlog.get_logger("bridge.bus.audit")

# Appends entries if they follow the last: `count` pairs of digest and line, then the events that they bring. Answers
# {word, seq, digest}: `appended` (also when the last of these very entries is the log's last, so that asking again
# after a lost answer is harmless), `behind` with the head as it is, `lost` where Redis lacks steps or entries that the
# writer knows of, or `fenced`; the revision; and why the events were not logged, if they could not be. The entries
# stand without them.
APPEND = Script(f"""#!lua{WHOLE}{INDEX}{LOG_EVENTS}
local log, head, lease, revision, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, seq, prev, count = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[7])
local mine, drafts = ARGV[6 + 2 * count], 8 + 2 * count
if redis.call('GET', lease) ~= token then return {{'fenced', 0, '', 0}} end
local last, found = log_end(head)
local steps, ends = whole(text(revision)), found == '' and ARGV[4] or found
if steps < tonumber(ARGV[5]) or last < tonumber(ARGV[6]) then return {{'lost', last, '', 0}} end
if ends == mine then return {{'appended', last, mine, steps}} end
if last ~= seq - 1 or ends ~= prev then return {{'behind', last, ends, steps}} end
for number = 0, count - 1 do
    local line = ARGV[9 + 2 * number]
    redis.call('XADD', log, string.format('%.0f-0', seq + number), 'e', line)
    index_entry(index, seq + number, line)
end
redis.call('HSET', head, 'seq', string.format('%.0f', seq + count - 1), 'digest', mine)
local logged, why = pcall(log_events, {{KEYS[6], KEYS[7], KEYS[8], KEYS[9]}}, drafts)
steps = redis.call('INCR', revision)
return {{'appended', seq + count - 1, mine, steps, logged and '' or type(why) == 'table' and why.err or tostring(why)}}
""")

# Writes where the log ends, if what says so was lost or damaged and the log itself was not.
MEND = Script(f"""#!lua{WHOLE}
local head, lease = KEYS[1], KEYS[2]
if redis.call('GET', lease) ~= ARGV[1] or log_end(head) >= tonumber(ARGV[2]) then return 0 end
if type(redis.pcall('HGET', head, 'seq')) == 'table' then redis.call('DEL', head) end
redis.call('HSET', head, 'seq', ARGV[2], 'digest', ARGV[3])
return 1
""")


# Trims what the archive holds, and keeps where it ends: from then on a log that begins later is seen to be cut. The
# index goes too: its next reader fills it from the entries that are left.
TRIM = Script("""#!lua flags=allow-oom
local log, head, index = KEYS[1], KEYS[2], KEYS[3]
local found = redis.call('XRANGE', log, ARGV[1] .. '-0', ARGV[1] .. '-0')
if #found == 0 then return redis.call('HGET', head, 'archived_digest') == ARGV[3] and 1 or 0 end
if found[1][2][2] ~= ARGV[2] then return 0 end
redis.call('HSET', head, 'archived', ARGV[1], 'archived_digest', ARGV[3])
redis.call('XTRIM', log, 'MINID', '=', string.format('%.0f', ARGV[1] + 1) .. '-0')
redis.call('UNLINK', index)
return 1
""")


@dataclass(frozen=True)
class NewEntry:
    """An entry that is to be written, and the events that it brings. `fields` are those of AuditEntry."""

    at: str
    event: str
    drafts: Sequence[EventDraft]
    fields: dict[str, Any]


def new_entry(event: str, drafts: Sequence[EventDraft] = (), **fields: Any) -> NewEntry:
    """Return an entry of this moment."""
    return NewEntry(_now(), event, drafts, fields)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class AuditLog:
    """The leader's writer of the audit log. An order whose entry could not be written must not be sent."""

    def __init__(self, pipe: CommandPipeline, keys: Keys, token: int, watermark: Watermark | None = None) -> None:
        """Without a watermark of the leader's nothing is compared."""
        self._pipe = pipe
        self._keys = (keys.audit, keys.audit_head, keys.lease, keys.revision, keys.audit_index, *event_keys(keys))
        self._watermark = watermark or Watermark(keys.session)
        self._token = str(token)
        self._head: tuple[int, str] | None = None
        self._turn = asyncio.Lock()  # entries are chained one by one

    async def append(self, event: str, drafts: Sequence[EventDraft] = (), **fields: Any) -> int:
        """Write one entry as `append_all` does, and return its seq."""
        return await self.append_all([new_entry(event, drafts, **fields)])

    async def append_all(self, entries: Sequence[NewEntry]) -> int:
        """Write entries in one step and return the last one's seq once Redis has them on disk. Their drafts are logged
        as events with them.

        Raises Fenced, or ToolError audit_unavailable or unknown (Redis went back): then nothing may be sent.
        """
        async with self._turn:
            try:
                return await self._append(entries)
            except BusError as error:
                self._head = None  # whether they were written is not known: look again before the next
                raise ToolError(
                    "audit_unavailable",
                    f"The audit log cannot be written ({error}), so nothing was sent. Repair Redis, then retry.",
                ) from error

    async def go_on(self) -> None:
        """Redis went back, or lost its data: write where the log was cut, and continue it from there. Nothing is
        written where Redis has all that is known. Raises Fenced or BusError, after which it may be tried again."""
        async with self._turn:
            known = self._watermark.known
            self._head = await self._found()
            seq, last = self._head
            if seq > known.audit_seq or (seq, last) == (known.audit_seq, known.audit_digest):
                return
            at = _now()
            lost = {"known_seq": known.audit_seq, "known_digest": known.audit_digest, "cut_at": seq}
            event = EventDraft("data_loss", f"{at} {seq}", SessionEvent(DATA_LOSS, at, details={"cut_at": seq}))
            await self._append([new_entry(DATA_LOSS, [event], details=lost)], ends=seq)

    async def _append(self, entries: Sequence[NewEntry], ends: int | None = None) -> int:
        """The log must have all that is known, or reach to `ends` where it was cut: what is known stays until the entry
        is written, so that a leader that ends before leaves the cut to the next."""
        if self._head is None:
            self._head = await self._found()
        events = draft_arguments(draft for each in entries for draft in each.drafts)
        while True:
            seq, prev = self._head[0] + 1, self._head[1]
            chained, mine = self._chained(entries, seq, prev)
            known = self._watermark.known
            least = known.audit_seq if ends is None else ends
            head = (self._token, seq, prev, GENESIS, known.revision, least, len(entries))
            found = await APPEND.run(self._pipe, self._keys, *head, *chained, *events)
            word, head_seq, head_digest, revision, *why = found
            if word == b"fenced":
                raise Fenced
            if word == b"lost":
                self._head = None
                raise data_lost_error()
            self._head = (int(head_seq), head_digest.decode())
            if word == b"appended":
                last = seq + len(entries) - 1
                self._watermark.note(int(revision), audit_seq=last, audit_digest=mine)
                if any(why):
                    log.error("events_not_logged", seq=last, error=why[0].decode(errors="replace"))
                return last

    def _chained(self, entries: Sequence[NewEntry], seq: int, prev: str) -> tuple[list[Argument], str]:
        """Return each entry's digest and line, chained from `prev` on, and the last digest."""
        chained: list[Argument] = []
        for number, each in enumerate(entries, seq):
            entry = AuditEntry(seq=number, prev=prev, at=each.at, event=each.event, token=self._token, **each.fields)
            line = encode(entry)
            prev = digest(line)
            chained += (prev, line)
        return chained, prev

    async def _found(self) -> tuple[int, str]:
        """Return seq and digest of the log's end. Where the stored head is lost or damaged, the newest entry gives
        them."""
        log, head, lease, *_ = self._keys
        try:
            newest = await self._pipe.send("XREVRANGE", log, "+", "-", "COUNT", 1)
        except Refused as error:
            if WRONG_TYPE not in str(error):
                raise
            newest = []
            await self._pipe.send("DEL", log)  # it is no log any more; what verifies it sees that it begins late
        for name, fields in newest:
            end = (int(name.split(b"-")[0]), digest(fields[1]))
            await MEND.run(self._pipe, (head, lease), self._token, *end)
        return await read_head(self._pipe, head)


async def read_head(pipe: CommandPipeline, key: str) -> tuple[int, str]:
    """The last entry's seq and digest; (0, GENESIS) before the first, and where they are damaged."""
    seq, last = await HEAD.run(pipe, (key,))
    return (seq, last.decode()) if seq else (0, GENESIS)


HEAD = Script(f"#!lua flags=no-writes{WHOLE}\nlocal seq, digest = log_end(KEYS[1])\nreturn {{seq, digest}}")


async def read_archived(pipe: CommandPipeline, key: str) -> tuple[int, str]:
    """Seq and digest of the last entry that was archived and trimmed: the log begins with the next one."""
    seq, last = await pipe.send("HMGET", key, "archived", "archived_digest")
    return (int(seq), last.decode()) if seq else (0, GENESIS)


async def trim(pipe: CommandPipeline, keys: Keys, last: bytes) -> bool:
    """Forget everything up to `last`, the archive's last line, if it is the log's own line of that seq."""
    seq = msgspec.json.decode(last, type=AuditEntry).seq
    return bool(await TRIM.run(pipe, (keys.audit, keys.audit_head, keys.audit_index), seq, last, digest(last)))


async def read_log(pipe: CommandPipeline, keys: Keys, after: int = 0, until: int | None = None) -> AsyncIterator[bytes]:
    """The stored lines with a seq above `after`, up to `until` if that is given, oldest first, page by page."""
    last = "+" if until is None else f"{until}-0"
    while until is None or after < until:
        page = await pipe.send("XRANGE", keys.audit, f"({after}-0" if after else "-", last, "COUNT", PAGE)
        for name, fields in page:
            after = int(name.split(b"-")[0])
            yield fields[1]
        if len(page) < PAGE:
            return


async def read_back(pipe: CommandPipeline, keys: Keys, most: int) -> AsyncIterator[bytes]:
    """The newest lines, newest first; none where something else was written over the log."""
    before = "+"
    for _ in range(0, most, PAGE):
        try:
            page = await pipe.send("XREVRANGE", keys.audit, before, "-", "COUNT", PAGE)
        except Refused as error:
            if WRONG_TYPE not in str(error):
                raise
            return
        for _, fields in page:
            yield fields[1]
        if len(page) < PAGE:
            return
        before = f"({page[-1][0].decode()}"
