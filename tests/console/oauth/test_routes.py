"""The authorization server's places, and who may ask there."""

from tests.stacks.console import console
from tests.stacks.oauth import FRONT, Host

PLACES = (
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/api/v1",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/api/v1",
)
ORIGINS = {"": 201, "http://localhost:6274": 201, "https://evil.example": 403, "null": 403, "http://localhost.a": 403}


async def test_the_metadata_are_wherever_hosts_look(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        told = [(await browser.get(each)).json() for each in PLACES]

    assert told == [told[0]] * len(PLACES)
    assert told[0]["issuer"] == browser.base
    assert told[0]["token_endpoint"] == f"{browser.base}/token"
    assert told[0]["code_challenge_methods_supported"] == ["S256"]


async def test_without_a_public_address_there_is_no_authorization_server(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as browser:
        found = [await browser.get(each) for each in ("/.well-known/oauth-authorization-server", "/authorize")]
        sent = await Host(browser).register()

    assert [each.status_code for each in found] == [404, 404]
    assert sent.status_code == 403


async def test_pages_of_other_sites_register_nothing(redis_url: str, session: str) -> None:
    metadata = {"redirect_uris": ["http://localhost/cb"]}
    async with console(redis_url, session, public_url=FRONT) as browser:
        for origin, status in ORIGINS.items():
            answer = await Host(browser).post("/register", {"origin": origin} if origin else None, json=metadata)

            assert answer.status_code == status
            assert ("access-control-allow-origin" in answer.headers) is (status == 201 and bool(origin))


async def test_another_host_name_is_refused(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        answer = await Host(browser).post("/token", {"host": "evil.example"}, data={"grant_type": "refresh_token"})

    assert answer.status_code == 421
