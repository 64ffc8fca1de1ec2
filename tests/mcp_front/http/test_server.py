"""Which host names and web pages reach the front, and how its health is told."""

import asyncio
from typing import Any

import pytest

from bridge.tools.session import SessionStatus
from mcp_front.http.server import DRAIN_S
from tests.mcp_front.scenarios.test_calls_over_http import PNL
from tests.stacks.front import ERAS, READY, answering, plain_http, serving, worker

INSPECTOR = "http://localhost:6274"
TUNNEL = "https://inspector.example.org"


KNOWN_AND_UNKNOWN: list[tuple[dict[str, str], int]] = [
    ({}, 200),
    ({"origin": INSPECTOR}, 200),
    ({"origin": "http://127.0.0.1:9999"}, 200),
    ({"origin": TUNNEL}, 200),
    ({"origin": "https://evil.example.org"}, 403),
    ({"origin": "null"}, 403),
    ({"origin": "http://localhost.evil.example.org:80"}, 403),
    ({"host": "evil.example.org"}, 421),
    ({"host": "front.example.org"}, 200),
]


@pytest.mark.fault(103)
@pytest.mark.parametrize("era", ERAS)
async def test_host_and_origin_must_be_known(redis_url: str, session: str, era: str) -> None:
    allowed: dict[str, Any] = {
        "front_allowed_hosts": ("front.example.org",),
        "front_allowed_origins": (TUNNEL,),
        "front_published_on": "loopback",
    }
    async with serving(redis_url, session, **allowed) as front, plain_http() as http:
        for headers, status in KNOWN_AND_UNKNOWN:
            response = await http.post(front.endpoint, **front.raw(era, **headers).prepared("tools/list"))
            assert response.status_code == status, headers


@pytest.mark.parametrize("origin", [INSPECTOR, TUNNEL, "http://[::1]:6274"])
async def test_page_of_an_allowed_origin_may_ask_and_read(redis_url: str, session: str, origin: str) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,mcp-method"}
    async with (
        serving(redis_url, session, front_allowed_origins=(TUNNEL,)) as front,
        plain_http() as http,
    ):
        before = await http.options(front.endpoint, headers={"origin": origin, **asked})
        answer = await http.post(front.endpoint, **front.raw(origin=origin).prepared("tools/list"))

    assert before.status_code == 200
    assert "authorization" in before.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == origin
    assert "www-authenticate" in answer.headers["access-control-expose-headers"]


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
        async with serving(url, session) as front, plain_http() as http, asyncio.timeout(5):
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


async def test_calls_that_wait_at_the_door_are_answered_before_the_front_stops(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_front.http.server.CUT_S", 0)  # what is open after draining is cut at once
    pace: dict[str, Any] = {"front_calls_per_s": 5, "front_burst": 1}
    async with worker(redis_url, session, {"get_pnl": answering(PNL)}), serving(redis_url, session, **pace) as front:
        calls = [asyncio.create_task(front.raw().call("ibkr_get_pnl")) for _ in range(6)]
        await asyncio.sleep(0.1)  # a second's worth of them still waits
        front.server.drain()
        answers = await asyncio.gather(*calls)

    assert [answer.get("isError", False) for answer in answers] == [False] * 6


async def test_an_idle_front_still_serves_who_reads_a_last_answer(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {"get_pnl": answering(PNL)}), serving(redis_url, session) as front:
        front.server.drain()
        await asyncio.sleep(DRAIN_S / 2)
        answer = await front.raw().call("ibkr_get_pnl")

    assert not answer.get("isError", False)
