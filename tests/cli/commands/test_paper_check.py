"""`paper-check` on a simulator in the gateway's place: every step, a transcript without names, and what differs."""

import asyncio
import io
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.commands import paper_check as module
from cli.commands.paper_check import CLIENT_ID, Steps, check, until_listening
from cli.errors import Problem
from cli.local_stack.embedded_redis import free_port
from cli.mcp_client import Answer, Tools
from cli.terminal import Screen
from ibgateway.simulator.model.config import Identity, SimulatorConfig
from ibgateway.simulator.server.server import Simulator

ORDER = {"orderId": 7, "status": "Submitted", "lmtPrice": 188.0}
CLOSE = 376.0


class AnsweringTools(Tools):
    """A front whose answers are those of a function; it keeps each call."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self._answer = answer
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def call(self, tool: str, **arguments: Any) -> Answer:
        self.calls.append((tool, arguments))
        return self._answer(tool)


def usual(tool: str) -> Answer:
    """Return what an account without orders answers."""
    answers: dict[str, Any] = {
        "get_status": {"accounts": ["DU1234567"]},
        "get_contract_details": [{"longName": "SPDR S&P 500 ETF"}],
        "get_historical_data": [{"close": CLOSE}],
        "stream_market_data": {"message": "5 s"},
        "get_order": {"order": ORDER},
        "cancel_all_orders": {"orders": []},
    }
    return Answer(ORDER if tool in ("place_order", "modify_order", "cancel_order") else answers.get(tool, []))


async def stepped(answer: Callable[[str], Answer]) -> tuple[int, AnsweringTools, str]:
    """Return how many steps failed, the calls and what was printed."""
    printed, tools = io.StringIO(), AnsweringTools(answer)
    failed = await Steps(tools, Screen(Console(file=printed, width=120))).all()
    return failed, tools, printed.getvalue()


async def test_the_order_is_far_from_the_market_and_taken_away_again() -> None:
    failed, tools, printed = await stepped(usual)

    calls = dict(tools.calls)
    assert failed == 0, printed
    assert (calls["place_order"]["totalQuantity"], calls["place_order"]["lmtPrice"]) == (1, CLOSE / 2)
    assert calls["modify_order"]["lmtPrice"] == CLOSE / 2 - 1
    assert [tool for tool, _ in tools.calls][-3:] == ["cancel_order", "cancel_all_orders", "get_open_orders"]
    assert "order 7 is Submitted, limit 188.0" in printed


@pytest.mark.parametrize("failing", ["get_pnl", "place_order", "get_historical_data"])
async def test_a_step_that_fails_is_counted_and_ends_nothing(failing: str) -> None:
    failed, tools, printed = await stepped(lambda tool: Answer(code="busy") if tool == failing else usual(tool))

    placed = [tool for tool, _ in tools.calls if tool == "place_order"]
    assert failed == (2 if failing == "get_historical_data" else 1), printed
    assert f"✗ {failing}: [busy]" in printed
    assert placed == ([] if failing == "get_historical_data" else ["place_order"])
    assert ("cancel_all_orders" in dict(tools.calls)) is bool(placed)


async def test_an_order_that_is_left_is_a_failed_step() -> None:
    left = Answer([{"clientId": int(CLIENT_ID)}])

    failed, _, printed = await stepped(lambda tool: left if tool == "get_open_orders" else usual(tool))

    assert (failed, "the order may still be open" in printed) == (1, True)


async def test_nothing_is_asked_of_an_account_with_money() -> None:
    tools = AnsweringTools(lambda tool: Answer({"accounts": ["U1234567"]}))

    with pytest.raises(Problem, match="1 of the accounts are not paper"):
        await Steps(tools, Screen(Console(file=io.StringIO()))).all()
    assert tools.calls == [("get_status", {})]


async def test_a_gateway_that_refuses_the_connection_is_named_at_once(tmp_path: Path) -> None:
    gateway = f"127.0.0.1:{free_port()}"

    with pytest.raises(Problem, match=rf"no gateway listens at {gateway} \(.*refused"):
        await check(gateway, tmp_path, Screen(Console(file=io.StringIO())))
    assert not (tmp_path / "logs").exists()  # nothing was started


async def test_a_gateway_that_is_no_address_is_a_problem_in_words() -> None:
    with pytest.raises(Problem, match="takes HOST:PORT"):
        await until_listening("localhost", within_s=0.0)


async def test_a_container_that_starts_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    with socket.socket() as gateway:
        gateway.bind(("127.0.0.1", 0))  # refuses until it listens
        waiting = asyncio.create_task(until_listening(f"127.0.0.1:{gateway.getsockname()[1]}", within_s=20.0))
        refused, _ = await asyncio.wait({waiting}, timeout=0.1)
        gateway.listen()
        await waiting

    assert refused == set()


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


@pytest.mark.long
@pytest.mark.timeout(300)
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


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_an_account_that_has_been_traded_with_is_checked_too(tmp_path: Path) -> None:
    """A new Redis knows nothing of the first check's order, so its worker compares it with IBKR before it writes."""
    async with Simulator() as sim:
        await checked(sim, tmp_path / "first")
        status, printed = await checked(sim, tmp_path / "second")

    assert status == 0, printed
    assert "no steps failed" in printed


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_the_transcript_holds_the_order_and_neither_account_nor_reference(tmp_path: Path) -> None:
    async with Simulator() as sim:
        await checked(sim, tmp_path)
        (_, reference), *_ = orders_of(sim)

    text = written(tmp_path, "jsonl")
    assert '"message": "placeOrder"' in text
    assert "DU1234567" not in text
    assert reference not in text
    assert re.search(r"DU\d{7}", text)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_gateway_that_answers_otherwise_is_told_with_what_differs(tmp_path: Path) -> None:
    async with Simulator(SimulatorConfig(faults="on reqPnL each answer 321 Not allowed")) as sim:
        status, printed = await checked(sim, tmp_path)

    table = written(tmp_path, "md")
    assert "✗ get_pnl" in printed
    assert status == 1
    assert "| reqPnL" in table


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_read_only_api_fails_the_order_and_nothing_else(tmp_path: Path) -> None:
    async with Simulator(SimulatorConfig(identity=Identity(readOnly=True))) as sim:
        status, printed = await checked(sim, tmp_path)

    assert status == 1
    assert "✗ place_order: [read_only]" in printed
    assert "✓ get_positions" in printed


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_live_account_is_asked_for_nothing(tmp_path: Path) -> None:
    async with Simulator(SimulatorConfig(accounts=("U1234567",))) as sim:
        with pytest.raises(Problem, match="not paper accounts"):
            await checked(sim, tmp_path)
        sent = orders_of(sim)

    assert sent == []
