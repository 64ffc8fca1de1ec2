"""Signing in at the console: right words alone, a token of its own each time, and an end that is one everywhere."""

import pyotp

from bridge.bus.identity.credentials import new_totp_secret
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.identity.sign_ins import end_sign_ins_of, sign_ins
from bridge.bus.keys import Keys
from console.pages.sign_in import WRONG
from console.web.attempts import FREE
from tests.stacks.bus import pipe_to
from tests.stacks.console import GOOD, HASH, Visitor, console


async def test_right_words_lead_to_where_one_wanted_to_go(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor:
        asked = await visitor.get("/kill-switch")
        there = await visitor.sign_in(then="/kill-switch")

    assert "Passphrase" in asked.text
    assert 'name="then" value="/kill-switch"' in asked.text
    assert "Stop trading?" in there.text
    assert there.request.url.path == "/kill-switch"


async def test_wrong_words_sign_nobody_in(redis_url: str, session: str) -> None:
    wrong = [{"passphrase": "wrong horse battery"}, {"name": "bert"}, {"name": "<b>"}, {"name": ""}]
    async with console(redis_url, session) as visitor:
        for words in wrong:
            answer = await visitor.sign_in(**words)

            assert answer.status_code == 403
            assert WRONG in answer.text
            assert not visitor.http.cookies
            assert "<b>" not in answer.text


async def test_a_one_time_code_is_asked_for_where_one_is_set(redis_url: str, session: str) -> None:
    secret = new_totp_secret()
    async with pipe_to(redis_url) as pipe:
        await add_operator(pipe, Keys(session), Operator("bert", HASH, secret))
    async with console(redis_url, session) as visitor:
        without = await visitor.sign_in("bert")
        code = pyotp.TOTP(secret).now()
        right = await visitor.sign_in("bert", code=code)
        again = await visitor.sign_in("bert", code=code)

    assert (without.status_code, right.status_code, again.status_code) == (403, 200, 403)


async def test_a_sign_in_leads_to_no_other_site(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor:
        for then in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
            there = await visitor.sign_in(then=then)

            assert str(there.request.url) == f"{visitor.base}/", then


async def test_a_sign_in_takes_no_token_that_somebody_else_has_set(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor:
        visitor.http.cookies.set("console", "chosen-by-another")
        await visitor.sign_in()
        tokens = [cookie.value for cookie in visitor.http.cookies.jar if cookie.name == "console"]

    assert any(each != "chosen-by-another" for each in tokens)


async def test_signing_out_ends_copies_of_the_cookie_too(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await visitor.sign_in()
        copy = Visitor(visitor.base, cookie=f"console={visitor.http.cookies['console']}")
        before = await copy.get()
        await visitor.post("/sign-out", form_of="/")
        after = await copy.get()
        await copy.http.aclose()

        assert "Sign out" in before.text
        assert "Passphrase" in after.text
        assert not visitor.http.cookies
        assert await sign_ins(pipe, Keys(session)) == {}


async def test_an_ended_sign_in_changes_nothing_more(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await visitor.sign_in()
        hidden = await visitor.hidden("/kill-switch", "/halt")
        await end_sign_ins_of(pipe, Keys(session), "anna")
        answer = await visitor.post("/halt", **hidden)

        assert answer.status_code == 403
        assert "nothing was changed" in answer.text
        assert await pipe.send("EXISTS", Keys(session).halt) == 0


async def test_the_cookie_is_for_no_script_and_no_other_site(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor:
        answer = await visitor.http.post("/sign-in", data={"name": "anna", "passphrase": GOOD})

    cookie = answer.headers["set-cookie"].lower()
    assert all(each in cookie for each in ("httponly", "samesite=strict", "path=/", "max-age=43200"))


async def test_behind_https_the_cookie_is_of_one_host_and_secure(redis_url: str, session: str) -> None:
    url = "https://console.example.org"
    async with console(redis_url, session, console_url=url) as visitor:
        headers = {"host": "console.example.org", "origin": url}
        answer = await visitor.http.post("/sign-in", data={"name": "anna", "passphrase": GOOD}, headers=headers)

    assert answer.headers["set-cookie"].startswith("__Host-console=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "max-age" in answer.headers["strict-transport-security"]


async def test_a_damaged_record_is_no_fault_of_the_console(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await pipe.send("HSET", Keys(session).operators, "bert", b"{")
        answer = await visitor.sign_in("bert")

    assert answer.status_code == 503
    assert "damaged" in answer.text


async def test_whoever_guesses_is_slowed_down_and_others_are_not(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as pipe:
        await add_operator(pipe, Keys(session), Operator("bert", HASH))
    async with console(redis_url, session) as visitor:
        tries = [(await visitor.sign_in(passphrase="wrong horse battery")).status_code for _ in range(FREE + 1)]
        right = await visitor.sign_in()
        other = await visitor.sign_in("bert")

    assert tries == [403] * FREE + [429]
    assert right.status_code == 429
    assert "is looked at in" in right.text
    assert other.status_code == 200
