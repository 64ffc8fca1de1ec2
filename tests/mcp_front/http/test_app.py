"""Which host names and web pages reach the front."""

from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from mcp_front.http.app import RememberedHostGuard
from tests.stacks.front import ERAS, plain_http, serving

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
        for headers, status in KNOWN_AND_UNKNOWN * 2:  # the second time the guard remembers hosts
            response = await http.post(front.endpoint, **front.raw(era, **headers).prepared("tools/list"))
            assert response.status_code == status, headers


async def test_of_two_hosts_the_remembered_one_lets_nobody_in() -> None:
    name = "front.example.org"
    guard = RememberedHostGuard(PlainTextResponse("let in"), allowed_hosts=[name], allowed_origins=[])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://front") as http:
        known = await http.get("/", headers={"host": name})
        two = await http.get("/", headers=[("host", "evil.example.org"), ("host", name)])

    assert (known.status_code, two.status_code) == (200, 421)


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
