"""Sign-ins of clients that describe themselves at a URL (draft-ietf-oauth-client-id-metadata-document)."""

import json
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
from structlog.testing import capture_logs

from console.oauth.document_address import DocumentError
from console.oauth.document_reader import DocumentResponse
from tests.stacks.console import Visitor, console
from tests.stacks.oauth import FRONT, REDIRECT, RESOURCE, Host, TokenMemory

URL = "https://client.example/m.json"
WEB = "https://app.client.example/callback"


async def read(url: str) -> DocumentResponse:
    """Read a document as its host would answer."""
    if url.endswith("gone.json"):
        raise DocumentError("was not read: its host answered 404")
    redirects = [REDIRECT, WEB, "https://client.example/callback"]
    return DocumentResponse(
        json.dumps({"client_id": url, "client_name": "Cl<b>ient", "redirect_uris": redirects}).encode(), 300
    )


def reading(redis_url: str, session: str, **settings: Any) -> AbstractAsyncContextManager[Visitor]:
    return console(redis_url, session, read=read, public_url=FRONT, **({"console_client_documents": "on"} | settings))


async def test_a_client_signs_in_by_its_document_and_goes_on_without_it(redis_url: str, session: str) -> None:
    async with reading(redis_url, session) as browser:
        host = Host(browser, client_id=URL)
        await browser.sign_in()
        with capture_logs() as lines:
            tokens = (await host.exchange((await host.consent())["code"])).json()
        page = await browser.get("/clients")
    async with reading(redis_url, session, operator=False) as later:  # a console that has read nothing yet
        host.browser = later
        refreshed = (await host.refresh(tokens["refresh_token"])).json()
        stolen = await Host(later, client_id=f"{URL}/other").refresh(refreshed["refresh_token"])
        revoked = await host.revoke(refreshed["refresh_token"])
        ended = await host.refresh(refreshed["refresh_token"])

    told = {"event": "oauth_document_read", "client_id": URL, "name": "Cl<b>ient", "lasts_s": 300, "log_level": "info"}
    assert told in lines
    assert "Cl&lt;b&gt;ient (described at client.example; 127.0.0.1)" in page.text
    assert refreshed["scope"] == "read trade"
    assert [each.status_code for each in (stolen, revoked, ended)] == [400, 200, 400]


@pytest.mark.parametrize(
    ("redirect", "said"),
    [
        (REDIRECT, "a program on a machine"),
        (WEB, "to another host"),
        ("https://client.example/callback", "Your answer goes to <strong>https://client.example</strong>"),
    ],
)
async def test_the_page_shows_the_host_and_where_the_answer_goes(
    redis_url: str, session: str, redirect: str, said: str
) -> None:
    async with reading(redis_url, session) as browser:
        host = Host(browser, client_id=URL, redirect=redirect)
        await browser.sign_in()
        page = (await browser.http.get(host.asks(), follow_redirects=True)).text

    assert '<p class="summary">client.example</p>' in page
    assert "Cl&lt;b&gt;ient (described at client.example; " in page
    assert "nobody has checked it" in page
    assert said in page
    assert ("another host" in page) is (redirect == WEB)


async def test_nothing_is_read_for_a_stranger_who_signs_in_and_comes_back(redis_url: str, session: str) -> None:
    asked = []

    async def noted(url: str) -> DocumentResponse:
        asked.append(url)
        return await read(url)

    async with console(redis_url, session, read=noted, public_url=FRONT, console_client_documents="on") as browser:
        host = Host(browser, client_id=URL)
        stranger = await browser.get(host.asks())
        token = await host.exchange("a.code")
        before = list(asked)
        then = (await browser.hidden(host.asks(), "/sign-in"))["then"]
        page = await browser.sign_in(then=then)

    assert "Passphrase" in stranger.text
    assert token.json()["error"] == "invalid_grant"
    assert before == []
    assert asked == [URL]
    assert "Allow this client?" in page.text


async def test_a_document_that_is_no_good_leads_nowhere(redis_url: str, session: str) -> None:
    async with reading(redis_url, session) as browser:
        await browser.sign_in()
        for changes in ({"client_id": "https://client.example/gone.json"}, {"client_id": "https://10.0.0.1/m.json"},
                        {"redirect_uri": "https://evil.example/"}):  # fmt: skip
            with capture_logs() as lines:
                answer = await browser.get(Host(browser, client_id=URL).asks(**changes))

            assert answer.status_code == 400
            assert "location" not in answer.headers
            assert [each["event"] for each in lines if each["log_level"] == "warning"] == ["oauth_refused"]


async def test_it_is_off_unless_it_is_set(redis_url: str, session: str) -> None:
    async with console(redis_url, session, read=read, public_url=FRONT) as browser:
        await browser.sign_in()
        metadata = (await browser.get("/.well-known/oauth-authorization-server")).json()
        asked = await browser.get(Host(browser, client_id=URL).asks())
        sent = await Host(browser, client_id=URL).refresh("a.token")

    assert "client_id_metadata_document_supported" not in metadata
    assert (asked.status_code, sent.status_code) == (400, 401)


class FrontAndConsole(httpx2.AsyncHTTPTransport):
    """Answers for a front, which asks for a token, and passes on what is for the console."""

    def __init__(self, console_url: str) -> None:
        super().__init__()
        self._console = console_url

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not str(request.url).startswith(FRONT):
            return await super().handle_async_request(request)
        if "oauth-protected-resource" in request.url.path:
            metadata = {"resource": RESOURCE, "authorization_servers": [self._console], "scopes_supported": ["read"]}
            return httpx2.Response(200, json=metadata, request=request)
        return httpx2.Response(200 if "authorization" in request.headers else 401, request=request)


async def test_the_sdks_client_uses_its_document_in_place_of_a_registration(redis_url: str, session: str) -> None:
    told: dict[str, str] = {}
    kept = TokenMemory()
    async with reading(redis_url, session) as browser:
        await browser.sign_in()

        async def consents(url: str) -> None:
            place = urlsplit(url)
            told.update(dict(parse_qsl(place.query)))
            told.update(await Host(browser).consent(path=f"{place.path}?{place.query}", scope=["read"]))

        async def comes_back() -> AuthorizationCodeResult:
            return AuthorizationCodeResult(code=told["code"], state=told["state"], iss=told["iss"])

        metadata = OAuthClientMetadata.model_validate({"redirect_uris": [REDIRECT], "client_name": "SDK"})
        auth = OAuthClientProvider(RESOURCE, metadata, kept, consents, comes_back, client_metadata_url=URL)
        async with httpx2.AsyncClient(transport=FrontAndConsole(browser.base), auth=auth) as http:
            answer = await http.get(RESOURCE)

    assert answer.status_code == 200
    assert told["client_id"] == URL
    assert kept.tokens is not None
    assert kept.tokens.refresh_token
