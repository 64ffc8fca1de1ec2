"""The order records' scripts against a small model: whatever happens in whatever order, at most one accept per key."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypeVar

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bridge.bus.keys import Keys
from bridge.bus.messages import VERSION, Reply, Request, encode_reply
from bridge.bus.records.records import OrderRecord, RecordClient, RecordKeeper, RecordSnapshot
from bridge.bus.timing import USUAL
from bridge.bus.transport.errors import Fenced, StaleRequest
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.pubsub import PubSubListener
from tests.waiting import until

T = TypeVar("T")

KEYS = st.sampled_from(["key-one", "key-one", "key-two"])
ATTEMPTS = st.sampled_from(["a1", "a2"])
DIGESTS = st.sampled_from(["d1", "d2"])
EXECUTIONS = st.sampled_from(["x1", "x2"])
TOKENS = st.sampled_from([101, 102])

PATIENT = replace(USUAL, connect_s=30, answer_s=30)  # a busy disk would look like a strategy that changes its mind

_sessions = count(1)


@dataclass(frozen=True)
class Row:
    """What a record holds, as the model has it."""

    state: str
    attempt: str
    digest: str = ""
    execution: str = ""
    token: int = 0
    reply: bytes = b""
    notes: dict[str, str] = field(default_factory=dict)


class RecordMachine(RuleBasedStateMachine):
    """Two fronts' worth of attempts and two leaders, one of whom has the lease, on two keys."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.keys = Keys(f"model{next(_sessions)}")
        self.pipe = CommandPipeline(self.url, PATIENT)
        self.run(self.pipe.__aenter__())
        self.intents = RecordClient(self.pipe, self.keys, "front")
        self.leaders = {token: RecordKeeper(self.pipe, self.keys, token) for token in (101, 102)}
        self.listener: PubSubListener | None = None
        self.rows: dict[str, Row] = {}
        self.refused: dict[str, Row] = {}  # what a leader withdrew last: the worker's part remembers it
        self.inflight: set[str] = set()
        self.lease = 0
        self.generation = ""
        self.accepts: dict[str, int] = {}  # successful ones by key, since the key was last free

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(step)

    def teardown(self) -> None:
        if self.listener is not None:
            self.run(self.listener.__aexit__())
        self.run(self.pipe.__aexit__())
        self.loop.close()

    @initialize()
    def begin(self) -> None:
        self.change_leader(101)
        self.mark("g1")
        self.come_or_go()

    # What may happen

    @rule(key=KEYS, attempt=ATTEMPTS, digest=DIGESTS, expected=st.sampled_from(["", "same", "other"]))
    def submit(self, key: str, attempt: str, digest: str, expected: str) -> None:
        generation = {"": "", "same": self.generation, "other": "another"}[expected]
        request = self.request(key, attempt, digest)
        seen = self.run(self.intents.submit(request, msgspec.json.encode(request), 60_000, generation))
        word, row = self.submitted(key, attempt, digest, generation)

        reply, first_ms = (row.reply, seen.first_ms) if word == "done" else (seen.reply, 0)
        assert seen == RecordSnapshot(word, row.attempt, reply, self.generation, first_ms)
        assert (seen.first_ms > 0) is (word == "done")
        assert self.intents.generation == self.generation

    def submitted(self, key: str, attempt: str, digest: str, expected: str) -> tuple[Any, Row]:
        row = self.rows.get(key, Row("withdrawn", ""))
        if self.was_refused(key, attempt):
            return "withdrawn", replace(row, attempt=attempt)
        if row.state != "withdrawn" and row.digest != digest:
            return "conflict", row
        if row.state in ("accepted", "done") or (row.state == "new" and row.attempt != attempt):
            return row.state, row
        if row.state == "withdrawn" and row.attempt == attempt:
            return "withdrawn", row
        fresh = Row("new", attempt, digest)
        if self.generation == "":
            return "no_generation", fresh
        if expected not in ("", self.generation):
            return "other_generation", fresh
        self.accepts[key] = 0
        self.rows[key] = fresh if self.listener else replace(fresh, state="withdrawn")
        return ("submitted" if self.listener else "no_worker"), fresh

    @rule(key=KEYS)
    def look(self, key: str) -> None:
        row = self.rows.get(key, Row("absent", ""))
        seen = self.run(self.intents.read(key))

        assert (seen.word, seen.attempt, seen.reply) == (row.state, row.attempt, row.reply)
        assert seen.generation == self.generation

    @rule(key=KEYS, attempt=ATTEMPTS)
    def withdraw(self, key: str, attempt: str) -> None:
        row = self.rows.get(key)
        seen = self.run(self.intents.withdraw(key, attempt))

        if self.was_refused(key, attempt):
            assert (seen.word, seen.attempt) == ("withdrawn", attempt)
            return
        if row is None or (row.state == "new" and row.attempt == attempt):
            self.rows[key] = Row("withdrawn", attempt, row.digest if row else "")
        word = "absent" if row is None else self.rows[key].state
        assert (seen.word, seen.attempt) == (word, self.rows[key].attempt)

    @rule(token=TOKENS, key=KEYS, attempt=ATTEMPTS, execution=EXECUTIONS)
    def accept(self, token: int, key: str, attempt: str, execution: str) -> None:
        row = self.rows.get(key, Row("absent", ""))
        outcome = self.outcome(self.leaders[token].accept(self.request(key, attempt, row.digest), execution))

        if token != self.lease:
            assert outcome is Fenced
        elif row.state == "accepted" and (row.execution, row.attempt) == (execution, attempt):
            assert outcome is None  # asked again after a lost answer
        elif row.state != "new" or row.attempt != attempt:
            assert outcome is StaleRequest
        else:
            assert outcome is None
            self.rows[key] = replace(row, state="accepted", execution=execution, token=token)
            self.refused.pop(key, None)
            self.inflight.add(key)
            self.accepts[key] += 1
            self.accept(token, key, attempt, execution)  # as after a lost answer

    @rule(token=TOKENS, key=KEYS, attempt=ATTEMPTS)
    def finish(self, token: int, key: str, attempt: str) -> None:
        row = self.rows.get(key, Row("absent", ""))
        digest = row.digest or "d1"
        reply = self.reply(attempt)
        outcome = self.outcome(self.leaders[token].finish(self.request(key, attempt, digest), reply))

        if row.state == "done" and row.attempt == attempt:
            assert outcome is None  # asked again after a lost answer
            return
        lost = row.state in ("absent", "withdrawn", "new")  # new: an older copy's, of before this leader accepted it
        allowed = token == self.lease if lost else row.state == "accepted" and row.token == token
        assert outcome is (None if allowed else Fenced if lost else StaleRequest)
        if allowed:
            before = self.refused.pop(key, row)
            notes = before.notes if before.attempt == attempt else {}
            self.rows[key] = replace(
                row, state="done", attempt=attempt, digest=digest, token=token, reply=reply, notes=notes
            )
            self.inflight.discard(key)

    @rule(token=TOKENS, key=KEYS, attempt=ATTEMPTS, execution=EXECUTIONS)
    def refuse(self, token: int, key: str, attempt: str, execution: str) -> None:
        """Only whoever accepted it may, or anybody who has the attempt while nobody did."""
        row = self.rows.get(key)
        reply = self.reply(attempt, ok=False)
        self.run(self.leaders[token].refuse(self.request(key, attempt, "d1"), execution, reply))

        mine = row is not None and row.state == "accepted" and (row.execution, row.token) == (execution, token)
        known = self.was_refused(key, attempt)
        if mine or (not known and (row is None or (row.state == "new" and row.attempt == attempt))):
            self.rows[key] = replace(row or Row("", ""), state="withdrawn", attempt=attempt, reply=reply)
            self.refused[key] = self.rows[key]
            if mine:
                self.inflight.discard(key)
                self.accepts[key] -= 1

    @rule(token=TOKENS, key=KEYS, fields=st.dictionaries(st.sampled_from(["sent", "permId"]), st.text(max_size=5)))
    def note(self, token: int, key: str, fields: dict[str, str]) -> None:
        row = self.rows.get(key, Row("absent", ""))
        outcome = self.outcome(self.leaders[token].note(key, **fields))

        if token != self.lease:
            assert outcome is Fenced
        elif row.state not in ("accepted", "done"):
            assert outcome is StaleRequest
        else:
            assert outcome is None
            self.rows[key] = replace(row, notes=row.notes | fields)

    @rule(token=TOKENS, key=KEYS)
    def adopt(self, token: int, key: str) -> None:
        row = self.rows.get(key, Row("absent", ""))
        outcome = self.outcome(self.leaders[token].adopt(key))

        if token != self.lease:
            assert outcome is Fenced
        elif row.state != "accepted":
            assert outcome is StaleRequest
        else:
            assert outcome is None
            self.rows[key] = replace(row, token=token)

    @rule(token=TOKENS)
    def change_leader(self, token: int) -> None:
        self.send("SET", self.keys.lease, str(token))
        self.lease = token

    @rule(generation=st.sampled_from(["g1", "g2"]))
    def mark(self, generation: str) -> None:
        self.send("SET", self.keys.generation, generation)
        self.generation = generation

    @rule()
    def lose_everything(self) -> None:
        records = [part(key) for key in ("key-one", "key-two") for part in (self.keys.order, self.keys.answer)]
        self.send("DEL", *records, self.keys.inflight, self.keys.generation)
        self.rows, self.refused, self.inflight, self.generation = {}, {}, set(), ""
        self.accepts = {}

    @rule()
    def expire_what_is_new(self) -> None:
        for key in [key for key, row in self.rows.items() if row.state == "new"]:
            self.send("DEL", self.keys.order(key))
            del self.rows[key]

    @rule()
    def come_or_go(self) -> None:
        """Whether anybody takes requests."""
        if self.listener is not None:
            self.run(self.listener.__aexit__())
            self.listener = None
            self.run(self.until_receivers(0))
        else:
            self.listener = PubSubListener(self.url, lambda channel, message: None, lambda: None)
            self.run(self.listen(self.listener))

    # What always holds

    @invariant()
    def nothing_is_accepted_twice(self) -> None:
        assert all(times <= 1 for times in self.accepts.values())

    @invariant()
    def records_are_what_the_model_says(self) -> None:
        for key in ("key-one", "key-two"):
            row = self.rows.get(key)
            record = self.run(self.leaders[101].read(key))
            if record is None:
                assert row is None or row.state == "withdrawn"
            else:
                assert row is not None
                self.check(row, record)

    def check(self, row: Row, record: OrderRecord) -> None:
        assert (record.state, record.attempt, record.notes) == (row.state, row.attempt, row.notes)
        assert record.token == row.token
        assert (encode_reply(record.reply) if record.reply else b"") == row.reply
        if row.state in ("new", "accepted"):
            assert (record.digest, record.request.id) == (row.digest, row.attempt)

    @invariant()
    def what_is_in_flight_is_known(self) -> None:
        unfinished = self.run(self.leaders[101].unfinished())
        assert {record.key for record in unfinished} == self.inflight
        assert {key for key, row in self.rows.items() if row.state == "accepted"} == self.inflight

    # Means

    def was_refused(self, key: str, attempt: str) -> bool:
        return key in self.refused and self.refused[key].attempt == attempt

    def send(self, *command: str) -> Any:
        async def sent() -> Any:
            return await self.pipe.send(*command)

        return self.run(sent())

    def outcome(self, step: Coroutine[Any, Any, None]) -> type[Exception] | None:
        try:
            self.run(step)
        except (Fenced, StaleRequest) as error:
            return type(error)
        return None

    def request(self, key: str, attempt: str, digest: str) -> Request:
        raw = msgspec.Raw(b"{}")
        return Request(VERSION, attempt, "place_order", raw, "front", 0, "c", "r", key=key, digest=digest)

    def reply(self, attempt: str, *, ok: bool = True) -> bytes:
        return encode_reply(Reply(VERSION, attempt, ok, msgspec.Raw(b"1"), code="" if ok else "refused"))

    async def listen(self, listener: PubSubListener) -> None:
        await listener.__aenter__()
        listener.subscribe(self.keys.requests)
        await listener.confirmed(self.keys.requests, 5)

    async def until_receivers(self, expected: int) -> None:
        async def counted() -> bool:
            _, receivers = await self.pipe.send("PUBSUB", "SHARDNUMSUB", self.keys.requests)
            return bool(receivers == expected)

        await until(counted, "the server has noticed")


def test_records_do_what_the_model_does(redis_url: str) -> None:
    class Machine(RecordMachine):
        url = redis_url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=20, stateful_step_count=50, deadline=None, derandomize=True,
            phases=[Phase.generate],  # to shrink and explain takes minutes, and hides the first error behind a timeout
            suppress_health_check=list(HealthCheck), database=None,
        ),
    )  # fmt: skip
