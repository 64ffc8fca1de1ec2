"""From two looks at a market to the ticks between them, in TWS's tick types."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ibgateway.simulator.gateway.ticks import Style, changes
from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.model.market_data import BidAsk, Snapshot
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import watch
from tests.stacks.ibgateway.raw_client import Raw, started

LIVE, LATE = Style(), Style(delayed=True)


async def test_exchanges_are_told_by_the_letters_of_smart_components(client: Raw) -> None:
    watch(client)
    told = [frame for frame in await client.everything() if frame[0] == "46" and frame[3] in {"32", "33", "84"}]
    client.send(83, 9, "9c0001")
    components = (await client.until("82"))[-1]

    assert {frame[3] for frame in told} == {"32", "33", "84"}
    assert {frame[4] for frame in told} <= set(components[5::3])


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


LOOK = Snapshot(
    time=0.0,
    quote=BidAsk(0.0, 100.0, Decimal(300), 100.02, Decimal(200), "ARCA", "NASDAQ"),
    last=100.01,
    lastSize=Decimal(100),
    lastTime=1749652200.7,
    lastExchange="IEX",
    open=99.0,
    high=101.0,
    low=98.0,
    close=99.5,
    volume=Decimal(1000),
    halted=0,
)


def told(before: Snapshot | None, after: Snapshot, style: Style = LIVE) -> list[tuple[int, list[str]]]:
    return [(msgId, tail.decode().rstrip("\0").split("\0")) for msgId, tail in changes(before, after, style)]


def test_nothing_new_is_no_tick() -> None:
    assert told(LOOK, replace(LOOK, time=1.0)) == []


def test_a_new_price_comes_with_its_size_and_a_new_size_alone() -> None:
    dearer = replace(LOOK, quote=replace(LOOK.quote, ask=100.03))
    larger = replace(LOOK, quote=replace(LOOK.quote, bidSize=Decimal(400)))

    assert told(LOOK, dearer) == [(1, ["2", "100.03", "200", "1"])]
    assert told(LOOK, larger) == [(2, ["0", "400"])]


def test_a_quote_that_goes_is_told_as_a_price_of_minus_1() -> None:
    gone = replace(LOOK, quote=replace(LOOK.quote, bid=None, bidSize=Decimal(0)))

    assert told(LOOK, gone) == [(1, ["1", "-1.0", "0", "1"])]


def test_a_print_tells_price_second_and_venues_letter() -> None:
    traded = replace(LOOK, last=100.02, lastTime=1749652205.2, lastExchange="ARCA", volume=Decimal(1100))

    assert told(LOOK, traded) == [
        (1, ["4", "100.02", "100", "0"]),
        (46, ["45", "1749652205"]),
        (46, ["84", "P"]),
        (2, ["8", "1100"]),
    ]


def test_delayed_ticks_have_types_of_their_own_and_name_no_venue() -> None:
    kinds = {tail[0] for msgId, tail in told(None, LOOK, LATE)}

    assert kinds == {"66", "67", "68", "88", "72", "73", "74", "75", "76", "90"}


def test_a_halt_is_a_generic_tick() -> None:
    assert told(LOOK, replace(LOOK, halted=1)) == [(45, ["49", "1.0"])]


def test_old_versions_count_in_lots() -> None:
    assert (Style(lot=100).size(Decimal(350)), LIVE.size(Decimal(350))) == ("3", "350")
