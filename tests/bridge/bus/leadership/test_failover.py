"""A leader without its gateway and a standby that may have it: what each says, and for how long it holds."""

from bridge.bus.keys import Keys
from bridge.bus.leadership.failover import SAID_MS, FailoverSignals
from tests.stacks.bus import pipe_to


async def test_a_leader_that_asks_hears_of_the_standby_that_offers(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as pipe:
        relief = FailoverSignals(pipe, Keys(session))
        assert not await relief.requested()
        assert not await relief.request()
        assert await relief.requested()
        await relief.offer()
        assert await relief.request()


async def test_what_is_said_holds_for_seconds_and_for_one_session(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        relief, other = FailoverSignals(pipe, keys), FailoverSignals(pipe, Keys("other"))
        await relief.offer()
        await relief.request()
        left_ms = [await pipe.send("PTTL", each) for each in (keys.cut_off, keys.relief)]

        assert not await other.requested()
        assert not await other.request()
    assert all(SAID_MS - 1000 < each <= SAID_MS for each in left_ms)
