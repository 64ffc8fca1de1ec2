"""Watched prices: decided at each price, on one line that stays while it is needed."""

import asyncio

from ibgateway.simulator.server.server import Simulator
from tests.stacks.alerts import alerts, fired, watch
from tests.stacks.worker import trading
from tests.waiting import until

FAR = 1_000_000
JUMP = "rewrite 1 4 2000000"
REFUSED = "on reqMktData 1 answer 354 Requested market data is not subscribed."


async def test_a_price_that_jumps_over_the_level_fires_once(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        id = await watch(front, event="price", symbol="SPY", above=FAR)
        assert await watch(front, event="price", symbol="SPY", above=FAR) == id
        await asyncio.sleep(1)
        assert await alerts(front) == []
        sim.fault(JUMP)
        (event,) = await fired(front)
        await asyncio.sleep(1)

        assert len(await alerts(front)) == 1
        assert (event.symbol, event.conId, event.details["watch"]) == ("SPY", 756733, id)
        assert event.details["price"] >= FAR
        assert len(sim.journal.entries("in", 1)) == 1


async def test_a_connection_that_is_lost_ends_no_watch(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await watch(front, event="price", symbol="SPY", above=FAR)
        sim.fault("close")
        await until(lambda: len(sim.journal.entries("in", 1)) == 2, "the line is asked for anew")
        sim.fault(JUMP)

        assert len(await fired(front)) == 1


async def test_a_line_goes_when_its_watch_has_fired_and_nobody_listens(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await watch(front, event="price", symbol="SPY", above=1)
        await fired(front)

        async def freed() -> bool:
            return bool((await front.status())["market_data_lines"] == 0)

        await until(freed, "the line is given back", timeout_s=60)


async def test_an_alert_says_why_no_price_comes_until_one_does(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        condition = {"event": "price", "symbol": "SPY", "above": FAR}
        made = await front.ask("create_alert", events=[condition])
        assert (await front.ask("get_alerts"))["alerts"][0]["message"].startswith("SPY (")
        sim.fault(REFUSED)
        sim.fault("close")

        async def told() -> bool:
            (alert,) = (await front.ask("get_alerts"))["alerts"]
            assert alert["alertId"] == made["alertId"]
            return "No price of SPY comes: " in alert["message"]

        await until(told, "the alert says it", timeout_s=30)

        async def priced() -> bool:
            return not await told()

        await until(priced, "prices come again", timeout_s=30)
