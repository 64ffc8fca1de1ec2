"""Every fault behind a gateway: its line of script, and that it happens as stated."""

from __future__ import annotations

import pytest

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import SPY, cancel, limit_order, market_order, watch
from tests.stacks.ibgateway.raw_client import Raw


def sim_price(sim: Simulator) -> float:
    contract = sim.world.resolve(Contract(symbol="SPY", secType="STK", exchange="SMART", currency="USD"))
    bid = sim.world.snapshot(contract).quote.bid
    assert bid is not None
    return bid


def skip_until_filled(sim: Simulator) -> None:
    for _ in range(600):
        if not sim.world.open_orders(1):
            return
        sim.skip(10)
    raise AssertionError("the order does not fill")


async def test_1100_stops_quotes_and_1102_lets_them_go_on(sim: Simulator, client: Raw) -> None:
    watch(client)
    await client.until("1")
    sim.fault("link down")
    assert (await client.until("4"))[-1][2] == "1100"
    after = sim.journal.last
    sim.skip(60)
    assert sim.journal.entries("out", 1, after=after) == []

    sim.fault("link up")
    assert (await client.until("4"))[-1][2] == "1102"
    sim.skip(60)
    assert (await client.until("1"))[-1][2] == "7"


async def test_1101_loses_every_subscription(sim: Simulator, client: Raw) -> None:
    watch(client)
    await client.until("1")
    sim.fault("link down")
    sim.fault("link lost")
    assert [one[2] for one in (await client.until("4", "1101")) if one[0] == "4"] == ["1100", "1101"]
    after = sim.journal.last

    sim.skip(60)

    assert sim.journal.entries("out", 1, after=after) == []
    client.send(2, 2, 7)
    assert (await client.until("4"))[-1][2] == "300"
    watch(client)
    await client.until("1")


async def test_1100_two_hundred_times(sim: Simulator, client: Raw) -> None:
    sim.fault("error 1100 Connectivity lost x200")

    assert [(await client.read())[2] for _ in range(200)] == ["1100"] * 200


async def test_1100_then_the_socket_goes_too(sim: Simulator, client: Raw) -> None:
    sim.fault("link down")
    sim.fault("after 5 reset")
    assert (await client.read())[2] == "1100"

    sim.skip(5)

    assert await client.rest() == []


async def test_fills_during_1100_arrive_inside_it(sim: Simulator, client: Raw) -> None:
    client.send(*limit_order(1, price=sim_price(sim) - 0.05))
    await client.until("3", "Submitted")
    sim.fault("link down")
    await client.until("4")

    skip_until_filled(sim)

    assert (await client.until("3", "Filled"))[-1][2] == "Filled"


async def test_2110_is_followed_by_no_word_of_its_end(sim: Simulator, client: Raw) -> None:
    watch(client)
    await client.until("1")
    sim.fault("server down")
    assert (await client.until("4"))[-1][2] == "2110"
    sim.fault("server up")
    sim.fault("farm ok usfarm")

    assert (await client.until("4"))[-1][2] == "2104"
    sim.skip(60)
    await client.until("1")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("farm broken usfarm", "2103"),
        ("farm ok usfarm", "2104"),
        ("farm idle usfarm", "2108"),
        ("farm connecting usfarm", "2119"),
        ("hmds broken ushmds", "2105"),
        ("hmds ok ushmds", "2106"),
        ("hmds idle ushmds", "2107"),
        ("secdef broken secdefil", "2157"),
        ("secdef ok secdefil", "2158"),
    ],
)
async def test_farm_notices_name_the_farm(sim: Simulator, client: Raw, line: str, code: str) -> None:
    sim.fault(line)

    notice = await client.read()

    assert (notice[1], notice[2]) == ("-1", code)
    assert notice[3].endswith(line.split()[-1])


async def test_a_broken_farm_stops_quotes_but_not_orders(sim: Simulator, client: Raw) -> None:
    watch(client)
    await client.until("1")
    sim.fault("farm broken usfarm")
    await client.until("4")
    after = sim.journal.last
    sim.skip(60)
    client.send(*market_order(1))

    await client.until("11")
    assert sim.journal.entries("out", 1, after=after) == []


async def test_a_competing_session_takes_the_market_data(sim: Simulator, client: Raw) -> None:
    watch(client)
    await client.until("1")
    sim.fault("competing on")
    assert (await client.until("4"))[-1][1:3] == ["7", "10197"]
    watch(client, 8)
    assert (await client.until("4"))[-1][1:3] == ["8", "10197"]

    sim.fault("competing off")
    watch(client, 9)
    assert (await client.until("1", "9"))[-1][2] == "9"


