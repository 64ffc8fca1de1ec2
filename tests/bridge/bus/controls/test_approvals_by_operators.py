"""Approvals where there are operators: only one who is signed in approves, and only while the sign-in lasts."""

import pytest

from bridge.bus.controls.approvals import (
    approval_state,
    ask_approval,
    give_approval,
    waiting_approvals,
)
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.identity.sign_ins import (
    begin_sign_in,
    end_sign_ins_of,
    remove_operator,
    sign_in_id,
    void_identities,
)
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from tests.bridge.bus.controls.test_approvals import WANTED, by_form
from tests.stacks.bus import KEY, pipe_to


async def an_operator_signed_in(pipe: CommandPipeline, keys: Keys) -> str:
    await add_operator(pipe, keys, Operator("anna", "$argon2id$hash"))
    return sign_in_id(await begin_sign_in(pipe, keys, "anna", "command line"))


async def test_where_there_are_operators_only_one_who_is_signed_in_approves(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED)
        sign_in = await an_operator_signed_in(pipe, keys)
        for no_sign_in in ("", "guessed"):
            with pytest.raises(PermissionError, match="signed in"):
                await give_approval(pipe, keys, KEY, WANTED.digest, "operator root", no_sign_in)
        before = (await approval_state(pipe, keys, KEY)).state
        given = await give_approval(pipe, keys, KEY, WANTED.digest, "operator anna", sign_in)
        found, after = await ask_approval(pipe, keys, WANTED), (await approval_state(pipe, keys, KEY)).state

    assert (before, given, after, found) == ("asked", True, "approved", "operator anna")


@pytest.mark.parametrize("ended", ["signed out", "removed", "voided"])
async def test_an_approval_counts_while_its_sign_in_lasts(redis_url: str, session: str, ended: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        sign_in = await an_operator_signed_in(pipe, keys)
        await add_operator(pipe, keys, Operator("bert", "$argon2id$hash"))
        await ask_approval(pipe, keys, WANTED)
        await give_approval(pipe, keys, KEY, WANTED.digest, "operator anna", sign_in)
        match ended:
            case "signed out":
                await end_sign_ins_of(pipe, keys, "anna")
            case "removed":
                await remove_operator(pipe, keys, "anna")
            case "voided":
                await void_identities(pipe, keys)
        state = (await approval_state(pipe, keys, KEY)).state
        found = await ask_approval(pipe, keys, WANTED)
        waiting = await waiting_approvals(pipe, keys)

    assert (state, found, [each.key for each in waiting]) == ("asked", "", [KEY])


@pytest.mark.parametrize("way", ["signed out first", "removed", "by redis-cli"])
async def test_what_a_sign_in_approved_stays_void_when_the_last_operator_goes(
    redis_url: str, session: str, way: str
) -> None:
    """A session without operators takes approvals without a sign-in, and none of one that has ended."""
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        sign_in = await an_operator_signed_in(pipe, keys)
        await ask_approval(pipe, keys, WANTED)
        await give_approval(pipe, keys, KEY, WANTED.digest, "operator anna", sign_in)
        if way == "signed out first":
            await end_sign_ins_of(pipe, keys, "anna")
        if way == "by redis-cli":
            await pipe.send("HDEL", keys.operators, "anna")
        else:
            await remove_operator(pipe, keys, "anna")
        state = (await approval_state(pipe, keys, KEY)).state
        found = await ask_approval(pipe, keys, WANTED)
        with pytest.raises(PermissionError, match="signed in"):
            await give_approval(pipe, keys, KEY, WANTED.digest, "operator anna", sign_in)
        given = await give_approval(pipe, keys, KEY, WANTED.digest, "operator root")

    assert (state, found, given) == ("asked", "", True)


async def test_an_approval_that_is_written_by_hand_counts_for_nothing(redis_url: str, session: str) -> None:
    """As by a front that was taken over, and may write more than it should."""
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await an_operator_signed_in(pipe, keys)
        await ask_approval(pipe, keys, WANTED)
        forged = ("by", "operator anna", "sign_in", "guessed", "form", "1")
        await pipe.send("HSET", keys.approval(KEY), *forged)

        assert await ask_approval(pipe, keys, WANTED) == ""


async def test_an_approval_from_before_the_first_operator_counts_no_more(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED)
        await give_approval(pipe, keys, KEY, WANTED.digest, "operator root")
        before = await ask_approval(pipe, keys, WANTED)
        await add_operator(pipe, keys, Operator("anna", "$argon2id$hash"))

        assert (before, await ask_approval(pipe, keys, WANTED)) == ("operator root", "")


async def test_a_form_still_approves_where_forms_are_allowed_and_only_there(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await an_operator_signed_in(pipe, keys)
        await ask_approval(pipe, keys, WANTED, "challenge-1")
        word = await by_form(pipe, session, "challenge-1")
        allowed = await ask_approval(pipe, keys, WANTED, "challenge-2")
        not_allowed = await ask_approval(pipe, keys, WANTED)

    assert (word, allowed, not_allowed) == ("approved", "claude, by a form in the client", "")


async def test_operators_that_can_not_be_read_are_some(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await ask_approval(pipe, keys, WANTED)
        await pipe.send("SET", keys.operators, "damaged")
        with pytest.raises(PermissionError):
            await give_approval(pipe, keys, KEY, WANTED.digest, "operator root")
