"""Every request that is answered once: what answers it, and what is refused."""

from __future__ import annotations

import pytest

from ibgateway.simulator.wire.encoding.layout import LAYOUTS
from tests.stacks.ibgateway.order_frames import SPY, Frame
from tests.stacks.ibgateway.raw_client import Raw

BRFG = "BRFG"
CALL = (0, "SPY", "OPT", "20250620", 375, "C", "", "SMART", "", "USD", "", "")
TEN = "20250611 10:00:00 US/Eastern"
# (request, what answers it, the least number of such frames)
ANSWERED: list[tuple[Frame, str, int]] = [
    ((8, 1, 1), "9", 1),
    ((17, 1), "15", 1),
    ((105,), "109", 1),
    ((104, 7), "107", 1),
    ((65, 1, "a", "b"), "66", 1),
    ((72, 1, "a", "b", "c"), "70", 1),
    ((67, 1, 7), "67", 1),
    ((68, 1, 7, 1), "68", 1),
    ((9, 8, 7, *SPY, 0, "", "", ""), "10", 1),
    ((9, 8, 7, 0, "US-T", "BOND", "", "", "", "", "SMART", "", "", "", "", 0, "", "", ""), "18", 1),
    ((81, 7, "app"), "79", 1),
    ((78, 7, "SPY", "", "STK", 756733), "75", 1),
    ((91, 26), "93", 1),
    ((83, 7, "9c0001"), "82", 1),
    ((82,), "80", 1),
    ((54, 3, 7, *CALL, 5, 375, ""), "21", 1),
    ((55, 3, 7, *CALL, 0.3, 375, ""), "21", 1),
    ((20, 7, *SPY, 0, "", "1 hour", "2 D", 1, "TRADES", 1, 0, ""), "17", 1),
    ((20, 7, *SPY, 0, "", "1 day", "1 M", 1, "SCHEDULE", 1, 0, ""), "106", 1),
    ((87, 7, *SPY, 0, 1, "TRADES", 1), "88", 1),
    ((87, 7, *SPY, 0, 1, "TRADES", 2), "88", 1),
    ((88, 7, *SPY, 0, 1, "2 days"), "89", 1),
    ((96, 7, *SPY, 0, TEN, "", 20, "TRADES", 1, 0, ""), "98", 1),
    ((96, 7, *SPY, 0, "", TEN, 20, "BID_ASK", 1, 0, ""), "97", 1),
    ((96, 7, *SPY, 0, TEN, "", 20, "MIDPOINT", 1, 0, ""), "96", 1),
    ((6, 2, 1, ""), "6", 20),
    ((62, 1, 7, "All", "NetLiquidation,BuyingPower"), "63", 2),
    ((61, 1), "61", 1),
    ((74, 1, 7, "DU1234567", ""), "71", 1),
    ((76, 1, 7, "DU1234567", "", 0), "73", 20),
    ((76, 1, 7, "DU1234567", "", 1), "73", 1),
    ((92, 7, "DU1234567", ""), "94", 1),
    ((94, 7, "DU1234567", "", 756733), "95", 1),
    ((80,), "78", 1),
    ((79, 7), "77", 1),
    ((18, 1, 1), "16", 1),
    ((19, 1, 1, "<ListOfGroups/>", 7), "103", 1),
    ((24, 1), "19", 1),
    ((22, 7, 5, "STK", "STK.US.MAJOR", "TOP_PERC_GAIN", *[""] * 17, "", ""), "20", 1),
    ((12, 1, 1), "14", 1),
    ((85,), "85", 1),
    ((86, 7, 265598, BRFG, "", "", 3, ""), "86", 3),
    ((52, 2, 7, 0, "AAPL", "STK", "SMART", "", "USD", "", "ReportSnapshot", 0, ""), "51", 1),
    ((100, 7), "104", 1),
    ((102, 7, 265598, "", 0, 0, 0, "", "", 10), "105", 1),
    ((7, 3, 7, 0, "", "", "", "", "", "", 2147483647, 0), "55", 1),
    ((5, 1), "53", 1),
    ((16, 1), "53", 1),
    ((99, 0), "102", 1),
]


@pytest.mark.parametrize(("request_", "answer", "least"), ANSWERED, ids=[f"{one[0][0]}-{one[1]}" for one in ANSWERED])
async def test_a_request_is_answered_with_content(client: Raw, request_: Frame, answer: str, least: int) -> None:
    client.send(*request_)

    told = await client.everything()

    assert [frame for frame in told if frame[0] == "4"] == []
    assert len([frame for frame in told if frame[0] == answer]) >= least


