"""Watched figures: one request for all watches of a figure, and none without a watch."""

import asyncio
import re
from typing import Any

from ibgateway.simulator.server.server import Simulator
from tests.stacks.alerts import alerts, fired, watch
from tests.stacks.worker import trading

REQ_PNL, REQ_SUMMARY = 92, 62
FAR = 1e9


async def test_a_value_fires_for_its_account_in_its_currency(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        id = await watch(front, event="account_value", tag="AvailableFunds", currency="USD", above=1)
        (event,) = await fired(front)

    assert event.details["watch"] == id
    assert (event.details["tag"], event.details["currency"]) == ("AvailableFunds", "USD")
    assert event.details["value"] > 1
    assert event.account


async def test_watches_of_one_figure_share_its_requests(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        for each in range(5):
            await watch(front, event="daily_pnl", below=-FAR + each)
        await asyncio.sleep(3)

        assert 1 <= len(sim.journal.entries("in", REQ_PNL)) <= 3
        assert len(sim.journal.entries("in", REQ_SUMMARY)) <= 1  # the account's record takes one at the start
        assert await alerts(front) == []


async def test_a_tag_that_the_account_has_not_is_never_met(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        await watch(front, event="account_value", tag="NoSuchTag", above=1)
        await watch(front, event="position_pnl", symbol="SPY", below=FAR)
        (event,) = await fired(front)

    assert event.details["event"] == "position_pnl"
    assert event.symbol == "SPY"


async def test_an_alert_is_told_with_the_figure_as_it_is_and_whether_it_fires_at_once(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async def said(**event: Any) -> str:
        return str((await front.ask("create_alert", events=[event]))["message"])

    async with trading(redis_url, session, sim) as front:
        met = await said(event="daily_pnl", below=FAR)
        far = await said(event="daily_pnl", below=-FAR)
        held = await said(event="position_pnl", symbol="SPY", below=-FAR)
        funds = await said(event="account_value", tag="AvailableFunds", above=1)
        none = await said(event="account_value", tag="NoSuchTag", above=1)
        listed = (await front.ask("get_alerts"))["alerts"]

    assert re.match(r"daily_pnl of DU1234567 \(-?[0-9.]+ now\): fires below 1000000000\. That is true already: ", met)
    assert re.match(r"daily_pnl of DU1234567 \(-?[0-9.]+ now\): fires below -1000000000\. Nobody", far)
    assert re.match(r"position_pnl of SPY in DU1234567 \(-?[0-9.]+ now\): fires below -1000000000\. Nobody", held)
    assert re.match(r"AvailableFunds of DU1234567 \([0-9.]+ now\): fires above 1\. That is true already: ", funds)
    assert none.startswith("NoSuchTag of DU1234567 (no value yet): fires above 1. Nobody")
    (again,) = [
        each["message"]
        for each in listed
        if each["events"][0].get("below") == -FAR and "symbol" not in each["events"][0]
    ]
    assert re.match(r"daily_pnl of DU1234567 \(-?[0-9.]+ now\)", again)