async def test_a_read_only_api_refuses_orders_and_cancellations(sim: Simulator, client: Raw) -> None:
    sim.fault("read-only on")
    client.send(*limit_order(5))
    assert (await client.until("4"))[-1][1:3] == ["5", "321"]
    client.send(*cancel(5))
    assert (await client.until("4"))[-1][1:3] == ["5", "321"]
    assert sim.world.open_orders(None) == []


async def test_more_than_fifty_messages_a_second_are_error_100(sim: Simulator, client: Raw) -> None:
    sim.fault("pacing on")

    for _ in range(51):
        client.send(49, 1)

    answers = [(await client.read()) for _ in range(52)]
    assert [one[2] for one in answers if one[0] == "4"] == ["100"]
    assert "max=50 rec=51" in answers[50][3]


def bars(reqId: int, what: str = "TRADES", end: str = "") -> tuple[object, ...]:
    return (20, reqId, *SPY, 0, end, "1 hour", "1 D", 1, what, 1, 0, "")


async def test_an_identical_historical_request_within_15_s_is_a_pacing_violation(sim: Simulator, client: Raw) -> None:
    sim.fault("pacing on")
    client.send(*bars(1))
    await client.until("108")
    client.send(*bars(2))
    assert (await client.until("4"))[-1][1:3] == ["2", "162"]

    sim.skip(15)
    client.send(*bars(3))
    await client.until("108")


async def test_sixty_historical_requests_in_ten_minutes_are_the_most(sim: Simulator, client: Raw) -> None:
    sim.fault("pacing on")
    sim.fault("limit history 3")
    for number in range(3):
        client.send(*bars(number, end=f"20250610-15:0{number}:00"))
        await client.until("108")

    client.send(*bars(9, end="20250610-16:00:00"))

    assert (await client.until("4"))[-1][1:3] == ["9", "162"]


async def test_bid_ask_counts_twice(sim: Simulator, client: Raw) -> None:
    sim.fault("pacing on")
    sim.fault("limit history 3")
    client.send(*bars(1, "BID_ASK"))
    await client.until("108")

    client.send(*bars(2, "BID_ASK", "20250610-15:00:00"))

    assert (await client.until("4"))[-1][1:3] == ["2", "162"]


async def test_too_many_lines_are_error_101_and_a_shared_one_costs_nothing(sim: Simulator, client: Raw) -> None:
    sim.fault("limit lines 1")
    watch(client, 1)
    await client.until("1")
    watch(client, 2)
    await client.until("1", "2")

    client.send(1, 11, 3, 0, "AAPL", "STK", "", "", "", "", "SMART", "", "USD", "", "", 0, "", 0, 0, "")

    assert (await client.until("4"))[-1][1:3] == ["3", "101"]


@pytest.mark.parametrize(
    ("entitlement", "kind", "code"),
    [("delayed", 1, "354"), ("none", 1, "10089"), ("none", 3, "10168")],
)
async def test_data_that_is_not_subscribed_is_refused(
    sim: Simulator, client: Raw, entitlement: str, kind: int, code: str
) -> None:
    sim.fault(f"entitlement {entitlement}")
    client.send(59, 1, kind)
    watch(client)

    assert (await client.until("4"))[-1][1:3] == ["7", code]


async def test_delayed_data_says_so_and_has_its_own_tick_types(sim: Simulator, client: Raw) -> None:
    sim.fault("entitlement delayed")
    client.send(59, 1, 3)
    client.send(1, 11, 7, *SPY, 0, "", 1, 0, "")

    told = await client.until("57")

    assert [frame[2] for frame in told if frame[0] == "4"] == ["10167"]
    assert [frame[3] for frame in told if frame[0] == "58"] == ["3"]
    assert {frame[3] for frame in told if frame[0] == "1"} >= {"66", "67", "68", "75"}


async def test_a_halt_stops_a_stocks_quotes_until_it_resumes(sim: Simulator, client: Raw) -> None:
    watch(client)
    await client.until("45")
    sim.fault("halt SPY 300")
    sim.skip(1)
    assert (await client.until("45"))[-1][3:] == ["49", "1.0"]
    after = sim.journal.last
    sim.skip(200)
    assert [one.fields for one in sim.journal.entries("out", 1, after=after) if one.fields[3] in {"1", "2", "4"}] == []

    sim.skip(200)

    assert (await client.until("45", "0.0"))[-1][3] == "49"
    sim.skip(60)
    await client.until("1")


async def test_fills_during_a_quiet_1100_arrive_after_it(sim: Simulator, client: Raw) -> None:
    client.send(*limit_order(1, price=sim_price(sim) - 0.05))
    await client.until("3", "Submitted")
    sim.fault("link down quiet")
    await client.until("4")
    skip_until_filled(sim)
    await client.alive()

    sim.fault("link up")

    told = await client.until("59")
    assert [frame[0] for frame in told if frame[0] in {"11", "59"}] == ["11", "59"]
