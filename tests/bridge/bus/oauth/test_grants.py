"""Grants in Redis: begun by who is signed in, redeemed token by token, over at their time."""

import msgspec
import pytest

from bridge.bus.identity.credentials import hashed
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.identity.sign_ins import begin_sign_in, sign_in_id
from bridge.bus.keys import Keys
from bridge.bus.oauth.grants import ClientGrant, begin_grant, digest, end_grant, find_grant, grant_id, grants, redeem
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.bus import pipe_to

WANTED = ClientGrant("c", "claude-1", "Claude", "anna", "read", "r", "http://localhost/cb", True, "c" * 43, "{}")
HASH = hashed("correct horse battery")
DAY_MS = 24 * 60 * 60 * 1000


async def signed_in(pipe: CommandPipeline, keys: Keys) -> str:
    await add_operator(pipe, keys, Operator("anna", HASH))
    return sign_in_id(await begin_sign_in(pipe, keys, "anna", "test"))


async def change(pipe: CommandPipeline, keys: Keys, id_: str, **values: int) -> None:
    grant = (await grants(pipe, keys))[id_]
    await pipe.send("HSET", keys.oauth_grants, id_, msgspec.json.encode(msgspec.structs.replace(grant, **values)))


async def test_each_token_is_good_once(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        code = await begin_grant(pipe, keys, WANTED, await signed_in(pipe, keys), DAY_MS)
        begun = await find_grant(pipe, keys, grant_id(code))
        first = await redeem(pipe, keys, code)
        second = await redeem(pipe, keys, first[1])
        used = [await redeem(pipe, keys, each) for each in (code, first[1])]
        unknown = await redeem(pipe, keys, "another.token")
        ended = [await end_grant(pipe, keys, grant_id(code)) for _ in range(2)]
        after = await redeem(pipe, keys, second[1])

    assert begun is not None
    assert (begun.code, begun.until_ms - begun.begun_ms) == (digest(code), DAY_MS)
    assert (first[0], second[0]) == ("done", "done")
    assert used == [("replayed", "")] * 2
    assert (unknown, after) == (("unknown", ""), ("unknown", ""))
    assert ended == [True, False]


@pytest.mark.parametrize("over", ["code_until_ms", "until_ms", "refresh_until_ms"])
async def test_what_is_over_is_redeemed_no_more_and_goes_with_the_next_grant(
    redis_url: str, session: str, over: str
) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        sign_in = await signed_in(pipe, keys)
        token = await begin_grant(pipe, keys, WANTED, sign_in, DAY_MS)
        if over != "code_until_ms":
            token = (await redeem(pipe, keys, token))[1]
        await change(pipe, keys, grant_id(token), **{over: 1})
        redeemed = await redeem(pipe, keys, token)
        other = await begin_grant(pipe, keys, WANTED, sign_in, DAY_MS)

        assert redeemed == ("unknown", "")
        assert list(await grants(pipe, keys)) == [grant_id(other)]


async def test_nobody_grants_without_a_sign_in(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await signed_in(pipe, keys)
        with pytest.raises(PermissionError):
            await begin_grant(pipe, keys, WANTED, "nobody", DAY_MS)

        assert await grants(pipe, keys) == {}


async def test_a_grant_counts_only_while_its_operator_is_there(redis_url: str, session: str) -> None:
    """Somebody may remove an operator by hand; another of that name has not given it."""
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        code = await begin_grant(pipe, keys, WANTED, await signed_in(pipe, keys), DAY_MS)
        refresh = (await redeem(pipe, keys, code))[1]
        await pipe.send("HDEL", keys.operators, "anna")
        without = await find_grant(pipe, keys, grant_id(code)), await redeem(pipe, keys, refresh)
        await add_operator(pipe, keys, Operator("anna", HASH))
        again = await find_grant(pipe, keys, grant_id(code)), await redeem(pipe, keys, refresh)

    assert without == again == (None, ("unknown", ""))
