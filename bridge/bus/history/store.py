"""Reads and writes the account's past: four shelves of records, each a hash beside a sorted set of their times.

A record is written once under its own name, so that two writers, or one that asks again, never double it. Each shelf
is capped: it drops its oldest records.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import structlog

from bridge.bus.history.records import (
    AccountSnapshot,
    CashFlow,
    CoveredDays,
    EquitySample,
    TradeCommission,
    TradeExecution,
)
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import Refused
from bridge.bus.transport.errors import WRONG_TYPE, Fenced
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.protocol import Argument
from bridge.bus.transport.script import Script

PAGE = 500  # records in one read
IN_ONE_STEP = 200  # records in one write: Redis serves orders between two steps
OPERATOR = ""  # in place of a leader's token: the operator's command line

T = TypeVar("T", bound=msgspec.Struct)

log = structlog.get_logger("bridge.bus.history")


@dataclass(frozen=True)
class Shelf:
    """One kind of records. `most` and `most_bytes` bound it: beyond either the oldest go."""

    name: str
    most: int
    most_bytes: int

    def keys(self, keys: Keys) -> tuple[str, str]:
        return keys.history(self.name), keys.history_times(self.name)


SNAPSHOTS = Shelf("snapshots", 2_000, 32 * 1024 * 1024)  # of one account seven years and a half
EXECUTIONS = Shelf("executions", 40_000, 16 * 1024 * 1024)  # 20,000 executions, each with its commission
FLOWS = Shelf("flows", 5_000, 2 * 1024 * 1024)
SHELVES = {shelf.name: shelf for shelf in (SNAPSHOTS, EXECUTIONS, FLOWS)}  # with an archive
EQUITY = Shelf("equity", 10_000, 2 * 1024 * 1024)  # of one account a week of minutes; no archive has them


class Record(msgspec.Struct, frozen=True):
    """One record as it is stored: its name on the shelf, its time in seconds, and its line of JSON."""

    shelf: str
    field: str
    at: float
    line: msgspec.Raw


# Adds the records that are not there, and replaces those whose name begins with `c` where the line is another: TWS may
# complete a commission. ARGV: the leader's token, the most records, the most bytes, the name of a record that must be
# there or ''; then name, time and line of each. Answers whether another worker leads (-1), the count of the added, and
# whether the known record is there.
PUT = Script("""#!lua
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then return {-1, 1} end
local lines, times = KEYS[2], KEYS[3]
for key, kind in pairs({[lines] = 'hash', [times] = 'zset'}) do
    local found = redis.call('TYPE', key).ok
    if found ~= kind and found ~= 'none' then redis.call('UNLINK', key) end
end
local there = ARGV[4] == '' and 1 or redis.call('HEXISTS', lines, ARGV[4])
local bytes, added = tonumber(redis.call('HGET', lines, '') or '0'), 0
for at = 5, #ARGV, 3 do
    local name, line = ARGV[at], ARGV[at + 2]
    local old = redis.call('HGET', lines, name)
    if not old or (name:sub(1, 1) == 'c' and old ~= line) then
        redis.call('HSET', lines, name, line)
        redis.call('ZADD', times, ARGV[at + 1], name)
        bytes = bytes + #line - #(old or '')
        added = added + 1
    end
end
local count = redis.call('ZCARD', times)
while count > tonumber(ARGV[2]) or (bytes > tonumber(ARGV[3]) and count > 0) do
    local oldest = redis.call('ZPOPMIN', times)[1]
    bytes = bytes - redis.call('HSTRLEN', lines, oldest)
    redis.call('HDEL', lines, oldest)
    count = count - 1
