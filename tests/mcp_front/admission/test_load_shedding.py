"""The porch: what one client sends far beyond its share is refused late, evenly, and before anything is looked up."""

import asyncio
import json
import time
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from mcp_front.admission import load_shedding as porch
from mcp_front.admission.load_shedding import LoadSheddingMiddleware
from mcp_front.protocol.results import ERROR_META
from tests.waiting import until

SHARE = 3
READ = b'{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "ibkr_get_positions"}}'
DEEP = b'{"params": {"deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
HALT = b'{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "ibkr_halt_trading"}}'


class Inside:
    """What is behind the porch: it keeps who has come until told."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.bodies.append((await receive()).get("body", b"") if scope["type"] == "http" else b"")
        await self.go.wait()


class Knock:
    """One request, and what it was told."""

    def __init__(self, app: LoadSheddingMiddleware, token: str = "hungry", body: bytes = READ, **scope: Any) -> None:
        self.told: list[Message] = []
        self.ended_at = 0.0
        headers = [(b"authorization", token.encode()), (b"content-length", str(len(body)).encode())]
        asked = {"type": "http", "method": "POST", "headers": headers} | scope
        self.task = asyncio.create_task(self._come(app, asked, body))

    async def _come(self, app: LoadSheddingMiddleware, scope: Scope, body: bytes) -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            self.told.append(message)

        await app(scope, receive, send)
        self.ended_at = time.monotonic()

    @property
    def answer(self) -> Any:
        return json.loads(self.told[1]["body"])


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(porch, "RETRY_IN_S", 0.05)
    monkeypatch.setattr(porch, "REFUSED_PER_S", 50)


@pytest.fixture
def inside() -> Inside:
    return Inside()


async def crowded(inside: Inside) -> LoadSheddingMiddleware:
    """One on which the hungry client has its whole share."""
    app = LoadSheddingMiddleware(inside, SHARE)
    for _ in range(SHARE):
        Knock(app)
    await until(lambda: len(inside.bodies) == SHARE, "its share is inside")
    return app


async def test_what_is_beyond_a_clients_share_is_refused_in_its_tools_words(inside: Inside) -> None:
    app = await crowded(inside)
    modern = [(b"authorization", b"hungry"), (b"content-length", b"90"), (b"mcp-protocol-version", b"2026-07-28")]
    older, newer = Knock(app), Knock(app, headers=modern)
    await asyncio.gather(older.task, newer.task)
    inside.go.set()

    assert len(inside.bodies) == SHARE
    assert older.told[0]["status"] == newer.told[0]["status"] == 200
    assert (older.answer["id"], older.answer["result"]["isError"]) == (7, True)
    assert "paced" in older.answer["result"]["content"][0]["text"]
    assert newer.answer["result"]["_meta"][ERROR_META]["code"] == "paced"


async def test_another_client_is_let_through_and_so_is_the_same_one_later(inside: Inside) -> None:
    app = await crowded(inside)
    Knock(app, "quiet")
    await until(lambda: len(inside.bodies) == SHARE + 1, "the other is inside")
    inside.go.set()
    await until(lambda: not app._through, "all are through")
    await Knock(app).task

    assert len(inside.bodies) == SHARE + 2


async def test_refusals_are_spread_evenly(inside: Inside) -> None:
    app = await crowded(inside)
    began = time.monotonic()
    refused = [Knock(app) for _ in range(11)]
    await asyncio.gather(*(each.task for each in refused))
    ends = sorted(each.ended_at - began for each in refused)
    inside.go.set()

    assert ends[0] >= 0.05
    assert ends[-1] >= 0.05 + 10 / 50
    assert all(each.told for each in refused)
    assert not app._kept
    assert not app._due


async def test_nobody_is_kept_for_longer_than_clients_wait(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(porch, "REFUSED_PER_S", 0.001)
    monkeypatch.setattr(porch, "LONGEST_S", 0.2)
    app = await crowded(inside)
    async with asyncio.timeout(5):
        await asyncio.gather(*(Knock(app).task for _ in range(5)))
    inside.go.set()


async def test_when_plenty_are_kept_the_next_is_refused_at_once(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(porch, "KEPT", 2)
    monkeypatch.setattr(porch, "RETRY_IN_S", 3_600)
    monkeypatch.setattr(porch, "LONGEST_S", 3_600)
    app = await crowded(inside)
    kept = [Knock(app) for _ in range(2)]
    await until(lambda: app._kept[b"hungry"] == 2, "two are kept")
    async with asyncio.timeout(5):
        await Knock(app).task
    for each in kept:
        each.task.cancel()
    await asyncio.gather(*(each.task for each in kept), return_exceptions=True)
    inside.go.set()

    assert not app._kept


@pytest.mark.parametrize(
    ("body", "scope"),
    [
        (HALT, {}),
        (READ, {"headers": [(b"authorization", b"hungry"), (b"content-length", str(1 << 20).encode())]}),
        (READ, {"headers": [(b"authorization", b"hungry")]}),
        (READ, {"method": "GET"}),
        (DEEP, {"headers": [(b"authorization", b"hungry"), (b"content-length", b"60000")]}),
        (READ, {"type": "lifespan"}),
    ],
    ids=["a halt", "a large one", "one of unknown size", "a GET", "what nobody can read", "the start"],
)
async def test_what_is_not_judged_here_goes_on_whole(inside: Inside, body: bytes, scope: Scope) -> None:
    app = await crowded(inside)
    Knock(app, body=body, **scope)
    await until(lambda: len(inside.bodies) == SHARE + 1, "it is inside")
    inside.go.set()

    assert inside.bodies[-1] == (b"" if scope.get("type") == "lifespan" else body)


async def test_one_that_does_not_say_what_it_wants_is_told_so(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(porch, "BODY_S", 0.05)
    app = await crowded(inside)
    told: list[Message] = []

    async def never() -> Message:
        return await asyncio.Future()

    async def send(message: Message) -> None:
        told.append(message)

    headers = [(b"authorization", b"hungry"), (b"content-length", b"90")]
    await app({"type": "http", "method": "POST", "headers": headers}, never, send)
    inside.go.set()

    assert told[0]["status"] == 408
