"""Tokens of a provider outside: those for this front alone, by its keys alone, with the scopes that it gave."""

import base64
import json
import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.stacks.front import ERAS, plain_http, serving
from tests.stacks.oidc import STRANGERS, provider, token_of

PUBLIC = "http://127.0.0.1:8000"


def part(written: bytes) -> str:
    return base64.urlsafe_b64encode(written).decode().rstrip("=")


async def test_a_token_for_this_front_is_good_and_no_other(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with provider() as known:
        token, wanted = known.token, known.settings | {"oidc_clients": "any"}
        async with serving(redis_url, session, public_url=PUBLIC, **wanted) as front, plain_http() as http:

            async def status(bearer: str) -> int:
                client = front.raw(ERAS[0], authorization=f"Bearer {bearer}")
                return (await http.post(front.endpoint, **client.prepared("tools/list"))).status_code

            good = token()
            let_in = [await status(good), await status(good)]
            refused = [
                await status(each)
                for each in (
                    token(aud="another"), token(iss="https://other.example"), token(key=STRANGERS),
                    token(exp=int(time.time()) - 5), token(exp=None), token(sub=None),
                    good[:-6] + "AAAAAA", "x", f"{part(b'[' * 5_900)}.e30.AAAA",
                    f"{part(json.dumps({'alg': 'none'}).encode())}.{good.split('.')[1]}.AA",
                )
            ]  # fmt: skip
            client = front.raw(ERAS[0], authorization=f"Bearer {good}")
            listed = {each["name"] for each in (await client.request("tools/list"))["result"]["tools"]}
            told = (await http.get(f"{front.url}/.well-known/oauth-protected-resource")).json()
            a_day_later = time.time() + 86_400
            monkeypatch.setattr(time, "time", lambda: a_day_later)
            over = await status(good)  # which was good before

    assert (let_in, over) == ([200, 200], 401)
    assert refused == [401] * 10
    assert "ibkr_get_positions" in listed
    assert "ibkr_place_order" not in listed
    assert told["authorization_servers"] == [known.issuer]
    assert told["scopes_supported"] == ["ibkr:read", "ibkr:trade", "ibkr:admin"]


async def test_a_provider_that_is_away_lets_nobody_in_and_is_said_once(redis_url: str, session: str) -> None:
    wanted: dict[str, Any] = {"oidc_issuer": "http://127.0.0.1:9", "oidc_audience": "ibkr", "oidc_clients": "any"}
    async with serving(redis_url, session, public_url=PUBLIC, **wanted) as front, plain_http() as http:
        client = front.raw(ERAS[0], authorization=f"Bearer {token_of('http://127.0.0.1:9')}")
        with capture_logs() as lines:
            found = [await http.post(front.endpoint, **client.prepared("tools/list")) for _ in range(2)]

    assert [each.status_code for each in found] == [401, 401]
    assert len([each for each in lines if each["event"] == "oidc_unreachable"]) == 1
