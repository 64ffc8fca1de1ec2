"""The table of an order record's life: in each state, what each move answers and what it leaves behind."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from bridge.bus.keys import Keys
from bridge.bus.messages import VERSION, Reply, Request, encode_reply
from bridge.bus.records.records import RecordClient, RecordKeeper
from bridge.bus.transport.errors import Fenced, StaleRequest
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.pubsub import PubSubListener
from tests.stacks.timing import PATIENT

KEY = "the-one-key"
LEADER, OTHER = 101, 102  # the leader has the lease


class Desk:
    """One record, and every move on it. Attempts are a1 and a2, digests d1 and d2, executions x1 and x2."""

    def __init__(self, pipe: CommandPipeline, keys: Keys) -> None:
        self.pipe = pipe
        self.keys = keys
        self.intents = RecordClient(pipe, keys, "front")
        self.records = {token: RecordKeeper(pipe, keys, token) for token in (LEADER, OTHER)}

    async def submit(self, attempt: str, digest: str = "d1", generation: str = "") -> str:
        request = self.request(attempt, digest)
        return (await self.intents.submit(request, msgspec.json.encode(request), 60_000, generation)).word

    async def look(self) -> str:
        return (await self.intents.read(KEY)).word

    async def withdraw(self, attempt: str) -> str:
        return (await self.intents.withdraw(KEY, attempt)).word

    async def accept(self, token: int, attempt: str, execution: str) -> str:
        return await outcome(self.records[token].accept(self.request(attempt), execution))

    async def finish(self, token: int, attempt: str) -> str:
        return await outcome(self.records[token].finish(self.request(attempt), reply(attempt)))

    async def refuse(self, token: int, attempt: str, execution: str) -> str:
        return await outcome(self.records[token].refuse(self.request(attempt), execution, reply(attempt, ok=False)))

    async def note(self, token: int) -> str:
        return await outcome(self.records[token].note(KEY, sent="1"))

    async def adopt(self, token: int) -> str:
        return await outcome(self.records[token].adopt(KEY))

    async def lose(self) -> str:
        """Redis loses the record, and nothing else."""
        await self.pipe.send("DEL", self.keys.order(KEY), self.keys.answer(KEY), self.keys.inflight)
        return "ok"

    async def row(self) -> tuple[str, str, int, bool]:
        """State, attempt, token, and whether it is in flight."""
        state, attempt, token = await self.pipe.send("HMGET", self.keys.order(KEY), "st", "att", "tok")
        inflight = await self.pipe.send("SISMEMBER", self.keys.inflight, KEY)
        return (state or b"absent").decode(), (attempt or b"").decode(), int(token or 0), bool(inflight)

    def request(self, attempt: str, digest: str = "d1") -> Request:
        raw = msgspec.Raw(b"{}")
        return Request(VERSION, attempt, "place_order", raw, "front", 0, "c", "r", key=KEY, digest=digest)


def reply(attempt: str, *, ok: bool = True) -> bytes:
    return encode_reply(Reply(VERSION, attempt, ok, msgspec.Raw(b"1"), code="" if ok else "refused"))


async def outcome(step: Awaitable[None]) -> str:
    try:
        await step
    except (Fenced, StaleRequest) as error:
        return "fenced" if isinstance(error, Fenced) else "gone"
    return "ok"


Move = Callable[[Desk], Awaitable[str]]

MOVES: dict[str, Move] = {
    "submit again": lambda desk: desk.submit("a1"),
    "submit again, Redis having kept its data": lambda desk: desk.submit("a1", generation="g"),
    "submit again, Redis having lost its data": lambda desk: desk.submit("a1", generation="earlier"),
    "submit another attempt": lambda desk: desk.submit("a2"),
    "submit other arguments": lambda desk: desk.submit("a1", "d2"),
    "look": lambda desk: desk.look(),
    "withdraw": lambda desk: desk.withdraw("a1"),
    "withdraw another attempt": lambda desk: desk.withdraw("a2"),
    "accept": lambda desk: desk.accept(LEADER, "a1", "x1"),
    "accept another delivery": lambda desk: desk.accept(LEADER, "a1", "x2"),
    "accept another attempt": lambda desk: desk.accept(LEADER, "a2", "x1"),
    "accept without the lease": lambda desk: desk.accept(OTHER, "a1", "x1"),
    "finish": lambda desk: desk.finish(LEADER, "a1"),
    "finish without the lease": lambda desk: desk.finish(OTHER, "a1"),
    "refuse": lambda desk: desk.refuse(LEADER, "a1", "x1"),
    "refuse another delivery": lambda desk: desk.refuse(LEADER, "a1", "x2"),
    "refuse as another worker": lambda desk: desk.refuse(OTHER, "a1", "x1"),
    "refuse another attempt": lambda desk: desk.refuse(LEADER, "a2", "x2"),
    "note": lambda desk: desk.note(LEADER),
    "note without the lease": lambda desk: desk.note(OTHER),
    "adopt": lambda desk: desk.adopt(LEADER),
    "adopt without the lease": lambda desk: desk.adopt(OTHER),
}

NEW = ("new", "a1", 0, False)
ACCEPTED = ("accepted", "a1", LEADER, True)
FOREIGN = ("accepted", "a1", OTHER, True)  # by an earlier leader
DONE = ("done", "a1", LEADER, False)
WITHDRAWN = ("withdrawn", "a1", 0, False)
ABSENT = ("absent", "", 0, False)
SAME: Any = None

# For each state how it comes about, and the moves that do not simply answer with the state and change nothing.
TABLE: dict[str, tuple[list[Move], tuple[Any, ...], dict[str, tuple[str, Any]]]] = {
    "absent": ([], ABSENT, {
        "submit again": ("submitted", NEW), "submit again, Redis having kept its data": ("submitted", NEW),
        "submit again, Redis having lost its data": ("other_generation", SAME),
        "submit another attempt": ("submitted", ("new", "a2", 0, False)),
        "submit other arguments": ("submitted", NEW),
        "withdraw": ("absent", WITHDRAWN), "withdraw another attempt": ("absent", ("withdrawn", "a2", 0, False)),
        "accept": ("gone", SAME), "accept another delivery": ("gone", SAME), "accept another attempt": ("gone", SAME),
        "finish": ("ok", DONE), "finish without the lease": ("fenced", SAME),
        "refuse": ("ok", WITHDRAWN), "refuse another delivery": ("ok", WITHDRAWN),
        "refuse as another worker": ("ok", WITHDRAWN), "refuse another attempt": ("ok", ("withdrawn", "a2", 0, False)),
        "note": ("gone", SAME), "adopt": ("gone", SAME),
    }),
    "new": ([MOVES["submit again"]], NEW, {
        "submit again": ("submitted", SAME), "submit again, Redis having kept its data": ("submitted", SAME),
        "submit again, Redis having lost its data": ("other_generation", SAME),
        "submit other arguments": ("conflict", SAME),
        "withdraw": ("withdrawn", WITHDRAWN),
        "accept": ("ok", ACCEPTED), "accept another delivery": ("ok", ACCEPTED),
        "accept another attempt": ("gone", SAME), "finish": ("ok", DONE), "finish without the lease": ("fenced", SAME),
        "refuse": ("ok", WITHDRAWN), "refuse another delivery": ("ok", WITHDRAWN),
        "refuse as another worker": ("ok", WITHDRAWN),
        "note": ("gone", SAME), "adopt": ("gone", SAME),
    }),
    "accepted": ([MOVES["submit again"], MOVES["accept"]], ACCEPTED, {
        "submit other arguments": ("conflict", SAME),
        "accept": ("ok", SAME), "accept another delivery": ("gone", SAME), "accept another attempt": ("gone", SAME),
        "finish": ("ok", DONE), "finish without the lease": ("gone", SAME),
        "refuse": ("ok", ("withdrawn", "a1", LEADER, False)),
        "note": ("ok", SAME), "adopt": ("ok", SAME),
    }),
    "accepted by an earlier leader": (
        [MOVES["submit again"], lambda desk: foreign(desk)], FOREIGN, {
            "submit other arguments": ("conflict", SAME),
            "accept": ("ok", SAME), "accept another delivery": ("gone", SAME), "accept another attempt": ("gone", SAME),
            "finish": ("gone", SAME), "finish without the lease": ("ok", ("done", "a1", OTHER, False)),
            "refuse as another worker": ("ok", ("withdrawn", "a1", OTHER, False)),
            "note": ("ok", SAME), "adopt": ("ok", ACCEPTED),
        },
    ),
    "done": ([MOVES["submit again"], MOVES["accept"], MOVES["finish"]], DONE, {
        "submit other arguments": ("conflict", SAME),
        "accept": ("gone", SAME), "accept another delivery": ("gone", SAME), "accept another attempt": ("gone", SAME),
        "finish": ("ok", SAME), "finish without the lease": ("ok", SAME),
        "note": ("ok", SAME), "adopt": ("gone", SAME),
    }),
    "withdrawn": ([MOVES["submit again"], MOVES["withdraw"]], WITHDRAWN, {
        "submit another attempt": ("submitted", ("new", "a2", 0, False)),
        "accept": ("gone", SAME), "accept another delivery": ("gone", SAME), "accept another attempt": ("gone", SAME),
        "finish": ("ok", DONE), "finish without the lease": ("fenced", SAME),
        "note": ("gone", SAME), "adopt": ("gone", SAME),
    }),
}  # fmt: skip


async def foreign(desk: Desk) -> str:
    """As if the lease had been another's when it accepted."""
    await desk.pipe.send("SET", desk.keys.lease, str(OTHER))
    done = await desk.accept(OTHER, "a1", "x1")
    await desk.pipe.send("SET", desk.keys.lease, str(LEADER))
    return done


