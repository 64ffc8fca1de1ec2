"""The authorization server's decisions: each code and refresh token is good once, and a replay ends everything."""

import asyncio
import json
from typing import Any

from mcp.shared.auth import OAuthClientInformationFull
from structlog.testing import capture_logs

from bridge.bus.identity.clients import Client, access_id, proof_of, read_registry, store_client
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.identity.rights import Rights
from bridge.bus.identity.sign_ins import remove_operator, void_identities
from bridge.bus.keys import Keys
from bridge.bus.oauth.grants import end_grants_of, grants
from bridge.bus.transport.pipeline import CommandPipeline
from console.oauth.provider import about
from tests.stacks.bus import pipe_to
from tests.stacks.console import HASH, console
from tests.stacks.oauth import FRONT, Host


async def access_of(pipe: CommandPipeline, session: str, token: str) -> str:
    """Return the client that the token acts as; empty for nobody."""
    registry = await read_registry(pipe, Keys(session))
    found = registry.access.get(access_id(proof_of(token)))
    return found.client if found is not None and found.client in registry.clients else ""


async def test_what_an_operator_allowed_is_what_the_token_may_do(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        tokens = await Host(browser).signed_in(
            accounts="du1, du2", symbols="msft", max_order_value="500", scope=["read"]
        )
        registry = await read_registry(pipe, Keys(session))
        kept = json.dumps([each.decode() for each in await pipe.send("HGETALL", Keys(session).oauth_grants)])

    (client,) = registry.clients.values()
    assert public_part(tokens) == {"token_type": "Bearer", "scope": "read", "expires_in": 3600}
    assert (
        client.rights.told() == "read; accounts DU1, DU2; symbols MSFT; toolsets orders, session; max_order_value 500"
    )
    assert (client.by, client.about) == ("operator anna", "A Host (127.0.0.1)")
    assert client.name.startswith("a-host-")
    assert client.until_ms - client.created_ms == 7 * 24 * 60 * 60 * 1000
    assert tokens["access_token"] not in kept
    assert tokens["refresh_token"].split(".")[0] not in kept
    assert tokens["refresh_token"].split(".")[1] not in kept


def public_part(tokens: dict[str, Any]) -> dict[str, Any]:
    """The tokens' answer without its secrets."""
    return {name: value for name, value in tokens.items() if name not in ("access_token", "refresh_token")}


async def test_refresh_rotates_and_a_replayed_one_ends_the_grant(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        host = Host(browser)
        first = await host.signed_in()
        second = (await host.refresh(first["refresh_token"])).json()
        before = await access_of(pipe, session, second["access_token"])
        replayed = await host.refresh(first["refresh_token"])
        after = await access_of(pipe, session, second["access_token"])
        newest = await host.refresh(second["refresh_token"])

    assert second["refresh_token"] != first["refresh_token"]
    assert before.startswith("a-host-")
    assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")
    assert after == ""
    assert newest.json()["error"] == "invalid_grant"


async def test_what_a_removed_operator_allowed_ends_and_what_others_allowed_stays(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        await add_operator(pipe, keys, Operator("bert", HASH))
        of_anna, of_bert = Host(browser), Host(browser)
        ends = await of_anna.signed_in()
        await of_bert.register()
        await browser.sign_in("bert")
        stays = (await of_bert.exchange((await of_bert.consent())["code"])).json()
        await remove_operator(pipe, keys, "anna")
        ended = await end_grants_of(pipe, keys, "anna")
        access = [await access_of(pipe, session, each["access_token"]) for each in (ends, stays)]
        refreshed = [
            (await host.refresh(each["refresh_token"])).status_code
            for host, each in ((of_anna, ends), (of_bert, stays))
        ]

    assert len(ended) == 1
    assert access[0] == "" != access[1]
    assert refreshed == [400, 200]


async def test_a_token_that_is_given_back_twice_at_once_is_no_fault(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser)
        for name in ("access_token", "refresh_token"):
            tokens = await host.signed_in()
            answers = await asyncio.gather(*(host.revoke(tokens[name]) for _ in range(6)))

            assert {each.status_code for each in answers} == {200}


async def test_a_replayed_code_ends_what_it_gave(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        host = Host(browser)
        await host.register()
        await browser.sign_in()
        code = (await host.consent())["code"]
        tokens = (await host.exchange(code)).json()
        replayed = await host.exchange(code)

        assert replayed.json()["error"] == "invalid_grant"
        assert await access_of(pipe, session, tokens["access_token"]) == ""
        assert (await host.refresh(tokens["refresh_token"])).status_code == 400
        assert await grants(pipe, Keys(session)) == {}


async def test_of_two_exchanges_at_once_one_is_good_and_the_grant_ends(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        host = Host(browser)
        await host.register()
        await browser.sign_in()
        code = (await host.consent())["code"]
        answers = await asyncio.gather(*(host.exchange(code) for _ in range(4)))
        good = [each.json() for each in answers if each.status_code == 200]

        assert len(good) <= 1
        assert [await access_of(pipe, session, each["access_token"]) for each in good] in ([], [""])


WRONG: list[tuple[dict[str, str], str]] = [
    ({"code": "made-up.code"}, "invalid_grant"),
    ({"code_verifier": "another" * 8}, "invalid_grant"),
    ({"redirect_uri": "http://127.0.0.1:33418/elsewhere"}, "invalid_request"),
    ({"resource": "https://other.example/api/v1"}, "invalid_target"),
    ({"client_id": "nobody"}, "invalid_client"),
    ({"grant_type": "password"}, "invalid_request"),
]


async def test_a_wrong_exchange_gives_nothing_and_is_logged(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser)
        await host.register()
        await browser.sign_in()
        code = (await host.consent())["code"]
        for changes, error in WRONG:
            with capture_logs() as lines:
                answer = await host.exchange(**({"code": code} | changes))

            assert answer.json()["error"] == error
            assert "access_token" not in answer.text
            assert [each["error"] for each in lines if each["event"] == "oauth_refused"] == [error]
        as_refresh_token = await host.refresh(code)  # which needs no verifier
        tokens = await host.exchange(code)
        as_code = await host.exchange(tokens.json()["refresh_token"])

    assert tokens.status_code == 200
    assert [each.json()["error"] for each in (as_refresh_token, as_code)] == ["invalid_grant", "invalid_grant"]


async def test_a_code_of_another_client_is_none(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host, thief = Host(browser), Host(browser)
        await host.register()
        await thief.register(client_name="Thief")
        await browser.sign_in()
        code = (await host.consent())["code"]
        stolen = await thief.exchange(code, code_verifier=host.verifier)
        tokens = await host.exchange(code)
        foreign = await thief.refresh(tokens.json()["refresh_token"])
        kept = await host.refresh(tokens.json()["refresh_token"])

    assert [each.json().get("error") for each in (stolen, foreign)] == ["invalid_grant", "invalid_grant"]
    assert (tokens.status_code, kept.status_code) == (200, 200)


async def test_revoking_either_token_ends_the_grant(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        host = Host(browser)
        for name in ("access_token", "refresh_token"):
            tokens = await host.signed_in()
            foreign = Host(browser)
            await foreign.register()
            await foreign.revoke(tokens[name])
            still = await access_of(pipe, session, tokens["access_token"])
            revoked = await host.revoke(tokens[name])
            again = await host.revoke(tokens[name])

            assert still
            assert (revoked.status_code, again.status_code) == (200, 200)
            assert await access_of(pipe, session, tokens["access_token"]) == ""
            assert (await host.refresh(tokens["refresh_token"])).status_code == 400


async def test_data_loss_of_redis_voids_codes_grants_and_access(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        host, late = Host(browser), Host(browser)
        tokens = await host.signed_in()
        await late.register()
        code = (await late.consent())["code"]
        await void_identities(pipe, Keys(session))

        assert await access_of(pipe, session, tokens["access_token"]) == ""
        assert (await host.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
        assert (await late.exchange(code)).json()["error"] == "invalid_grant"


async def test_a_client_that_comes_back_is_the_same_principal(redis_url: str, session: str) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        host = Host(browser)
        first = await host.signed_in()
        name = await access_of(pipe, session, first["access_token"])
        second = (await host.exchange((await host.consent(scope=["read"]))["code"])).json()
        registry = await read_registry(pipe, Keys(session))

        assert await access_of(pipe, session, second["access_token"]) == name
        assert registry.clients[name].rights.scopes == {"read"}


async def test_who_has_signed_in_once_and_is_over_goes_with_the_next(redis_url: str, session: str) -> None:
    keys, read = Keys(session), Rights(scopes=frozenset({"read"}))
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        await store_client(pipe, keys, Client("over-1", read, until_ms=1, about="Claude"))
        await store_client(pipe, keys, Client("by-hand", read, until_ms=1))
        await Host(browser).signed_in()
        names = set((await read_registry(pipe, keys)).clients)

    assert "over-1" not in names
    assert "by-hand" in names


def test_a_name_has_nothing_that_would_hide_the_rest() -> None:
    shown = about(OAuthClientInformationFull(client_id="c", client_name="Cl\u202eaude\n\x00 x" + "y" * 500))

    assert "\u202e" not in shown
    assert shown.isprintable()
    assert len(shown) <= 120
