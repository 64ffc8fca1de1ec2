"""The script language of faults: what can be read, when it strikes, and what its manual says of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ibgateway.simulator.faults import ScriptError
from ibgateway.simulator.faults.script import VERBS, parse
from ibgateway.simulator.server.server import Simulator
from tests.stacks.ibgateway.raw_client import Raw

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
    section = manual.split("## Faults and their lines")[1].split("## The journal")[0]
    lines = re.findall(r"`([^`]+)`", "".join(row.split("|")[2] for row in section.splitlines() if "`" in row))
    assert len(lines) > 50
    assert all(parse(line) for line in lines)


async def test_comments_and_empty_lines_are_nothing(sim: Simulator, client: Raw) -> None:
    sim.fault("")
    sim.fault("  # reset")

    await client.alive()
