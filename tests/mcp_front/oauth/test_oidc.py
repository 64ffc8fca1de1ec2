"""Tokens of a provider outside: those for this front alone, by its keys alone, with the scopes that it gave."""

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from fastmcp.server.auth import AccessToken
from joserfc import jwk, jwt
from structlog.testing import capture_logs

from mcp_front.oauth.oidc import OidcSettings, client_of, jwks_uri_of
from tests.stacks.front import ERAS, plain_http, serving

KEY = jwk.RSAKey.generate_key(2048, {"kid": "one"})
OTHER_KEY = jwk.RSAKey.generate_key(2048, {"kid": "one"})
PUBLIC = "http://127.0.0.1:8000"
SETTINGS = OidcSettings("https://issuer.example", "ibkr", "ibkr:", "RS256")


@asynccontextmanager
async def provider() -> AsyncIterator[str]:
    """An OpenID Connect provider's two documents."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined] # it is an HTTPServer
            documents: dict[str, Any] = {
                "/.well-known/openid-configuration": {"issuer": issuer, "jwks_uri": f"{issuer}/keys"},
                "/keys": {"keys": [KEY.as_dict(private=False) | {"alg": "RS256", "use": "sig"}]},
            }
            body = json.dumps(documents[self.path]).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def token(issuer: str, key: jwk.RSAKey = KEY, **changes: Any) -> str:
    usual = {"iss": issuer, "aud": "ibkr", "sub": "anna", "azp": "claude", "exp": int(time.time()) + 60}
    claims = {name: value for name, value in (usual | {"scope": "openid ibkr:read"} | changes).items() if value}
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)


def part(written: bytes) -> str:
    return base64.urlsafe_b64encode(written).decode().rstrip("=")


async def test_a_token_for_this_front_is_good_and_no_other(redis_url: str, session: str) -> None:
    async with provider() as issuer, plain_http() as http:
        wanted: dict[str, Any] = {"oidc_issuer": issuer, "oidc_audience": "ibkr", "oidc_scope_prefix": "ibkr:"}
        async with serving(redis_url, session, public_url=PUBLIC, **wanted) as front:

            async def status(bearer: str) -> int:
                client = front.raw(ERAS[0], authorization=f"Bearer {bearer}")
                return (await http.post(front.endpoint, **client.prepared("tools/list"))).status_code

            good = token(issuer)
            let_in = [await status(good), await status(good)]
            refused = [
                await status(each)
                for each in (
                    token(issuer, aud="another"), token("https://other.example"), token(issuer, OTHER_KEY),
                    token(issuer, exp=int(time.time()) - 5), token(issuer, exp=None), token(issuer, sub=None),
                    good[:-6] + "AAAAAA", "x", f"{part(b'[' * 5_900)}.e30.AAAA",
                    f"{part(json.dumps({'alg': 'none'}).encode())}.{good.split('.')[1]}.AA",
                )
            ]  # fmt: skip
            client = front.raw(ERAS[0], authorization=f"Bearer {good}")
            listed = {each["name"] for each in (await client.request("tools/list"))["result"]["tools"]}
            told = (await http.get(f"{front.url}/.well-known/oauth-protected-resource")).json()

    assert let_in == [200, 200]
    assert refused == [401] * 10
    assert "ibkr_get_positions" in listed
    assert "ibkr_place_order" not in listed
    assert told["authorization_servers"] == [issuer]
    assert told["scopes_supported"] == ["ibkr:read", "ibkr:trade", "ibkr:admin"]


async def test_a_provider_that_is_away_lets_nobody_in_and_is_said_once(redis_url: str, session: str) -> None:
    wanted: dict[str, Any] = {"oidc_issuer": "http://127.0.0.1:9", "oidc_audience": "ibkr"}
    async with serving(redis_url, session, public_url=PUBLIC, **wanted) as front, plain_http() as http:
        client = front.raw(ERAS[0], authorization=f"Bearer {token('http://127.0.0.1:9')}")
        with capture_logs() as lines:
            found = [await http.post(front.endpoint, **client.prepared("tools/list")) for _ in range(2)]

    assert [each.status_code for each in found] == [401, 401]
    assert len([each for each in lines if each["event"] == "oidc_unreachable"]) == 1


@pytest.mark.parametrize(
    "told",
    [
        {},
        [],
        {"issuer": "https://other.example", "jwks_uri": "https://issuer.example/keys"},
        {"issuer": "https://issuer.example", "jwks_uri": "http://issuer.example/keys"},
        {"issuer": "https://issuer.example"},
    ],
)
def test_metadata_of_another_issuer_or_keys_over_plain_http_are_refused(told: Any) -> None:
    with pytest.raises(ValueError, match="its "):
        jwks_uri_of(told, "https://issuer.example")


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "ibkr:read ibkr:trade other"}, {"read", "trade"}),
        ({"scp": ["ibkr:admin", "read"]}, {"admin"}),
        ({"scp": "ibkr:read"}, {"read"}),
        ({}, set()),
    ],
)
def test_claims_are_scopes_with_the_prefix_alone(claims: dict[str, Any], scopes: set[str]) -> None:
    made = client_of(AccessToken(token="", client_id="c", scopes=[], subject="anna", claims=claims), SETTINGS)

    assert made.rights.scopes == scopes


def test_each_pair_of_person_and_program_is_a_principal() -> None:
    names = {
        client_of(AccessToken(token="", client_id="c", scopes=[], subject=who, claims={"azp": by}), SETTINGS).name
        for who, by in (("anna|1", "claude"), ("anna-1", "claude"), ("anna|1", "codex"))
    }

    assert len(names) == 3
    assert all(each.startswith("oidc-anna-1-") for each in names)
