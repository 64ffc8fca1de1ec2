"""A sign-in lasts until its time, its end, its operator's removal, or a loss of Redis's data."""

import pytest

from bridge.bus.identity.operators import Operator, add_operator, operator_names
from bridge.bus.identity.sign_ins import (
    MOST,
    begin_sign_in,
    end_sign_in,
    end_sign_ins_of,
    remove_operator,
    sign_in_id,
    sign_ins,
    signed_in_operator,
    void_identities,
)
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.bus import pipe_to


async def signed_in(pipe: CommandPipeline, keys: Keys, name: str = "anna", lasts_ms: int = 60_000) -> str:
    await add_operator(pipe, keys, Operator(name, "$argon2id$hash"))
    return await begin_sign_in(pipe, keys, name, "command line", lasts_ms)


async def test_a_token_tells_who_is_signed_in_and_redis_has_its_digest_alone(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        token = await signed_in(pipe, keys)
        who, guessed = await signed_in_operator(pipe, keys, token), await signed_in_operator(pipe, keys, token[:-1])
        kept = await sign_ins(pipe, keys)

    assert (who, guessed) == ("anna", "")
    assert list(kept) == [sign_in_id(token)]
    assert token not in repr(kept)
    (one,) = kept.values()
    assert (one.operator, one.via, one.until_ms - one.begun_ms) == ("anna", "command line", 60_000)


async def test_who_is_added_anew_has_no_sign_in_of_before(redis_url: str, session: str) -> None:
    """As where the last operator has forgotten the passphrase, and was removed by redis-cli."""
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        before, others = await signed_in(pipe, keys), await signed_in(pipe, keys, "bert")
        await pipe.send("HDEL", keys.operators, "anna")
        await add_operator(pipe, keys, Operator("anna", "$argon2id$another"))
        who = [await signed_in_operator(pipe, keys, each) for each in (before, others)]

    assert who == ["", "bert"]


@pytest.mark.parametrize(
    "written",
    [
        b"", b"[]", b"7", b"{}", b'{"operator":"anna","epoch":""}',
        b'{"operator":"anna","epoch":"","begun_ms":"x","until_ms":{}}',
        b'{"operator":{},"epoch":"","begun_ms":1,"until_ms":9e15}',
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_no_sign_in_and_stops_nobody(redis_url: str, session: str, written: bytes) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await add_operator(pipe, keys, Operator("anna", "$argon2id$hash"))
        await pipe.send("HSET", keys.sign_ins, sign_in_id("odd"), written)
        odd = await signed_in_operator(pipe, keys, "odd")
        right = await signed_in(pipe, keys)

        assert (odd, await signed_in_operator(pipe, keys, right)) == ("", "anna")


async def test_nobody_unknown_signs_in(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as pipe:
        assert await begin_sign_in(pipe, Keys(session), "bert", "command line") == ""


async def test_a_sign_in_that_is_over_is_none(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        over = await signed_in(pipe, keys, lasts_ms=0)
        assert await signed_in_operator(pipe, keys, over) == ""
        await begin_sign_in(pipe, keys, "anna", "command line")  # takes it away, too

        assert len(await sign_ins(pipe, keys)) == 1


async def test_one_is_ended_and_all_of_an_operator_are(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        tokens = [await signed_in(pipe, keys) for _ in range(3)]
        others = await signed_in(pipe, keys, "bert")
        assert await end_sign_in(pipe, keys, sign_in_id(tokens[0]))
        assert not await end_sign_in(pipe, keys, sign_in_id(tokens[0]))
        one_ended = [await signed_in_operator(pipe, keys, each) for each in tokens]
        ended = await end_sign_ins_of(pipe, keys, "anna")
        all_ended = [await signed_in_operator(pipe, keys, each) for each in [*tokens, others]]

    assert one_ended == ["", "anna", "anna"]
    assert (ended, all_ended) == (2, ["", "", "", "bert"])


async def test_an_operator_who_is_removed_is_signed_in_nowhere(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        token, other = await signed_in(pipe, keys), await signed_in(pipe, keys, "bert")
        assert await remove_operator(pipe, keys, "anna")
        assert not await remove_operator(pipe, keys, "anna")
        await add_operator(pipe, keys, Operator("anna", "$argon2id$another"))
        who = [await signed_in_operator(pipe, keys, each) for each in (token, other)]

        assert (who, await operator_names(pipe, keys)) == (["", "bert"], ["anna", "bert"])


async def test_a_sign_in_of_an_operator_that_is_gone_counts_no_more(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        token = await signed_in(pipe, keys)
        await pipe.send("HDEL", keys.operators, "anna")

        assert await signed_in_operator(pipe, keys, token) == ""


async def test_every_sign_in_is_void_in_a_new_epoch_and_the_next_is_good(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        first = await signed_in(pipe, keys)
        await void_identities(pipe, keys)
        assert await signed_in_operator(pipe, keys, first) == ""  # the next one takes it away
        second = await signed_in(pipe, keys)
        await void_identities(pipe, keys)
        third = await signed_in(pipe, keys)
        who = [await signed_in_operator(pipe, keys, each) for each in (first, second, third)]

    assert who == ["", "", "anna"]


async def test_what_can_not_be_read_signs_nobody_in_and_does_not_stop_others(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        damaged = "some token"
        for value in ("{", "[]", "null", '"anna"'):
            await pipe.send("HSET", keys.sign_ins, sign_in_id(damaged), value)
            assert await signed_in_operator(pipe, keys, damaged) == ""
            assert await sign_ins(pipe, keys) == {}
        token = await signed_in(pipe, keys)

        assert await signed_in_operator(pipe, keys, token) == "anna"


async def test_a_sign_in_of_the_future_is_none(redis_url: str, session: str) -> None:
    """As after the server's clock was put back: nobody knows how old it is."""
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        token = await signed_in(pipe, keys)
        (kept,) = (await pipe.send("HVALS", keys.sign_ins),)
        later = kept[0].replace(b'"begun_ms":1', b'"begun_ms":9')
        await pipe.send("HSET", keys.sign_ins, sign_in_id(token), later)

        assert await signed_in_operator(pipe, keys, token) == ""


async def test_of_too_many_the_oldest_gives_way(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        first = await signed_in(pipe, keys)
        (kept,) = await pipe.send("HVALS", keys.sign_ins)
        older = kept.replace(b'"begun_ms":1', b'"begun_ms":0')
        await pipe.send("HSET", keys.sign_ins, sign_in_id(first), older)
        tokens = [await signed_in(pipe, keys) for _ in range(MOST)]

        assert len(await sign_ins(pipe, keys)) == MOST
        assert await signed_in_operator(pipe, keys, first) == ""
        assert await signed_in_operator(pipe, keys, tokens[0]) == "anna"