@pytest_asyncio.fixture
async def desk(redis_url: str, session: str) -> AsyncIterator[Desk]:
    keys = Keys(session)
    async with (
        CommandPipeline(redis_url, PATIENT) as pipe,
        PubSubListener(redis_url, lambda *_: None, lambda: None, PATIENT) as listener,
    ):
        listener.subscribe(keys.requests)
        await listener.confirmed(keys.requests, 5)
        await pipe.send("SET", keys.lease, str(LEADER))
        await pipe.send("SET", keys.generation, "g")
        yield Desk(pipe, keys)


def otherwise(state: str, move: str) -> str:
    """What a move answers that changes nothing."""
    if "without the lease" in move and not move.startswith("finish"):
        return "fenced"
    return "ok" if move.startswith("refuse") else state.split()[0]


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("state", TABLE)
async def test_each_move_in_each_state(desk: Desk, state: str, move: str) -> None:
    steps, row, moves = TABLE[state]
    for step in steps:
        await step(desk)
    assert await desk.row() == row
    expected, after = moves.get(move, (otherwise(state, move), SAME))

    assert await MOVES[move](desk) == expected
    assert await desk.row() == (row if after is SAME else after)


async def test_a_record_that_redis_lost_is_finished_by_its_leader_alone(desk: Desk) -> None:
    await desk.submit("a1")
    await desk.accept(LEADER, "a1", "x1")
    await desk.lose()
    await desk.withdraw("a1")  # its caller has given up meanwhile
    assert await desk.finish(OTHER, "a1") == "fenced"
    assert await desk.finish(LEADER, "a1") == "ok"
    record = await desk.records[LEADER].read(KEY)

    assert record is not None
    assert (record.state, record.attempt, record.digest, record.token) == ("done", "a1", "d1", LEADER)
    assert record.request.key == KEY
    assert await desk.submit("a2") == "done"


