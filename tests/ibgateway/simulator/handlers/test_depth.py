"""The book's rows, and every change of one."""

from __future__ import annotations

from ibgateway.simulator.handlers.depth import row_changes
from ibgateway.simulator.model.market_data import DepthLevel
from ibgateway.simulator.server.server import Simulator
from ibgateway.simulator.wire.messages.market_data import DELETE, INSERT, UPDATE
from tests.stacks.ibgateway.order_frames import SPY
from tests.stacks.ibgateway.raw_client import Raw

ES = (0, "ES", "FUT", "202509", "", "", "", "CME", "", "USD", "", "")


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
