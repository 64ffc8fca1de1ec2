"""Confirmation tokens on a real server: each confirms for one key, on any replica, for its time."""

import pytest

from bridge.bus.controls.confirmation_tokens import TOKEN_S, USED_S, TokenGrant, store_preview, take_preview
from bridge.bus.controls.kill_switch import clear_halt, set_halt
from bridge.bus.keys import Keys
from tests.stacks.bus import KEY, pipe_to

SHOWN = TokenGrant("claude", "terms-1", 99.0, 101.0)


async def test_a_token_confirms_for_the_key_that_used_it_first_and_no_other(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await store_preview(pipe, keys, "token-1", SHOWN)
        found = [await take_preview(pipe, keys, "token-1", key) for key in (KEY, "another-key", KEY)]

    assert found == [SHOWN, None, SHOWN]


async def test_a_token_that_nobody_gave_confirms_nothing(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await store_preview(pipe, keys, "token-1", SHOWN)
        assert await take_preview(pipe, keys, "token-2", KEY) is None
        assert await take_preview(pipe, Keys("other"), "token-1", KEY) is None


async def test_a_token_lives_longer_once_its_order_waits(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await store_preview(pipe, keys, "token-1", SHOWN)
        fresh_ms = await pipe.send("PTTL", keys.preview("token-1"))
        await take_preview(pipe, keys, "token-1", KEY)
        used_ms = [await pipe.send("PTTL", each("token-1")) for each in (keys.preview, keys.preview_user)]

    assert TOKEN_S - 5 < fresh_ms / 1000 <= TOKEN_S
    assert all(USED_S - 5 < each / 1000 <= USED_S for each in used_ms)
    assert USED_S > TOKEN_S


@pytest.mark.trial("A29")
@pytest.mark.parametrize("used", [False, True])
async def test_a_token_from_before_a_halt_confirms_nothing_after_it(redis_url: str, session: str, used: bool) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await store_preview(pipe, keys, "token-1", SHOWN)
        if used:
            assert await take_preview(pipe, keys, "token-1", KEY) == SHOWN
        await set_halt(pipe, keys, "halt", "anna", "odd fills")
        during = await take_preview(pipe, keys, "token-1", KEY)
        await clear_halt(pipe, keys, "anna")
        after = await take_preview(pipe, keys, "token-1", KEY)
        await store_preview(pipe, keys, "token-2", SHOWN)
        anew = await take_preview(pipe, keys, "token-2", KEY)

    assert (during, after) == (None, None)
    assert anew is not None
