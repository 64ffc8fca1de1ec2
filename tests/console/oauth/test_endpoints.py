"""The endpoints as programs see them: registration, authorization requests, client secrets, refusals in the log."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from bridge.bus.oauth.registrations import AN_HOUR, OF_ONE
from tests.stacks.console import console
from tests.stacks.oauth import FRONT, RESOURCE, Host

WRONG: list[tuple[dict[str, str | None], str]] = [
    ({"resource": "https://other.example/api/v1"}, "invalid_target"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"scope": "openid"}, "invalid_scope"),
]
FOREIGN: list[dict[str, str | None]] = [
    {"redirect_uri": "https://evil.example/"},
    {"client_id": "nobody"},
    {"redirect_uri": "http://127.0.0.1/other"},
]


async def test_a_wrong_request_goes_back_to_the_client_with_its_error(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser)
        await host.register()
        for changes, error in WRONG:
            with capture_logs() as lines:
                answer = await browser.get(host.asks(**changes))

            told = parse_qs(urlsplit(answer.headers["location"]).query)
            assert answer.headers["location"].startswith(host.redirect)
            assert (told["error"], told["state"]) == ([error], ["a-state"])
            assert [(each["event"], each["error"]) for each in lines] == [("oauth_refused", error)]


async def test_a_foreign_redirect_leads_nowhere(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser)
        await host.register()
        for changes in FOREIGN:
            with capture_logs() as lines:
                answer = await browser.get(host.asks(**changes))

            assert answer.status_code == 400
            assert "location" not in answer.headers
            assert [each["event"] for each in lines] == ["oauth_refused"]


async def test_a_parameter_that_is_given_twice_is_refused(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser)
        await host.register()
        asked = await browser.get(f"{host.asks()}&state=another")  # good but for that
        twice = await host.post(
            "/token", content="grant_type=x&grant_type=y", headers={"content-type": "application/x-www-form-urlencoded"}
        )

    assert (asked.status_code, twice.status_code) == (400, 400)
    assert {each.json()["error_description"] for each in (asked, twice)} == {"each parameter is given once"}


async def test_each_name_of_the_resource_leads_to_the_consent(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser)
        await host.register()
        names = (None, RESOURCE, f"{RESOURCE}/", FRONT, f"{FRONT}/mcp")
        places = [(await browser.get(host.asks(resource=each))).headers["location"] for each in names]

    assert all(each.startswith(f"{browser.base}/consent?request=") for each in places)


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
async def test_a_client_with_a_secret_must_show_it(redis_url: str, session: str, method: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser)
        await host.register(token_endpoint_auth_method=method)
        await browser.sign_in()
        code = (await host.consent())["code"]
        secret, host.secret = host.secret, ""
        without = await host.exchange(code)
        wrong = await host.exchange(code, client_secret="wrong")
        if method == "client_secret_post":
            right = await host.exchange(code, client_secret=secret)
        else:
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": host.redirect}
            sent: dict[str, Any] = {"data": form | {"code_verifier": host.verifier}}
            other = await host.post(
                "/token", _basic("other", secret), data=sent["data"] | {"client_id": host.client_id}
            )
            right = await host.post("/token", _basic(host.client_id, secret), **sent)
            assert other.status_code == 401

        given_back = await host.revoke(right.json()["refresh_token"])
        host.secret = secret
        still_good = await host.refresh(right.json()["refresh_token"])

    assert [each.status_code for each in (without, wrong, right)] == [401, 401, 200]
    assert (given_back.status_code, still_good.status_code) == (401, 200)


def _basic(name: str, secret: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"}


async def test_one_address_registers_half_of_an_hours_clients(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT, forwarded_allow_ips="127.0.0.1") as browser:
        host, answers = Host(browser), []
        for address in ("2001:db8::1", "2001:db8::2", "198.51.100.7", "198.51.100.8"):  # the first two are one network
            sent: dict[str, Any] = {"json": {"redirect_uris": [host.redirect]}, "headers": {"x-forwarded-for": address}}
            answers.append([await host.post("/register", **sent) for _ in range(6)])

    assert [[each.status_code for each in of].count(201) for of in answers] == [6, OF_ONE - 6, 6, AN_HOUR - OF_ONE - 6]
    assert "within the hour" in answers[1][-1].json()["error_description"]


async def test_a_registration_that_is_no_good_is_refused(redis_url: str, session: str) -> None:
    wrong: list[dict[str, Any]] = [
        {"redirect_uris": []}, {"redirect_uris": ["http://evil.example/"]}, {"redirect_uris": ["javascript:alert(1)"]},
        {"grant_types": ["password"]}, {"response_types": ["token"]},
    ]  # fmt: skip
    async with console(redis_url, session, public_url=FRONT) as browser:
        answers = [await Host(browser).register(**each) for each in wrong]

    assert {each.status_code for each in answers} == {400}
    assert {each.json()["error"] for each in answers} == {"invalid_client_metadata", "invalid_redirect_uri"}
