"""Quote lines, depth, tick by tick and what keeps bars up to date: what they send, and when they stop."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from ibgateway.simulator.handlers.depth import row_changes
from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.model.values import DepthLevel
from ibgateway.simulator.server.server import Simulator
from ibgateway.simulator.wire.messages.market_data import DELETE, INSERT, UPDATE
from tests.stacks.ibgateway.order_frames import SPY, watch
from tests.stacks.ibgateway.raw_client import Raw, started

EURUSD = (0, "EUR", "CASH", "", "", "", "", "IDEALPRO", "", "USD", "", "")
SPX = (0, "SPX", "IND", "", "", "", "", "CBOE", "", "USD", "", "")
ES = (0, "ES", "FUT", "202509", "", "", "", "CME", "", "USD", "", "")
SUNDAY = datetime(2025, 6, 15, 12, tzinfo=ZoneInfo("US/Eastern")).timestamp()


def kinds(frames: list[list[str]], msgId: str) -> set[str]:
    return {frame[3] for frame in frames if frame[0] == msgId}


async def test_a_line_begins_with_its_parameters_its_type_and_a_full_picture(client: Raw) -> None:
    watch(client, 7)

    told = await client.everything()

    assert [frame[0] for frame in told[:2]] == ["81", "58"]
    assert told[0][1:3] == ["7", "0.01"]
    assert told[1] == ["58", "1", "7", "1"]
    assert kinds(told, "1") == {"1", "2", "4", "6", "7", "9", "14"}  # bid ask last high low close open
    assert kinds(told, "2") == {"8"}  # volume
    assert {"45", "84"} <= kinds(told, "46")  # last time and exchange


async def test_exchanges_are_told_by_the_letters_of_smart_components(client: Raw) -> None:
    watch(client)
    told = [frame for frame in await client.everything() if frame[0] == "46" and frame[3] in {"32", "33", "84"}]
    client.send(83, 9, "9c0001")
    components = (await client.until("82"))[-1]

    assert {frame[3] for frame in told} == {"32", "33", "84"}
    assert {frame[4] for frame in told} <= set(components[5::3])


async def test_two_clients_of_one_contract_cost_one_line_and_see_the_same_ticks(sim: Simulator, client: Raw) -> None:
    async with started(sim.port, clientId=2) as other:
        watch(client, 7)
        await client.everything()
        watch(other, 8)
        await other.everything()
        assert len(sim.gateway.feeds) == 1
        since = sim.journal.last
        for _ in range(10):
            sim.skip(1)
        ours, theirs = ([one.fields for one in sim.journal.entries("out", None, n, since)] for n in (1, 2))

    assert len(ours) > 10
    # The kind of tick and what it says: all but the request id.
    assert [(one[0], one[3:]) for one in ours] == [(one[0], one[3:]) for one in theirs]


async def test_a_line_is_freed_when_its_last_client_leaves(sim: Simulator) -> None:
    async with started(sim.port, clientId=2) as one:
        watch(one, 7)
        await one.everything()
        assert len(sim.gateway.feeds) == 1
    async with started(sim.port, clientId=3) as other:
        await other.everything()

    assert len(sim.gateway.feeds) == 0


async def test_a_request_id_in_use_is_refused_and_free_after_its_cancellation(client: Raw) -> None:
    watch(client, 7)
    await client.everything()
    watch(client, 7)
    assert (await client.until("4"))[-1][1:3] == ["7", "322"]

    client.send(2, 2, 7)
    watch(client, 7)

    assert "4" not in {frame[0] for frame in await client.everything()}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ((2, 2, 99), "300"),
        ((11, 1, 99, 0), "310"),
        ((98, 99), "300"),
        ((51, 1, 99), "300"),
        ((25, 1, 99), "366"),
        ((23, 1, 99), "365"),
        ((93, 99), "300"),
        ((95, 99), "300"),
    ],
)
async def test_what_is_not_there_can_not_be_cancelled(client: Raw, fields: tuple[int, ...], code: str) -> None:
    client.send(*fields)

    assert (await client.read())[2] == code


async def test_a_snapshot_with_generic_ticks_is_refused(client: Raw) -> None:
    watch(client, 7, generics="233", snapshot=1)

    assert (await client.read())[1:3] == ["7", "321"]


async def test_an_unknown_generic_tick_is_refused_with_the_legal_ones(client: Raw) -> None:
    watch(client, 7, generics="233,999")

    refusal = await client.read()

    assert refusal[2] == "321"
    assert "999" in refusal[3]
    assert "233(RTVolume)" in refusal[3]


async def test_rt_volume_adds_up(sim: Simulator, client: Raw) -> None:
    watch(client, 7, generics="233")
    await client.everything()
    for _ in range(20):
        sim.skip(1)

    prints = [frame[4].split(";") for frame in await client.everything() if frame[0] == "46" and frame[3] == "48"]

    assert len(prints) > 5
    for before, after in pairwise(prints):
        assert int(after[3]) - int(before[3]) == int(after[1])
        assert after[2] >= before[2]


async def test_an_index_has_no_quotes_and_forex_no_last(client: Raw) -> None:
    watch(client, 7, SPX)
    index = await client.everything()
    watch(client, 8, EURUSD)
    forex = await client.everything()

    assert "4" in kinds(index, "1")
    assert not {"1", "2"} & kinds(index, "1")
    assert {"1", "2"} <= kinds(forex, "1")
    assert "4" not in kinds(forex, "1")


@pytest.mark.parametrize(("wanted", "told"), [(1, "1"), (2, "2"), (3, "1"), (4, "2")])
async def test_a_closed_market_is_frozen_for_who_asks_for_frozen(wanted: int, told: str) -> None:
    async with Simulator(SimulatorConfig(start=SUNDAY)) as sim, started(sim.port) as client:
        client.send(59, 1, wanted)
        watch(client, 7)

        assert (await client.until("58"))[-1][3] == told


async def test_an_open_market_is_live_for_who_asks_for_frozen(client: Raw) -> None:
    client.send(59, 1, 2)
    watch(client, 7)

    assert (await client.until("58"))[-1][3] == "1"


@pytest.mark.parametrize("version", [157, 158, 159, 162, 163, 200])
async def test_before_159_us_stocks_sizes_are_counted_in_hundreds(version: int) -> None:
    slow = SimulatorConfig(time_factor=0.001)  # so that both see the same instant
    async with (
        Simulator(slow) as sim,
        started(sim.port, clientId=3) as shares,
        started(sim.port, version, clientId=2) as client,
    ):
        watch(shares, 7, snapshot=1)
        watch(client, 7, snapshot=1)
        in_shares = {frame[3]: int(frame[5]) for frame in await shares.until("57") if frame[0] == "1"}
        seen = {frame[3]: int(frame[5]) for frame in await client.until("57") if frame[0] == "1"}

    lot = 100 if version < 159 else 1
    assert seen["1"] == in_shares["1"] // lot


async def test_ten_levels_of_depth_of_a_futures_exchange(sim: Simulator, client: Raw) -> None:
    client.send(10, 5, 7, *ES, 10, 0, "")
    told = await client.everything()
    book: dict[tuple[str, str], float] = {}
    apply(book, told, "12")
    assert len(book) == 20

    for _ in range(20):
        sim.skip(1)
    apply(book, await client.everything(), "12")

    bids = [book["1", str(row)] for row in range(10)]
    asks = [book["0", str(row)] for row in range(10)]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


def apply(book: dict[tuple[str, str], float], frames: list[list[str]], msgId: str) -> None:
    for frame in frames:
        if frame[0] == msgId:
            position, operation, side, price = frame[3:7]
            if operation == "2":
                del book[side, position]
            else:
                book[side, position] = float(price)


async def test_smart_depth_names_the_venues(client: Raw) -> None:
    client.send(10, 5, 7, *SPY, 5, 1, "")

    told = await client.everything()

    assert {frame[0] for frame in told} == {"13"}
    assert all(frame[4] for frame in told)
    assert {frame[9] for frame in told} == {"1"}


def test_rows_that_change_come_and_go() -> None:
    one, two, three = (DepthLevel(price, 1) for price in (1.0, 2.0, 3.0))  # type: ignore[arg-type]

    assert row_changes([], [one]) == [(0, INSERT, one)]
    assert row_changes([one, two], [one, three]) == [(1, UPDATE, three)]
    assert row_changes([one, two, three], [two]) == [(0, UPDATE, two), (2, DELETE, three), (1, DELETE, two)]


@pytest.mark.parametrize(("limit", "request_", "code"), [("depth", 10, "309"), ("ticks", 97, "10190")])
async def test_depth_and_tick_by_tick_have_their_own_limits(
    sim: Simulator, client: Raw, limit: str, request_: int, code: str
) -> None:
    sim.fault(f"limit {limit} 1")
    for reqId in (7, 8):
        fields = (10, 5, reqId, *SPY, 5, 1, "") if request_ == 10 else (97, reqId, *SPY, "Last", 0, 0)
        client.send(*fields)

    refusals = [frame for frame in await client.everything() if frame[0] == "4"]
    assert [one[1:3] for one in refusals] == [["8", code]]


async def test_tick_by_tick_tells_every_print_and_quote_of_the_world(sim: Simulator, client: Raw) -> None:
    client.send(97, 7, *SPY, "AllLast", 0, 0)
    client.send(97, 8, *SPY, "BidAsk", 0, 0)
    client.send(97, 9, *SPY, "MidPoint", 0, 0)
    await client.everything()
    for _ in range(10):
        sim.skip(1)

    told = [frame for frame in await client.everything() if frame[0] == "99"]

    by_id = {reqId: [frame for frame in told if frame[1] == reqId] for reqId in ("7", "8", "9")}
    assert all(len(frames) > 3 for frames in by_id.values())
    assert {frame[2] for frame in by_id["7"]} == {"2"}
    for frame in by_id["8"]:
        assert float(frame[4]) < float(frame[5])


async def test_tick_by_tick_begins_with_past_ticks_where_some_are_asked_for(client: Raw) -> None:
    client.send(97, 7, *SPY, "Last", 5, 0)

    told = await client.everything()

    assert told[0][0] == "98"
    assert int(told[0][2]) >= 5


async def test_real_time_bars_come_every_five_seconds_without_a_gap(sim: Simulator, client: Raw) -> None:
    client.send(50, 3, 7, *SPY, 5, "TRADES", 0, "")
    await client.everything()
    for _ in range(30):
        sim.skip(1)
    sim.skip(12)

    times = [int(frame[3]) for frame in await client.everything() if frame[0] == "50"]

    assert times == list(range(times[0], times[-1] + 1, 5))
    assert times[0] % 5 == 0
    assert len(times) >= 7


async def test_a_bar_that_is_kept_up_to_date_is_the_same_bar_later(sim: Simulator, client: Raw) -> None:
    sim.skip(30)
    client.send(20, 7, *SPY, 0, "", "1 min", "1800 S", 0, "TRADES", 2, 1, "")
    bars = next(frame for frame in await client.everything() if frame[0] == "17")
    last = bars[3:][-8:]
    for _ in range(40):
        sim.skip(5)

    updates = [frame for frame in await client.everything() if frame[0] == "90"]

    assert updates[0][3] == last[0]
    assert len({frame[3] for frame in updates}) >= 3
    client.send(20, 8, *SPY, 0, "", "1 min", "1800 S", 0, "TRADES", 2, 0, "")
    again = next(frame for frame in await client.everything() if frame[0] == "17")[3:]
    rows = {again[at]: again[at : at + 8] for at in range(0, len(again), 8)}
    for start in sorted({frame[3] for frame in updates})[:-1]:
        final = [frame for frame in updates if frame[3] == start][-1]
        _, opened, high, low, close, volume, wap, count = rows[start]
        assert final[2:] == [count, start, opened, close, high, low, wap, volume]


AAPL = (0, "AAPL", "STK", "", "", "", "", "SMART", "", "USD", "", "")
BAG = (0, "SPY", "BAG", "", "", "", "", "SMART", "", "USD", "", "")


async def test_a_combinations_quote_is_what_its_legs_cost() -> None:
    slow = SimulatorConfig(time_factor=0.001)  # so that all three are of the same instant
    async with Simulator(slow) as sim, started(sim.port) as client:
        ids = [await conId(client, contract) for contract in (SPY, AAPL)]
        legs = (2, ids[0], 2, "BUY", "SMART", ids[1], 1, "SELL", "SMART")
        client.send(1, 11, 7, *BAG, *legs, 0, "", 1, 0, "")
        watch(client, 8, SPY, snapshot=1)
        watch(client, 9, AAPL, snapshot=1)

        told = [*await client.until("57", "7"), *await client.until("57", "9")]

    price = {(frame[2], frame[3]): float(frame[4]) for frame in told if frame[0] == "1"}
    assert price["7", "1"] == pytest.approx(2 * price["8", "1"] - price["9", "2"])
    assert price["7", "2"] == pytest.approx(2 * price["8", "2"] - price["9", "1"])


async def conId(client: Raw, contract: tuple[object, ...]) -> str:
    client.send(9, 8, 1, *contract, 0, "", "", "")
    return next(frame[13] for frame in await client.until("52") if frame[0] == "10")


async def test_a_combinations_bars_are_the_sums_of_its_legs(client: Raw) -> None:
    ids = [await conId(client, contract) for contract in (SPY, AAPL)]
    legs = (2, ids[0], 1, "BUY", "SMART", ids[1], 1, "SELL", "SMART")
    end = "20250610-19:00:00"
    client.send(20, 1, *BAG, 0, end, "5 mins", "3600 S", 1, "MIDPOINT", 2, *legs, 0, "")
    client.send(20, 2, *SPY, 0, end, "5 mins", "3600 S", 1, "MIDPOINT", 2, 0, "")
    client.send(20, 3, *AAPL, 0, end, "5 mins", "3600 S", 1, "MIDPOINT", 2, 0, "")

    combo, spy, aapl = [closes(frame) for frame in await client.everything() if frame[0] == "17"]

    assert len(combo) == 12
    assert combo == {time: pytest.approx(spy[time] - aapl[time], abs=0.01) for time in spy}


def closes(frame: list[str]) -> dict[str, float]:
    return {frame[at]: float(frame[at + 4]) for at in range(3, len(frame), 8)}


async def test_a_combination_without_legs_is_refused(client: Raw) -> None:
    client.send(1, 11, 7, *BAG, 0, 0, "", 0, 0, "")

    assert (await client.read())[1:3] == ["7", "321"]
