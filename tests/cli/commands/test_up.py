"""The command that a newcomer types: the stack on this machine, its tour, and its end however it comes."""

import asyncio
import io
import os
import re
import select
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastmcp import Client
from rich.console import Console

from bridge.tools.order_report import OrderReport
from cli.commands.tour import TourClient, buy
from cli.local_stack.embedded_redis import free_port
from cli.terminal import Screen

ROOT = Path(__file__).resolve().parents[3]
ENDS_WITHIN_S = 90  # the tour takes fifteen seconds, and four parts to start
PARTS = ["front", "redis", "simulator", "worker"]
EXPORTED = {
    "LIMIT_MAX_QUANTITY": "none", "TRIP_REJECTS": "none", "LIVE_APPROVAL": "nobody", "LIVE_ACCOUNTS": "U1",
    "ALERT_WEBHOOK": "no address", "LOG_LEVEL": "loud", "GATEWAY_PORT": "0", "IBKR_SESSION": "{}",
}  # fmt: skip
MODULES = {"console": "console", "mcp_front": "front", "ib_worker": "worker", "ibgateway.simulator": "simulator"}

pytestmark = [
    pytest.mark.timeout(240),  # two demos, one after the other, on a machine that does much else
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells which processes are left"),
]


@dataclass(frozen=True)
class Up:
    """A running `python -m cli up`; its processes are known by a mark in their environment, Redis by its folder."""

    process: subprocess.Popen[str]
    mark: str
    state: Path
    port: int

    def until(self, text: str) -> str:
        """Read its output until a line has the text; everything read so far."""
        assert self.process.stdout is not None
        read = ""
        for line in self.process.stdout:
            read += line
            if text in line:
                return read
        raise AssertionError(f"it ended without {text!r}:\n{read}")

    def end(self) -> str:
        """Wait for its end; the rest of its output."""
        return self.process.communicate(timeout=ENDS_WITHIN_S)[0]

    def parts(self) -> dict[str, int]:
        """The processes that run beside the command itself, and their ids."""
        return {part: pid for pid, part in self.running() if part != "up"}

    def running(self) -> list[tuple[int, str]]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
                command = (folder / "cmdline").read_bytes().decode()
            except OSError:
                continue  # it has just ended
            if f"UP_TEST={self.mark}".encode() in environment or f"unixsocket:{self.state}" in command:
                found.append((int(folder.name), part_of(command)))
        return found


def part_of(command: str) -> str:
    if "unixsocket" in command:
        return "redis"
    return next((part for module, part in MODULES.items() if module in command.split("\0")), "up")


@contextmanager
def up(state: Path, *flags: str, console: bool = False) -> Iterator[Up]:
    mark = uuid.uuid4().hex
    port = free_port()
    ports = ["--port", str(port), "--sim-port", str(free_port()), "--sim-port", str(free_port())]
    ports += ["--console-port", str(free_port())] if console else ["--no-console"]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "up", *ports, "--state", str(state), *flags],
        cwd=ROOT, env={**os.environ, "UP_TEST": mark}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    stack = Up(process, mark, state, port)
    try:
        yield stack
    finally:
        for pid, _ in stack.running():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()


def watched(pid: int) -> int:
    """A descriptor that is readable once the process has ended."""
    return os.pidfd_open(pid)


def ends(descriptor: int) -> bool:
    """Whether a watched process ends in time."""
    try:
        return bool(select.select([descriptor], [], [], ENDS_WITHIN_S)[0])
    finally:
        os.close(descriptor)


def test_once_takes_the_tour_and_leaves_nothing(tmp_path: Path) -> None:
    with up(tmp_path, "--once") as stack:
        said = stack.end()

        assert stack.process.returncode == 0, said
        assert re.findall(r"^(\d) of 8", said, re.MULTILINE) == list("12345678")
        assert "ibkr_connect  host=127.0.0.1" in said
        assert re.search(r"AAPL +BOT +1 +[\d.]+ +\w+ +\d+\.\d\d", said), said
        assert "the tour is complete" in said
        assert stack.running() == []


@pytest.mark.trial("D8")
async def test_a_tour_that_fails_is_told_and_the_stack_serves_on(tmp_path: Path) -> None:
    with up(tmp_path) as stack:
        await asyncio.to_thread(stack.until, "5 of 8")
        await buy_what_the_tour_buys(f"http://127.0.0.1:{stack.port}/api/v1")

        said = await asyncio.to_thread(stack.until, "Serving at")

        assert "error: step 6 of 8" in said
        assert "possible_duplicate" in said
        assert sorted(stack.parts()) == PARTS

        await asyncio.to_thread(kill_and_see_all_end, stack, "redis")


async def buys(stack: Up, times: int) -> list[tuple[OrderReport, str]]:
    """Take the tour's step that buys so many times; each order with what was shown until then."""
    shown = io.StringIO()
    visit = TourClient(f"http://127.0.0.1:{stack.port}/api/v1", None, Screen(Console(file=shown, width=100)))
    bought: list[tuple[OrderReport, str]] = []
    async with visit.client:
        for _ in range(times):
            visit.order = None
            await buy(visit)
            assert visit.order is not None
            bought.append((visit.order, shown.getvalue()))
    return bought


