"""The script language of faults: what can be read, when it strikes, and what its manual says of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ibgateway.simulator.faults import ScriptError
from ibgateway.simulator.faults.script import VERBS, parse
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.raw_client import Raw, raw, started

MANUAL = Path(__file__).resolve().parents[4] / "docs" / "faults.md"


@pytest.mark.parametrize(
    "line",
    [
        "explode",
        "swallow",
        "swallow nothing",
        "swallow 4 x",
        "on noMessage reset",
        "at noon reset",
        "after soon reset",
        "door ajar",
        "reset after later",
        "ignore",
        "'unclosed",
        "close client x",
    ],
)
async def test_a_line_that_makes_no_sense_is_refused_by_name(sim: Simulator, line: str) -> None:
    with pytest.raises(ScriptError, match=line.split()[0].strip("'")):
        sim.fault(line)


def test_the_manual_names_every_verb_and_its_lines_can_be_read() -> None:
    manual = MANUAL.read_text(encoding="utf-8")

    told = set(re.findall(r"^\| `(?:on MESSAGE )?([a-z-]+)", manual, re.MULTILINE))
    told |= set(re.findall(r"^\| `[^|]*` / `([a-z-]+)", manual, re.MULTILINE))
    assert {*VERBS} - told == {"clear", "hmds", "secdef"}  # in the text, and behind `farm|`
    section = manual.split("## From a fault to its line")[1].split("## The journal")[0]
    lines = re.findall(r"`([^`]+)`", "".join(row.split("|")[2] for row in section.splitlines() if "`" in row))
    assert len(lines) > 50
    assert all(parse(line) for line in lines)


async def test_comments_and_empty_lines_are_nothing(sim: Simulator, client: Raw) -> None:
    sim.fault("")
    sim.fault("  # reset")

    await client.alive()


async def test_a_line_can_wait_for_a_time_of_the_simulators_day(sim: Simulator, client: Raw) -> None:
    sim.fault("at 10:35:00 close")
    sim.skip(290)
    await client.alive()

    sim.skip(20)

    assert await client.rest() == []


async def test_a_line_can_strike_at_each_message(sim: Simulator, client: Raw) -> None:
    sim.fault("on reqCurrentTime each answer 321 no time today")
    for _ in range(3):
        client.send(49, 1)
        assert (await client.read())[2:4] == ["321", "no time today"]


async def test_clear_ends_everything(sim: Simulator, client: Raw) -> None:
    sim.fault("swallow currentTime")
    sim.fault("half-open")
    sim.fault("after 1 reset")
    sim.fault("door slam")

    sim.fault("clear")

    sim.skip(5)
    await client.alive()
    async with started(sim.port, clientId=2) as other:
        await other.alive()


async def test_on_connect_strikes_at_a_new_client(sim: Simulator) -> None:
    sim.fault("on connect 2 door slam")
    async with started(sim.port) as first:
        async with raw(sim.port) as second:
            assert await second.rest() == []
        await first.alive()
