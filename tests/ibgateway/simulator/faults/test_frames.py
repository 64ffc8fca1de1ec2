"""Single frames lost, late, twice, in another order, changed or made up."""

from __future__ import annotations

import pytest

from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import SPY, limit_order, market_order, preview, watch
from tests.stacks.ibgateway.raw_client import Raw


async def test_well_framed_nonsense(sim: Simulator, client: Raw) -> None:
    sim.fault("send 999 some 'text of several words'")

    assert await client.read() == ["999", "some", "text of several words"]


async def test_truncated_fields(sim: Simulator, client: Raw) -> None:
    sim.fault("truncate currentTime 2 1")
    client.send(49, 1)
    client.send(49, 1)

    assert [len(await client.read()), len(await client.read())] == [2, 3]


async def test_every_status_three_times_and_in_the_wrong_order(sim: Simulator, client: Raw) -> None:
    sim.fault("duplicate orderStatus 3")
    sim.fault("reverse orderStatus")
    client.send(*market_order(1))

    told = [frame[2] for frame in await client.everything() if frame[0] == "3"]

    assert len(told) % 3 == 0
    assert (told[:3], told[-3:]) == (["Filled"] * 3, ["PreSubmitted"] * 3)


@pytest.mark.parametrize("code", [399, 2109, 10349, 10311, 404])
async def test_a_notice_leaves_the_order_alive(sim: Simulator, client: Raw, code: int) -> None:
    sim.fault(f"on placeOrder notice {code} Order Message:")
    client.send(*limit_order(1))

    told = await client.everything()

    assert [frame[1:3] for frame in told if frame[0] == "4"] == [["1", str(code)]]
    assert [one.state.status for one in sim.world.open_orders(1)] == ["Submitted"]


async def test_a_preview_that_is_never_answered(sim: Simulator, client: Raw) -> None:
    sim.fault("on whatIf ignore")
    client.send(*preview(1))

    assert await client.everything() == []
    assert sim.journal.orders() == []


async def test_a_preview_that_is_refused(sim: Simulator, client: Raw) -> None:
    sim.fault("on whatIf answer 110 The price does not conform to the minimum price variation for this contract.")
    client.send(*preview(1))

    ((_, reqId, code, *_),) = await client.everything()
    assert (reqId, code) == ("1", "110")


async def test_a_commission_with_nothing_in_it(sim: Simulator, client: Raw) -> None:
    sim.fault("rewrite commissionReport 3 1.7976931348623157E308")
    client.send(*market_order(1))

    assert (await client.until("59"))[-1][3] == "1.7976931348623157E308"


DETAILS = (9, 8, 42, *SPY, 0, "", "", "")


@pytest.mark.parametrize("message", ["execDetailsEnd", "positionEnd", "openOrderEnd", "contractDetailsEnd"])
async def test_a_missing_end_marker(sim: Simulator, client: Raw, message: str) -> None:
    sim.fault(f"swallow {message}")
    client.send(7, 3, 1, 0, "", "", "", "", "", "", 2147483647, 0)
    client.send(61, 1)
    client.send(5, 1)
    client.send(*DETAILS)

    ends = {"execDetailsEnd": "55", "positionEnd": "62", "openOrderEnd": "53", "contractDetailsEnd": "52"}
    client.send(49, 1)
    told = {frame[0] for frame in await client.until("49")}
    assert told & set(ends.values()) == set(ends.values()) - {ends[message]}


async def test_a_reply_after_its_caller_has_given_up(sim: Simulator, client: Raw) -> None:
    sim.fault("delay contractDetails 30")
    client.send(*DETAILS)
    assert (await client.read())[0] == "52"

    sim.skip(30)

    assert (await client.read())[:2] == ["10", "42"]


@pytest.mark.parametrize("sentinel", ["NaN", "-1", "Infinite", "1.7976931348623157E308", ""])
async def test_a_sentinel_in_a_price(sim: Simulator, client: Raw, sentinel: str) -> None:
    sim.fault(f"rewrite tickPrice 4 '{sentinel}'")
    watch(client)

    assert (await client.until("1"))[-1][4] == sentinel