# Answered by nothing: settings, and cancellations of what was answered at once or may be cancelled twice.
SILENT: list[Frame] = [
    (14, 1, 5),
    (59, 1, 3),
    (56, 1, 7),
    (57, 1, 7),
    (90, 7),
    (89, 7),
    (63, 1, 7),
    (64, 1),
    (75, 1, 7),
    (77, 1, 7),
    (13, 1),
    (53, 1, 7),
    (101, 7),
    (103, 7),
    (70, 1, 7),
    (6, 2, 0, ""),
    (58, "", 2147483647),
]


@pytest.mark.parametrize("request_", SILENT, ids=[str(one[0]) for one in SILENT])
async def test_some_requests_are_answered_by_nothing(client: Raw, request_: Frame) -> None:
    client.send(*request_)

    assert await client.everything() == []


REFUSED: list[tuple[Frame, str]] = [
    ((14, 1, 9), "321"),
    ((59, 1, 9), "321"),
    ((68, 1, 7, 99), "321"),
    ((69, 1, 7, "8314@SMART"), "321"),
    ((10, 5, 7, *SPY, 0, 0, ""), "321"),
    ((97, 7, *SPY, "Nothing", 0, 0), "321"),
    ((50, 3, 7, *SPY, 5, "NOTHING", 0, ""), "321"),
    ((20, 7, *SPY, 0, "yesterday", "1 hour", "1 D", 1, "TRADES", 1, 0, ""), "10314"),
    ((20, 7, *SPY, 0, "20250611 10:00:00 Nowhere/City", "1 hour", "1 D", 1, "TRADES", 1, 0, ""), "10314"),
    ((20, 7, *SPY, 0, "20250610-15:00:00", "1 hour", "1 D", 1, "TRADES", 1, 1, ""), "321"),
    ((20, 7, *SPY, 0, "", "1 hour", "1 M", 1, "SCHEDULE", 1, 0, ""), "321"),
    ((96, 7, *SPY, 0, "", "", 20, "TRADES", 1, 0, ""), "321"),
    ((96, 7, *SPY, 0, TEN, "", 0, "TRADES", 1, 0, ""), "321"),
    ((96, 7, *SPY, 0, TEN, "", 20, "NOTHING", 1, 0, ""), "321"),
    ((6, 2, 1, "DU0"), "321"),
    ((74, 1, 7, "DU0", ""), "321"),
    ((92, 7, "DU0", ""), "321"),
    ((91, 424242), "321"),
    ((84, 7, BRFG, "none", ""), "10172"),
]


@pytest.mark.parametrize(
    ("request_", "code"), REFUSED, ids=[f"{one[0][0]}-{one[1]}-{n}" for n, one in enumerate(REFUSED)]
)
async def test_what_makes_no_sense_is_refused_by_its_code(client: Raw, request_: Frame, code: str) -> None:
    client.send(*request_)

    (refusal,) = await client.everything()

    assert refusal[:1] + refusal[2:3] == ["4", code]


DUPLICATES: list[Frame] = [
    (10, 5, 7, *SPY, 5, 1, ""),
    (97, 7, *SPY, "Last", 0, 0),
    (50, 3, 7, *SPY, 5, "TRADES", 0, ""),
    (20, 7, *SPY, 0, "", "1 min", "600 S", 0, "TRADES", 1, 1, ""),
    (62, 1, 7, "All", "NetLiquidation"),
    (74, 1, 7, "DU1234567", ""),
    (76, 1, 7, "DU1234567", "", 0),
    (92, 7, "DU1234567", ""),
    (94, 7, "DU1234567", "", 756733),
    (22, 7, 5, "STK", "STK.US.MAJOR", "TOP_PERC_GAIN", *[""] * 17, "", ""),
]


@pytest.mark.parametrize("request_", DUPLICATES, ids=[str(one[0]) for one in DUPLICATES])
async def test_an_id_that_is_taken_is_refused(client: Raw, request_: Frame) -> None:
    client.send(*request_)
    await client.everything()
    client.send(*request_)

    told = await client.everything()

    assert [frame[1:3] for frame in told if frame[0] == "4"] == [["7", "322"]]


def test_every_request_that_is_understood_is_answered_here_or_elsewhere() -> None:
    elsewhere = {1, 2, 3, 4, 10, 11, 15, 21, 23, 25, 49, 50, 51, 66, 69, 71, 73, 84, 93, 95, 97, 98}
    here = {frame[0] for frame, *_ in ANSWERED} | {frame[0] for frame in SILENT}

    assert set(LAYOUTS) == here | elsewhere