def kill_and_see_all_end(stack: Up, part: str) -> None:
    """A part that dies ends the others, and is named."""
    os.kill(stack.parts()[part], signal.SIGKILL)
    said = stack.end()

    assert stack.process.returncode == 1
    assert f"error: {part} ended with status -9" in said
    assert stack.running() == []


async def buy_what_the_tour_buys(url: str) -> None:
    async with Client(url) as client:
        await client.call_tool(
            "ibkr_place_order", {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1, "tif": "IOC"}
        )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A stack of two toolsets, in a shell whose settings would each fail its worker's start, or reach somebody."""
    with pytest.MonkeyPatch.context() as shell:
        for name, value in EXPORTED.items():
            shell.setenv(name, value)
        with up(tmp_path_factory.mktemp("up"), "--no-tour", "--toolsets", "session,depth") as stack:
            stack.until("Serving at")
            yield stack


def test_the_demo_takes_nothing_from_what_the_shell_is_set_up_for(stack: Up) -> None:
    told = {name for pid in stack.parts().values() for name in environment_of(pid)}

    assert told & set(EXPORTED) <= {"GATEWAY_PORT", "IBKR_SESSION"}  # which the demo sets itself


async def test_toolsets_are_those_of_the_front(stack: Up) -> None:
    async with Client(f"http://127.0.0.1:{stack.port}/api/v1") as client:
        offered = {tool.name for tool in await client.list_tools()}

    assert "ibkr_get_market_depth" in offered
    assert "ibkr_get_quotes" not in offered


def test_nothing_outlives_a_command_that_is_killed(stack: Up) -> None:
    """The last test of this stack, which ends with it."""
    parts = {part: watched(pid) for part, pid in stack.parts().items()}

    stack.process.kill()
    ended = {part for part, descriptor in parts.items() if ends(descriptor)}

    assert sorted(ended) == PARTS


def environment_of(pid: int) -> set[str]:
    entries = (Path("/proc") / str(pid) / "environ").read_bytes().split(b"\0")
    return {each.partition(b"=")[0].decode() for each in entries}


@pytest.mark.trial("D8")
async def test_it_serves_until_ctrl_c_however_often_that_is_pressed_and_then_begins_anew(tmp_path: Path) -> None:
    """Each demo begins with a new account and a new Redis, which is none that has lost its data."""
    with up(tmp_path, "--no-tour", console=True) as stack:
        said = stack.until("Serving at")
        link = re.search(r"(http://127\.0\.0\.1:\d+)/link#(\S+)", said)
        serving = sorted(stack.parts())  # the console starts at the first visit
        assert link is not None
        [(first, _)] = await buys(stack, 1)
        halted = await asyncio.to_thread(signed_in_and_halted, link[1], link[2])
        visited = sorted(stack.parts())

        await asyncio.to_thread(stack.until, "trading is halted, by operator demo")
        stack.process.send_signal(signal.SIGINT)
        stack.process.send_signal(signal.SIGINT)
        await asyncio.to_thread(stack.end)

        assert halted == 200
        assert link[2] not in "".join(log.read_text() for log in (tmp_path / "logs").iterdir())
        assert "claude mcp add --transport http ibkr http://127.0.0.1:" in said
        assert (serving, visited) == (PARTS, ["console", *PARTS])
        assert stack.process.returncode == 0
        assert stack.running() == []

    with up(tmp_path, "--no-tour") as stack:
        await asyncio.to_thread(stack.until, "Serving at")
        [(second, _), (moments_later, said)] = await buys(stack, 2)

        assert [order.status for order in (first, second, moments_later)] == ["Filled"] * 3
        assert moments_later.orderId > second.orderId
        assert "names that one in duplicateOf" in said

        await asyncio.to_thread(kill_and_see_all_end, stack, "worker")


def signed_in_and_halted(console: str, token: str) -> int:
    """Sign in by the link's button and press the kill switch; the status of the page after that."""
    with httpx.Client(base_url=console, headers={"origin": console}, follow_redirects=True, timeout=60) as browser:
        browser.post("/link", data={"link_token": token})
        form = re.search(
            r'action="/halt">\s*<input type="hidden" name="form_token" value="(\w+)"', browser.get("/kill-switch").text
        )
        assert form is not None
        return browser.post("/halt", data={"form_token": form[1], "reason": "a test"}).status_code


@pytest.mark.parametrize(("which", "when"), [(signal.SIGHUP, "Redis"), (signal.SIGTERM, "1 of 8")])
def test_a_signal_before_it_serves_ends_everything(tmp_path: Path, which: signal.Signals, when: str) -> None:
    with up(tmp_path, "--once") as stack:
        stack.until(when)

        stack.process.send_signal(which)
        stack.end()

        assert stack.process.returncode == 130
        assert stack.running() == []


@pytest.mark.parametrize("flag", ["--port", "--sim-port", "--console-port"])
def test_a_port_that_is_taken_is_named_with_its_flag(tmp_path: Path, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with up(tmp_path, flag, str(port), console=True) as stack:
            said = stack.end()

    assert stack.process.returncode == 1
    assert said == f"error: port {port} is taken (Address already in use): name another with {flag}\n"


def test_two_stacks_do_not_share_a_folder(tmp_path: Path) -> None:
    with up(tmp_path, "--no-tour") as first:
        first.until("Redis")

        with up(tmp_path, "--no-tour") as second:
            said = second.end()

    assert second.process.returncode == 1
    assert said == f"error: another stack uses {tmp_path}: end it, or name another folder with --state\n"