end
if added > 0 then redis.call('HSET', lines, '', string.format('%.0f', bytes)) end
return {added, there}
""")

# Answers name, time and line of up to ARGV[3] records from time ARGV[1] to ARGV[2] after the first ARGV[4], newest
# first. One without a line is left out: something else was written over the hash.
READ = Script("""#!lua flags=no-writes
local bounds = {KEYS[2], ARGV[2], ARGV[1], 'BYSCORE', 'REV', 'LIMIT', ARGV[4], ARGV[3], 'WITHSCORES'}
local names, found = redis.call('ZRANGE', unpack(bounds)), {}
for at = 1, #names, 2 do
    local line = redis.pcall('HGET', KEYS[1], names[at])
    found[#found + 1] = {names[at], names[at + 1], type(line) == 'string' and line or ''}
end
return found
""")


@dataclass(frozen=True)
class Written:
    """The outcome of a write: the count of the records that were new, and whether the known one was there."""

    added: int
    whole: bool


def seconds(time: str) -> float:
    """Return an ISO time, or a day's beginning, in seconds since 1970."""
    at = datetime.fromisoformat(time)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def snapshot_record(snapshot: AccountSnapshot) -> Record:
    """Return a snapshot's record. An account has one of each session's close, and one of each day's first start."""
    of = {"start": "s", "flex": "f"}.get(snapshot.kind, "d")
    field = f"{of}{snapshot.date} {snapshot.account}"
    return _record(SNAPSHOTS, field, seconds(snapshot.date), snapshot)


def equity_record(sample: EquitySample) -> Record:
    return _record(EQUITY, f"q{sample.time} {sample.account}", seconds(sample.time), sample)


def execution_record(execution: TradeExecution) -> Record:
    return _record(EXECUTIONS, f"e{execution.execId}", seconds(execution.time), execution)


def commission_record(commission: TradeCommission, at: float) -> Record:
    """`at`: the time of the execution, in seconds."""
    return _record(EXECUTIONS, f"c{commission.execId}", at, commission)


def flow_record(flow: CashFlow) -> Record:
    return _record(FLOWS, f"f{flow.id}", seconds(flow.date), flow)


def covered_record(covered: CoveredDays) -> Record:
    field = f"d{covered.account} {covered.first} {covered.last}"
    return _record(FLOWS, field, seconds(covered.last), covered)


def _record(shelf: Shelf, field: str, at: float, body: msgspec.Struct) -> Record:
    return Record(shelf.name, field, at, msgspec.Raw(msgspec.json.encode(body)))


async def put(
    pipe: CommandPipeline, keys: Keys, token: str, shelf: Shelf, records: Sequence[Record], known: str = ""
) -> Written:
    """Add the records of one shelf, in steps. `known`: the name of a record that this writer has put there before.

    Raises Fenced if another worker leads, or BusError: then a part may have been added, and asking again is harmless.
    """
    names = (keys.lease, *shelf.keys(keys))
    added, whole = 0, True
    for start in range(0, max(len(records), 1), IN_ONE_STEP):
        step = records[start : start + IN_ONE_STEP]
        bounds = (token, shelf.most, shelf.most_bytes, known)
        count, there = await PUT.run(pipe, names, *bounds, *_arguments(step))
        if count < 0:
            raise Fenced
        added, whole = added + count, whole and bool(there)
    return Written(added, whole)


def _arguments(records: Iterable[Record]) -> Iterator[Argument]:
    for each in records:
        yield from (each.field, f"{each.at:.3f}", bytes(each.line))


async def names_on(pipe: CommandPipeline, keys: Keys, shelf: Shelf) -> set[str]:
    """Return the names of a shelf's records. Raises BusError."""
    try:
        found: list[bytes] = await pipe.send("ZRANGE", shelf.keys(keys)[1], 0, -1)
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        return set()
    return {each.decode() for each in found}


@dataclass(frozen=True)
class Trades:
    """The executions of a time, with their commissions, by execId; `more` are there that were not read."""

    executions: list[TradeExecution]
    commissions: dict[str, TradeCommission]
    more: bool = False


@dataclass(frozen=True)
class Flows:
    """Deposits and withdrawals that statements have told, and the days that they cover."""

    flows: list[CashFlow]
    covered: list[CoveredDays]


def snapshots_of(rows: Sequence[Record]) -> list[AccountSnapshot]:
    """Decode the records of SNAPSHOTS, newest first, and return the oldest first. Pure."""
    return [each for row in reversed(rows) if (each := _decoded(_SNAPSHOTS, row)) is not None]


def equity_of(rows: Sequence[Record]) -> list[EquitySample]:
    """Decode the records of EQUITY, newest first, and return the oldest first. Pure."""
    return [each for row in reversed(rows) if (each := _decoded(_EQUITY, row)) is not None]


async def read_flows(pipe: CommandPipeline, keys: Keys) -> Flows:
    """Return all flows that are stored, and the days that statements cover. Raises BusError."""
    rows, _ = await read_records(pipe, keys, FLOWS)
    flows = [_decoded(_FLOWS, row) for row in rows if row.field.startswith("f")]
    covered = [_decoded(_COVERED, row) for row in rows if row.field.startswith("d")]
    return Flows([each for each in flows if each], [each for each in covered if each])


async def read_records(
    pipe: CommandPipeline,
    keys: Keys,
    shelf: Shelf,
    first: float = float("-inf"),
    last: float = float("inf"),
    most: int | None = None,
) -> tuple[list[Record], bool]:
    """Return a shelf's records from `first` to `last`, newest first, at most `most`; and whether there are more.

    Raises BusError.
    """
    most = shelf.most if most is None else most
    found: list[Record] = []
    bounds = (f"{first:.3f}", f"{last:.3f}")  # inf is a bound of Redis too
    while len(found) <= most:
        count = min(PAGE, most + 1 - len(found))
        page = await _page(pipe, shelf, keys, bounds, count, len(found))
        found += page
        if len(page) < count:
            break
    return found[:most], len(found) > most


async def _page(
    pipe: CommandPipeline, shelf: Shelf, keys: Keys, bounds: tuple[str, str], count: int, skip: int
) -> list[Record]:
    try:
        rows: list[Any] = await READ.run(pipe, shelf.keys(keys), *bounds, count, skip)
    except Refused as error:
        if WRONG_TYPE not in str(error):
            raise
        return []
    return [Record(shelf.name, name.decode(), float(at), msgspec.Raw(line)) for name, at, line in rows]


def trades_of(rows: Iterable[Record], *, more: bool = False) -> Trades:
    """Decode the records of EXECUTIONS, newest first. Pure: a caller may run it beside its loop."""
    executions, commissions = list[TradeExecution](), dict[str, TradeCommission]()
    for row in rows:
        if row.field.startswith("c"):
            paid = _decoded(_COMMISSIONS, row)
            if paid is not None:
                commissions[paid.execId] = paid
        elif (found := _decoded(_EXECUTIONS, row)) is not None:
            executions.append(found)
    return Trades(executions, commissions, more)


def _decoded(decoder: "msgspec.json.Decoder[T]", row: Record) -> T | None:
    try:
        return decoder.decode(row.line)
    except msgspec.DecodeError as error:
        log.warning("history_record_unreadable", name=row.field, error=str(error))
        return None


_SNAPSHOTS = msgspec.json.Decoder(AccountSnapshot)
_EQUITY = msgspec.json.Decoder(EquitySample)
_EXECUTIONS = msgspec.json.Decoder(TradeExecution)
_COMMISSIONS = msgspec.json.Decoder(TradeCommission)
_FLOWS = msgspec.json.Decoder(CashFlow)
_COVERED = msgspec.json.Decoder(CoveredDays)
