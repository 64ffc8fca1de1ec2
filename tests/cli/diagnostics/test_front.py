"""The doctor's check of the front: whoever answers at its place, its clock, and the token."""

import asyncio
import hashlib
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from cli.diagnostics import front as front_checks
from cli.diagnostics.finding import Place
from cli.terminal import Screen
from tests.stacks.doctor import faults
from tests.stacks.front import serving
from tests.stacks.ibgateway import gateway_ports as servers


async def test_no_front(redis_url: str, session: str, unused_port: int) -> None:
    place = Place(f"http://127.0.0.1:{unused_port}/api/v1", None, None, redis_url, "none")

    found = await faults(place)

    assert "make paper" in found["front"].cure


async def test_something_else_at_the_fronts_place(redis_url: str, session: str) -> None:
    async with servers.listening(servers.web) as port:
        place = Place(f"http://127.0.0.1:{port}/api/v1", None, None, redis_url, "none")

        assert "not a front" in (await faults(place))["front"].told


@pytest.mark.trial("D12")
async def test_bytes_of_a_foreign_port_never_reach_the_terminal(redis_url: str, session: str) -> None:
    async def impolite(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"\x1b]0;owned\x07\x1b[31m" + b"\xff" * 5000 + b"\r\n\r\n")
        writer.close()

    async with servers.listening(impolite) as port:
        place = Place(f"http://127.0.0.1:{port}/api/v1", None, None, redis_url, "none")
        found = (await faults(place))["front"]

    shown = io.StringIO()
    Screen(Console(file=shown, width=120)).say(found.told)
    assert "No answer" in shown.getvalue()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown.getvalue())
    assert len(shown.getvalue()) < 400


async def test_a_front_that_wants_a_token(redis_url: str, session: str, tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text("[]")
    async with serving(redis_url, session, front_tokens_file=tmp_path / "tokens.json") as front:
        found = await faults(Place(front.endpoint, None, None, redis_url, "none"))

    assert "clients-paper add" in found["token"].cure
    assert "worker" in found  # told to everybody


async def test_a_token_that_may_not_read(redis_url: str, session: str, tmp_path: Path) -> None:
    entry = {"name": "desk", "sha256": hashlib.sha256(b"trade-only").hexdigest(), "scopes": ["trade"]}
    (tmp_path / "tokens.json").write_text(json.dumps([entry]))
    async with serving(redis_url, session, front_tokens_file=tmp_path / "tokens.json") as front:
        found = await faults(Place(front.endpoint, "trade-only", None, redis_url, "none"))

    assert "ibkr_get_status" in found["token"].told
    assert "--scopes read" in found["token"].cure
    assert "worker" in found  # told to everybody


async def healthy_and_then_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if (await reader.readline()).startswith(b"GET /healthz"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await reader.read()


async def test_a_front_that_hangs_is_named(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_checks, "ANSWER_S", 0.3)
    async with servers.listening(healthy_and_then_silent) as port:
        found = await faults(Place(f"http://127.0.0.1:{port}/api/v1", None, None, redis_url, "none"))

    assert "does not answer it: timed out" in found["session"].told
