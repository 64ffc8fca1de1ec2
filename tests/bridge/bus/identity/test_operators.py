"""Operators in Redis: one of a name, and a one-time code is used once."""

import pytest

from bridge.bus.identity.operators import (
    Operator,
    add_operator,
    find_operator,
    operator_name,
    operator_names,
    take_totp_step,
)
from bridge.bus.keys import Keys
from tests.stacks.bus import pipe_to

ANNA = Operator("anna", "$argon2id$hash", "SECRET", 5)


async def test_an_operator_is_found_as_it_was_added(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        added = await add_operator(pipe, keys, ANNA)
        found, other = await find_operator(pipe, keys, "anna"), await find_operator(pipe, keys, "bert")
        names = await operator_names(pipe, keys)

    assert (added, found, other, names) == (True, ANNA, None, ["anna"])


async def test_a_name_that_is_taken_changes_nothing(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await add_operator(pipe, keys, ANNA)
        again = await add_operator(pipe, keys, Operator("anna", "$argon2id$another"))
        found = await find_operator(pipe, keys, "anna")

    assert (again, found) == (False, ANNA)


async def test_a_one_time_code_is_used_once_and_never_an_older_one(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await add_operator(pipe, keys, ANNA)
        taken = [await take_totp_step(pipe, keys, "anna", step) for step in (5, 59_867_051, 59_867_051, 59_867_050)]
        unknown = await take_totp_step(pipe, keys, "bert", 1)
        found = await find_operator(pipe, keys, "anna")

    assert (taken, unknown) == ([False, True, False, False], False)
    assert found == Operator("anna", "$argon2id$hash", "SECRET", 59_867_051)


async def test_a_damaged_record_is_named_and_still_counts_as_an_operator(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await pipe.send("HSET", keys.operators, "anna", "{")
        with pytest.raises(ValueError, match="Remove the operator and add it"):
            await find_operator(pipe, keys, "anna")
        names = await operator_names(pipe, keys)

    assert names == ["anna"]


@pytest.mark.parametrize(("written", "name"), [("anna", "anna"), (" Anna.B ", "anna.b"), ("7of9", "7of9")])
def test_a_name_is_kept_in_small_letters(written: str, name: str) -> None:
    assert operator_name(written) == name


@pytest.mark.parametrize("written", ["", "-anna", "anna b", "a" * 33, "änna", "a\nb"])
def test_what_is_no_name_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="1-32 of a-z"):
        operator_name(written)
