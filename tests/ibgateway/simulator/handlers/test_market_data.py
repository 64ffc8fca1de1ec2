"""Quote lines: what a line begins with, what it is refused for, and when it ends."""

from __future__ import annotations

import pytest

from tests.stacks.ibgateway.order_frames import watch
from tests.stacks.ibgateway.raw_client import Raw

EURUSD = (0, "EUR", "CASH", "", "", "", "", "IDEALPRO", "", "USD", "", "")
SPX = (0, "SPX", "IND", "", "", "", "", "CBOE", "", "USD", "", "")


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


async def test_an_index_has_no_quotes_and_forex_no_last(client: Raw) -> None:
    watch(client, 7, SPX)
    index = await client.everything()
    watch(client, 8, EURUSD)
    forex = await client.everything()

    assert "4" in kinds(index, "1")
    assert not {"1", "2"} & kinds(index, "1")
    assert {"1", "2"} <= kinds(forex, "1")
    assert "4" not in kinds(forex, "1")