async def test_nothing_is_submitted_where_redis_has_no_history(desk: Desk) -> None:
    await desk.pipe.send("DEL", desk.keys.generation)

    assert await desk.submit("a1") == "no_generation"
    assert await desk.submit("a1", generation="g") == "no_generation"
    assert await desk.look() == "absent"


async def test_what_is_submitted_afresh_carries_nothing_of_what_was_withdrawn(desk: Desk) -> None:
    await desk.submit("a1")
    await desk.accept(LEADER, "a1", "x1")
    await desk.note(LEADER)
    await desk.refuse(LEADER, "a1", "x1")
    await desk.submit("a2", "d2")
    record = await desk.records[LEADER].read(KEY)

    assert record is not None
    assert (record.state, record.digest, record.token, record.notes, record.reply) == ("new", "d2", 0, {}, None)
    assert record.accepted_ms == 0


async def test_an_attempt_that_a_leader_refused_stays_refused_whatever_was_asked_since(desk: Desk) -> None:
    await desk.submit("a1")
    await desk.refuse(LEADER, "a1", "x1")
    await desk.submit("a2", "d2")

    assert await desk.submit("a1") == "withdrawn"
    assert await desk.withdraw("a1") == "withdrawn"
    assert await desk.row() == ("new", "a2", 0, False)
    assert await desk.accept(LEADER, "a2", "x2") == "ok"


async def test_an_answer_carries_no_notes_of_another_attempt(desk: Desk) -> None:
    await desk.submit("a1")
    await desk.accept(LEADER, "a1", "x1")
    await desk.note(LEADER)
    await desk.refuse(LEADER, "a1", "x1")
    await desk.finish(LEADER, "a2")  # as of an order that Redis lost
    record = await desk.records[LEADER].read(KEY)

    assert record is not None
    assert (record.state, record.attempt, record.notes) == ("done", "a2", {})


async def test_how_long_each_state_is_kept(desk: Desk) -> None:
    kept: dict[str, int] = {}
    for name, step in (
        ("new", desk.submit("a1")), ("accepted", desk.accept(LEADER, "a1", "x1")), ("done", desk.finish(LEADER, "a1")),
        ("noted", desk.note(LEADER)),
    ):  # fmt: skip
        await step
        kept[name] = round(await desk.pipe.send("PTTL", desk.keys.order(KEY)) / 1000)
    await desk.lose()
    await desk.withdraw("a1")
    kept["withdrawn"] = round(await desk.pipe.send("PTTL", desk.keys.order(KEY)) / 1000)
    week = 7 * 86_400

    assert kept == pytest.approx({"new": 60, "accepted": week, "done": week, "noted": week, "withdrawn": 600}, abs=5)
