"""`paper-check` on a simulator in the gateway's place: every step, a transcript without names, and what differs."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from cli.commands.paper_check import check
from cli.errors import Problem
from cli.terminal import Screen
from ibgateway.simulator.model.config import Identity, SimulatorConfig
from ibgateway.simulator.server.server import Simulator

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


async def checked(sim: Simulator, out: Path) -> tuple[int, str]:
    """The exit status, and what was printed."""
    printed = io.StringIO()
    status = await check(f"127.0.0.1:{sim.port}", out, Screen(Console(file=printed, width=120)))
    return status, printed.getvalue()


def written(out: Path, kind: str) -> str:
    (file,) = out.glob(f"*.{kind}")
    return file.read_text()


def orders_of(sim: Simulator) -> list[tuple[float, str]]:
    """Limit and reference of each order frame that was no preview."""
    return [(each.request.placed[1].lmtPrice, each.request.placed[1].orderRef) for each in sim.journal.orders()]


async def test_every_step_is_done_and_the_order_is_gone_when_it_ends(tmp_path: Path) -> None:
    async with Simulator() as sim:
        status, printed = await checked(sim, tmp_path)
        sent = orders_of(sim)
        cancels = sim.journal.entries("in", 4)

    assert status == 0, printed
    assert "no steps failed" in printed
    assert "is Cancelled" in printed
    assert len(sent) == 2  # placed and lowered
    assert sent[0][0] - sent[1][0] == pytest.approx(1.0)
    assert sent[0][0] < 200  # far below the market's 376
    assert len(cancels) == 1


async def test_an_account_that_has_been_traded_with_is_checked_too(tmp_path: Path) -> None:
    """A new Redis knows nothing of the first check's order, so its worker compares it with IBKR before it writes."""
    async with Simulator() as sim:
        await checked(sim, tmp_path / "first")
        status, printed = await checked(sim, tmp_path / "second")

    assert status == 0, printed
    assert "no steps failed" in printed


async def test_the_transcript_holds_the_order_and_neither_account_nor_reference(tmp_path: Path) -> None:
    async with Simulator() as sim:
        await checked(sim, tmp_path)
        (_, reference), *_ = orders_of(sim)

    text = written(tmp_path, "jsonl")
    assert '"message": "placeOrder"' in text
    assert "DU1234567" not in text
    assert reference not in text
    assert re.search(r"DU\d{7}", text)


async def test_a_gateway_that_answers_otherwise_is_told_with_what_differs(tmp_path: Path) -> None:
    async with Simulator(SimulatorConfig(faults="on reqPnL each answer 321 Not allowed")) as sim:
        status, printed = await checked(sim, tmp_path)

    table = written(tmp_path, "md")
    assert "✗ get_pnl" in printed
    assert status == 1
    assert "| reqPnL" in table


async def test_a_read_only_api_fails_the_order_and_nothing_else(tmp_path: Path) -> None:
    async with Simulator(SimulatorConfig(identity=Identity(readOnly=True))) as sim:
        status, printed = await checked(sim, tmp_path)

    assert status == 1
    assert "✗ place_order: [read_only]" in printed
    assert "✓ get_positions" in printed


async def test_a_live_account_is_asked_for_nothing(tmp_path: Path) -> None:
    async with Simulator(SimulatorConfig(accounts=("U1234567",))) as sim:
        with pytest.raises(Problem, match="not paper accounts"):
            await checked(sim, tmp_path)
        sent = orders_of(sim)

    assert sent == []
