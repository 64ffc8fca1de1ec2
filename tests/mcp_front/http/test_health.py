"""/healthz tells of the process, /readyz of the session behind it, and neither tells a secret."""

import asyncio
from pathlib import Path

import pytest

from bridge.tools.session import SessionStatus
from tests.busy import BUSY_S
from tests.stacks.front import READY, plain_http, serving, worker
from tests.stacks.tokens import token_of, write_tokens


async def test_process_is_healthy_without_redis(session: str) -> None:
    async with serving("redis://127.0.0.1:1/0", session) as front, plain_http() as http:
        response = await http.get(f"{front.url}/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_ready_front_says_so_and_nothing_secret(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {}), serving(redis_url, session) as front, plain_http() as http:
        response = await http.get(f"{front.url}/readyz")

    assert (response.status_code, response.json()) == (200, {"state": "ready", "cause": None, "remedy": None})


@pytest.mark.fault(3, 22)
async def test_session_that_is_not_ready_is_503_with_cause_and_remedy(redis_url: str, session: str) -> None:
    pending = SessionStatus(
        is_connected=False, state="login_pending", cause="second factor", remedy="look at your phone"
    )
    async with (
        worker(redis_url, session, {}, pending),
        serving(redis_url, session) as front,
        plain_http() as http,
    ):
        response = await http.get(f"{front.url}/readyz")

    assert response.status_code == 503
    assert response.json() == {"state": "login_pending", "cause": "second factor", "remedy": "look at your phone"}


async def test_no_worker_and_no_redis_are_503(redis_url: str, session: str) -> None:
    states = []
    for url in (redis_url, "redis://127.0.0.1:1/0"):
        async with serving(url, session) as front, plain_http() as http, asyncio.timeout(5 + BUSY_S):
            response = await http.get(f"{front.url}/readyz")
            states.append((response.status_code, response.json()["state"]))

    assert states == [(503, "no_worker"), (503, "bus_down")]


async def test_front_that_is_stopping_is_not_ready(redis_url: str, session: str) -> None:
    async with (
        worker(redis_url, session, {}, READY),
        serving(redis_url, session) as front,
        plain_http() as http,
    ):
        front.front.draining.set()
        response = await http.get(f"{front.url}/readyz")

    assert (response.status_code, response.json()["state"]) == (503, "stopping")


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    return write_tokens(tmp_path / "tokens.json", ["reader"])


BROKEN = ["[", '{"name": "x"}', '[{"name": "x", "sha256": "abc", "scopes": []}]', "", None]  # None: it is gone


def write_or_remove(path: Path, written: str | None) -> None:
    if written is None:
        path.unlink()
    else:
        path.write_text(written)


@pytest.mark.trial("E18")
@pytest.mark.parametrize("written", BROKEN)
async def test_broken_tokens_file_is_not_ready_until_it_is_mended(
    redis_url: str, session: str, tokens_file: Path, written: str | None
) -> None:
    async with (
        worker(redis_url, session, {}, READY),
        serving(redis_url, session, front_tokens_file=tokens_file) as front,
        plain_http() as http,
    ):
        write_or_remove(tokens_file, written)
        broken = await http.get(f"{front.url}/readyz")
        refused = await http.post(
            front.endpoint, **front.raw(authorization=f"Bearer {token_of('reader')}").prepared("tools/list")
        )
        alive = await http.get(f"{front.url}/healthz")
        write_tokens(tokens_file, ["reader"])
        mended = await http.get(f"{front.url}/readyz")

    assert (broken.status_code, broken.json()["state"]) == (503, "tokens_unreadable")
    assert "FRONT_TOKENS_FILE" in broken.json()["cause"]
    assert str(tokens_file) not in broken.text
    assert refused.json()["error"]["data"]["code"] == "tokens_unreadable"
    assert alive.status_code == 200
    assert (mended.status_code, mended.json()["state"]) == (200, "ready")
