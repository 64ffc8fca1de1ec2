"""The front as a resource of the console: an SDK client signs in with no token, and rights end within a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata

from bridge.bus.identity.sign_ins import void_identities
from bridge.bus.keys import Keys
from cli.local_stack.embedded_redis import free_port
from mcp_front.oauth.protected_resource import ProtectedResource
from tests.busy import BUSY_S
from tests.stacks.bus import pipe_to
from tests.stacks.console import Visitor, console
from tests.stacks.front import ERAS, Running, answering, plain_http, serving, worker
from tests.stacks.oauth import REDIRECT, Host, TokenMemory
from tests.waiting import until

POSITIONS = {"positions": [], "total": 0}


@asynccontextmanager
async def both(redis_url: str, session: str) -> AsyncIterator[tuple[Running, Visitor]]:
    """A front and its console."""
    url = f"http://127.0.0.1:{free_port()}"
    async with (
        console(redis_url, session, public_url=url) as browser,
        serving(redis_url, session, front_port=urlsplit(url).port, public_url=url, console_url=browser.base) as front,
    ):
        yield front, browser


def sdk_auth(front: Running, browser: Visitor, storage: TokenMemory) -> Any:
    """The SDK's own OAuth client, whose person answers by the browser."""
    answers: list[dict[str, str]] = []

    async def redirected(url: str) -> None:
        await browser.sign_in()
        place = urlsplit(url)
        answers.append(await Host(browser).consent(path=f"{place.path}?{place.query}"))

    async def called_back() -> AuthorizationCodeResult:
        told = answers.pop()
        return AuthorizationCodeResult(code=told["code"], state=told["state"], iss=told["iss"])

    metadata = OAuthClientMetadata.model_validate({"client_name": "SDK", "redirect_uris": [REDIRECT]})
    return OAuthClientProvider(front.endpoint, metadata, storage, redirected, called_back)


@pytest.mark.parametrize("path", ["/api/v1", "/mcp"])
async def test_the_sdks_client_signs_in_with_no_token_and_refreshes(redis_url: str, session: str, path: str) -> None:
    async with both(redis_url, session) as (front, browser), worker(redis_url, session, {}):
        storage = TokenMemory()
        auth = sdk_auth(front, browser, storage)
        auth.context.server_url = front.url + path
        async with httpx2.AsyncClient(auth=auth, verify=False) as http:
            first = await http.post(front.url + path, **front.raw(ERAS[0]).prepared("tools/list"))
            issued = storage.tokens
            auth.context.token_expiry_time = 1.0
            second = await http.post(front.url + path, **front.raw(ERAS[0]).prepared("tools/list"))

    assert (first.status_code, second.status_code) == (200, 200)
    assert issued is not None
    assert storage.tokens is not None
    assert storage.tokens.access_token != issued.access_token


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_is_not_signed_in_is_led_to_the_metadata(redis_url: str, session: str, era: str) -> None:
    async with both(redis_url, session) as (front, browser), plain_http() as http:
        without = await http.post(front.endpoint, **front.raw(era).prepared("tools/list"))
        wrong = await http.post(front.endpoint, **front.raw(era, authorization="Bearer x").prepared("tools/list"))
        places = [await http.get(f"{front.url}/.well-known/oauth-protected-resource{each}") for each in ("", "/api/v1")]
        alias = (await http.get(f"{front.url}/.well-known/oauth-protected-resource/mcp")).json()

    told = f'resource_metadata="{front.url}/.well-known/oauth-protected-resource/api/v1", scope="read trade admin"'
    assert (without.status_code, without.headers["www-authenticate"]) == (401, f"Bearer {told}")
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, f'Bearer error="invalid_token", {told}')
    assert [each.json()["resource"] for each in places] == [front.endpoint] * 2
    assert alias["resource"] == f"{front.url}/mcp"
    assert alias["authorization_servers"] == [browser.base]


async def test_a_call_beyond_the_scopes_names_what_to_ask_for(redis_url: str, session: str) -> None:
    async with both(redis_url, session) as (front, browser), plain_http() as http:
        tokens = await Host(browser, resource=front.endpoint).signed_in(scope=["read"])
        client = front.raw(ERAS[0], authorization=f"Bearer {tokens['access_token']}")
        arguments = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}
        answer = await http.post(
            front.endpoint, **client.prepared("tools/call", name="ibkr_place_order", arguments=arguments)
        )
        listed = {each["name"] for each in (await client.request("tools/list"))["result"]["tools"]}

    challenge = answer.headers["www-authenticate"]
    assert answer.status_code == 403
    assert challenge.startswith('Bearer error="insufficient_scope", resource_metadata="')
    assert challenge.endswith('scope="read trade"')
    assert answer.json()["error"]["data"] == {"code": "forbidden", "scope": "trade"}
    assert "ibkr_get_positions" in listed or "ibkr_get_status" in listed
    assert "ibkr_place_order" not in listed


@pytest.mark.parametrize("end", ["revoked", "data loss", "replayed"])
async def test_a_token_that_has_ended_is_refused_within_a_second(redis_url: str, session: str, end: str) -> None:
    handlers = {"get_positions": answering(POSITIONS)}
    async with both(redis_url, session) as (front, browser), worker(redis_url, session, handlers):
        host = Host(browser, resource=front.endpoint)
        tokens = await host.signed_in()
        client = front.raw(ERAS[0], authorization=f"Bearer {tokens['access_token']}")
        async with plain_http() as http, pipe_to(redis_url) as pipe:

            async def status() -> int:
                return (await http.post(front.endpoint, **client.prepared("tools/list"))).status_code

            before = await status()
            if end == "revoked":
                await host.revoke(tokens["refresh_token"])
            elif end == "data loss":
                await void_identities(pipe, Keys(session))
            else:
                newer = (await host.refresh(tokens["refresh_token"])).json()
                await host.refresh(tokens["refresh_token"])
                client = front.raw(ERAS[0], authorization=f"Bearer {newer['access_token']}")
            begun = asyncio.get_running_loop().time()

            async def is_refused() -> bool:
                return await status() == 401

            await until(is_refused, "the token is refused", 5 + BUSY_S)
            took_s = asyncio.get_running_loop().time() - begun

    assert before == 200
    assert took_s < 1.5 + BUSY_S  # a second, and the calls of this test


def test_a_challenge_is_of_the_path_that_was_asked() -> None:
    resource = ProtectedResource("https://ibkr.example.org", "https://console.example.org")

    assert b"/.well-known/oauth-protected-resource/mcp" in resource.challenge("/mcp")
    assert b"/.well-known/oauth-protected-resource/api/v1" in resource.challenge("/elsewhere")
