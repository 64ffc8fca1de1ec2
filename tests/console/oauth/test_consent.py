"""The page of consent: for who is signed in, to the client's own address, and only by a button."""

from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.bus.identity.sign_ins import end_sign_ins_of
from bridge.bus.keys import Keys
from bridge.bus.oauth.grants import grants
from console.oauth.consent import policy
from tests.stacks.bus import pipe_to
from tests.stacks.console import console
from tests.stacks.oauth import FRONT, REDIRECT, Host


async def test_a_sign_in_leads_back_to_the_very_request(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser)
        await host.register(client_name="A <b>Host</b>")
        led = await browser.http.get(host.asks(), follow_redirects=True)
        then = (await browser.hidden(led.request.url.raw_path.decode(), "/sign-in"))["then"]
        page = await browser.sign_in(then=then)

    assert "Passphrase" in led.text
    assert "A <b>" not in page.text
    assert "A &lt;b&gt;Host&lt;/b&gt; (127.0.0.1)" in page.text
    assert "http://127.0.0.1:33418" in page.text
    assert f"form-action 'self' {REDIRECT.removesuffix('/callback')};" in page.headers["content-security-policy"]
    assert page.headers["cross-origin-opener-policy"] == "unsafe-none"


async def test_a_link_on_another_site_finds_who_is_signed_in(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser)
        await host.register()
        place = (await browser.get(host.asks())).headers["location"]
        led = await browser.http.get(place, headers={"sec-fetch-site": "cross-site"})

    assert 'http-equiv="refresh"' in led.text
    assert "Passphrase" not in led.text


async def test_the_client_gets_its_state_and_the_issuer_with_the_code(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser)
        await host.register()
        await browser.sign_in()
        allowed = await host.consent()
        refused = await host.consent("deny")

    assert {**allowed, "code": ""} == {"code": "", "state": "a-state", "iss": browser.base, "to": REDIRECT}
    assert refused == {"error": "access_denied", "state": "a-state", "iss": browser.base, "to": REDIRECT}


@pytest.mark.parametrize("broken", ["form_token", "request", "sign-in"])
async def test_without_the_pages_own_form_nothing_is_given(redis_url: str, session: str, broken: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        host = Host(browser)
        await host.register()
        await browser.sign_in()
        place = urlsplit((await browser.get(host.asks())).headers["location"])
        hidden = await browser.hidden(f"{place.path}?{place.query}", "/consent")
        if broken == "sign-in":
            await end_sign_ins_of(pipe, Keys(session), "anna")
        else:
            hidden[broken] = "made-up"
        chosen = {"answer": "allow", "scope": "read", "toolset": "session", "days": "7"}  # good but for that
        answer = await browser.http.post("/consent", data=hidden | chosen)

        assert answer.status_code == (400 if broken == "request" else 403)
        assert await grants(pipe, Keys(session)) == {}


async def test_rights_that_are_none_are_said_and_give_nothing(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        host = Host(browser)
        await host.register()
        await browser.sign_in()
        place = urlsplit((await browser.get(host.asks())).headers["location"])
        hidden = await browser.hidden(f"{place.path}?{place.query}", "/consent")
        answer = await browser.http.post("/consent", data=hidden | {"answer": "allow"})

        assert (answer.status_code, "Tick at least one" in answer.text) == (400, True)
        assert await grants(pipe, Keys(session)) == {}


@pytest.mark.parametrize(
    ("redirect", "source"),
    [
        ("https://claude.ai/api/mcp/auth_callback", "https://claude.ai"),
        ("http://localhost:5173/cb", "http://localhost:5173"),
        ("http://[::1]:9/cb", "http:"),
        ("cursor://anysphere.cursor/cb", "cursor:"),
        ("https://a.example;script-src*/cb", "https:"),
    ],
)
def test_the_form_may_lead_to_the_clients_address_alone(redirect: str, source: str) -> None:
    directives = [each.strip() for each in policy(redirect).split(";")]

    assert f"form-action 'self' {source}" in directives
    assert "default-src 'none'" in directives
    assert [each for each in directives if each.startswith("script-src")] == ["script-src 'self'"]


async def test_only_what_was_asked_for_can_be_given(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser)
        await host.register()
        await browser.sign_in()
        told = await host.consent(path=host.asks(scope="read"), scope=["read", "trade", "admin"])
        tokens = (await host.exchange(told["code"])).json()

    assert tokens["scope"] == "read"
    assert parse_qs(urlsplit(host.asks()).query)["scope"] == ["read trade"]


async def test_a_clients_name_cannot_show_another_place_than_its_code_goes_to(redis_url: str, session: str) -> None:
    """A registration may have many redirects, and any name: these two are of one who wants to look like another."""
    evil, name = "https://evil.example/callback", "Claude (claude.ai)" + "\u202e\u200b ." * 60
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        host = Host(browser, redirect=evil)
        await host.register(client_name=name, redirect_uris=["https://claude.ai/callback", evil])
        await browser.sign_in()
        led = await browser.http.get(host.asks(), follow_redirects=True)
        await host.consent()
        (grant,) = (await grants(pipe, Keys(session))).values()

    assert grant.about.startswith("Claude claude.ai")
    assert grant.about.endswith(" (evil.example)")
    assert grant.about in led.text
    assert not {"\u202e", "\u200b"} & set(led.text)
