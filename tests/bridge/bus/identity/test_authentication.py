"""Right words are an operator's; an unknown name costs a stranger as much time as a known one."""

import asyncio

import pyotp

from bridge.bus.identity.authentication import authenticated
from bridge.bus.identity.credentials import NO_HASH, hashed, new_totp_secret
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.keys import Keys
from tests.stacks.bus import pipe_to

GOOD, WRONG = "correct horse battery", "another horse's battery"


async def test_the_right_words_are_the_operators(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await add_operator(pipe, keys, Operator("anna", hashed(GOOD)))
        tries = [("anna", GOOD), ("anna", WRONG), ("bert", GOOD), ("", "")]
        found = [await authenticated(pipe, keys, name, passphrase, "") for name, passphrase in tries]

    assert found == [True, False, False, False]


async def test_a_code_is_used_up_by_right_words_alone(redis_url: str, session: str) -> None:
    keys, secret = Keys(session), new_totp_secret()
    async with pipe_to(redis_url) as pipe:
        await add_operator(pipe, keys, Operator("anna", hashed(GOOD), secret))
        code = pyotp.TOTP(secret).now()
        tries = [(GOOD, ""), (WRONG, code), (GOOD, code), (GOOD, code)]
        found = [await authenticated(pipe, keys, "anna", *each) for each in tries]

    assert found == [False, False, True, False]


async def test_of_two_who_use_a_code_at_once_one_is_let_in(redis_url: str, session: str) -> None:
    keys, secret = Keys(session), new_totp_secret()
    async with pipe_to(redis_url) as pipe:
        await add_operator(pipe, keys, Operator("anna", hashed(GOOD), secret))
        code = pyotp.TOTP(secret).now()
        found = await asyncio.gather(*(authenticated(pipe, keys, "anna", GOOD, code) for _ in range(3)))

    assert sorted(found) == [False, False, True]


async def test_an_unknown_name_is_hashed_for_too(redis_url: str, session: str) -> None:
    assert NO_HASH.split("$")[:4] == hashed(GOOD).split("$")[:4]  # the same work
    async with pipe_to(redis_url) as pipe:
        assert not await authenticated(pipe, Keys(session), "bert", "nobody's passphrase", "")
