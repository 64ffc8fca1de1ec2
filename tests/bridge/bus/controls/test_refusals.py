"""The queue of the operator's refusals, on a real server."""

from bridge.bus.controls.approvals import Approval, ask_approval, refuse_approval
from bridge.bus.controls.refusals import drop_refusal, next_refusal
from bridge.bus.keys import Keys
from tests.stacks.bus import KEY, pipe_to


async def test_a_refusal_stays_queued_until_it_is_dropped(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await pipe.send("SET", keys.refusals, "something else was written over it")
        nothing = await next_refusal(pipe, keys)
        await ask_approval(pipe, keys, Approval(KEY, "digest-1", "claude", "BUY 1 AAPL"))
        await refuse_approval(pipe, keys, KEY, "digest-1", "anna", 'too "large"')
        await pipe.send("LPUSH", keys.refusals, "{}")  # which can't be read
        found, again = await next_refusal(pipe, keys), await next_refusal(pipe, keys)
        assert found is not None
        await drop_refusal(pipe, keys, found)
        left = await next_refusal(pipe, keys)

    assert (nothing, found, left) == (None, again, None)
    assert (found.key, found.by, found.reason) == (KEY, "anna", 'too "large"')
