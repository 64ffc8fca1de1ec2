"""What takes long is answered in pieces: other clients, and time itself, need not wait for it."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

import ibgateway.simulator
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.order_frames import watch
from tests.stacks.ibgateway.raw_client import Raw, framed, started

AAPL = (265598, "AAPL", "STK", "", 0, "", "", "SMART", "", "USD", "", "", 0)
SOME = 25  # whose days nobody has looked at: more than a turn
INSTRUMENTS = Path(ibgateway.simulator.__file__).parent / "world" / "data" / "instruments.csv"
LONG = {
    "a month of bars": ((20, 7, *AAPL, "", "5 mins", "1 M", 1, "TRADES", 1, 0, ""), "17"),
    "a ranking of the market": ((22, 7, 5, "STK", "STK.US.MAJOR", "TOP_PERC_GAIN", *[""] * 17, "", ""), "20"),
    "a histogram of a month": ((88, 7, *AAPL, 1, "1 month"), "89"),
}


def numbers(sim: Simulator, msgId: int, clientId: int) -> list[int]:
    return [entry.number for entry in sim.journal.entries("out", msgId, clientId)]


@pytest.mark.parametrize("what", LONG)
async def test_others_are_answered_during_a_long_answer(sim: Simulator, client: Raw, what: str) -> None:
    request, answer = LONG[what]
    async with started(sim.port, clientId=2) as other:
        client.send(*request)
        await asyncio.sleep(0)  # its request goes out first
        other.send(49, 1)
        await other.until("49")
        answered_first = not numbers(sim, int(answer), 1)
        await client.until(answer)

    assert answered_first
    assert len(numbers(sim, int(answer), 1)) == 1


async def test_others_are_answered_while_a_client_asks_for_many_quotes(sim: Simulator, client: Raw) -> None:
    with INSTRUMENTS.open(encoding="utf-8") as file:
        stocks = [row["conId"] for row in csv.DictReader(file) if row["secType"] == "STK"][:SOME]
    lines = [(1, 11, n, one, *[""] * 6, "SMART", "", "", "", "", 0, "", 0, 0, "") for n, one in enumerate(stocks)]
    async with started(sim.port, clientId=2) as other:
        client.write(b"".join(framed("".join(f"{field}\0" for field in line).encode()) for line in lines))
        await asyncio.sleep(0)
        other.send(49, 1)
        await other.until("49")
        shown = len(numbers(sim, 58, 1))  # marketDataType comes once for each line
        await client.alive()

    assert shown < len(lines)
    assert len(numbers(sim, 58, 1)) == len(lines)


async def test_a_client_is_answered_in_the_order_of_its_requests(sim: Simulator, client: Raw) -> None:
    client.send(*LONG["a month of bars"][0])
    client.send(*LONG["a histogram of a month"][0])
    client.send(49, 1)

    assert [one[0] for one in await client.until("49") if one[0] in {"17", "89", "49"}] == ["17", "89", "49"]


async def test_a_long_answer_ends_with_its_client(sim: Simulator, client: Raw) -> None:
    async with started(sim.port, clientId=2) as other:
        other.send(*LONG["a month of bars"][0])
        other.send(49, 1)
    await client.alive()

    assert not numbers(sim, 17, 2)


async def test_a_refusal_in_a_long_answer_names_its_request(client: Raw) -> None:
    client.send(20, 7, *AAPL, "20250611 16:00:00 US/Eastern", "1 hour", "1 D", 1, "BID_", 1, 0, "")

    assert (await client.until("4"))[-1][1:3] == ["7", "321"]


async def test_a_defect_in_a_long_answer_ends_that_answer_alone(
    sim: Simulator, client: Raw, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[None]:
        yield
        raise ZeroDivisionError

    monkeypatch.setattr(type(sim.world), "histogram_in_pieces", broken)
    client.send(*LONG["a histogram of a month"][0])

    assert (await client.until("4"))[-1][1:3] == ["7", "320"]
    await client.alive()
    assert "a request of client 1 failed" in caplog.text


async def test_what_is_due_is_given_in_as_many_turns_as_it_takes(sim: Simulator, client: Raw) -> None:
    watch(client, 7)
    watch(client, 8, AAPL[:12])
    await client.everything()
    later, turns = sim.world.now + 1, 0

    while sim.gateway.advance(later, lambda: True):
        turns += 1

    assert turns == 2
    assert not sim.gateway.feeds.due(later)
