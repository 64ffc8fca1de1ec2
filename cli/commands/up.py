"""`up`: Redis, simulator, worker and front as processes of this machine, the tour, then service until Ctrl-C."""

import argparse
import asyncio
import importlib
import os
import shutil
import signal
import socket
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.client_setup import described
from cli.errors import Problem
from cli.local_stack.embedded_redis import EmbeddedRedis
from cli.local_stack.processes import INTERRUPTED, Child, Children
from cli.local_stack.readiness import until_ready
from cli.local_stack.state_folder import STATE, sole_user
from cli.terminal import Screen

SESSION = "demo"
SIM_PORTS = (7496, 4002)  # TWS's own for live and IB Gateway's for paper: what people's habits and the API's texts name
TOUR = "cli.commands.tour"  # with an MCP client in it, which takes seconds to load: those that the stack takes to start
# What a shell may be set up for, which is another stack's business: its limits, and who hears of its troubles.
SETTINGS = (
    "REDIS_URL",
    "REDIS_PASSWORD_FILE",
    "IBKR_",
    "FRONT_",
    "GATEWAY_",
    "TRADING_MODE",
    "CONNECT_TIMEOUT_S",
    "MARKET_DATA_",
    "BEAT_FILE",
    "LEADER_FILE",
    "WATERMARK_FILE",
    "HISTORY_FOLDER",
    "LIMIT_",
    "TRIP_",
    "LIVE_",
    "ALERT_",
    "LOG_",
)


class StoppedByUser(Exception):
    """Ctrl-C, or another signal that asks us to end."""


@dataclass(frozen=True)
class Plan:
    """The processes of a stack, with their ports and folders."""

    port: int
    sim_ports: tuple[int, ...]
    state: Path
    simulator: tuple[str, ...]  # further arguments
    tour: bool
    once: bool
    toolsets: str = ""  # FRONT_TOOLSETS of the front; empty: the default ones

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def redis(self) -> Path:
        return self.state / "redis"

    @property
    def watermark(self) -> Path:
        return self.state / "worker.watermark"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="exit after the tour: 0 if it passed, 1 if not")
    parser.add_argument("--no-tour", action="store_true", help="skip the tour; nothing is bought")
    parser.add_argument("--port", type=int, default=8000, help="the front's port (8000)")
    parser.add_argument("--sim-port", type=int, action="append", help="a port of the simulator (7496 and 4002)")
    parser.add_argument("--toolsets", default="", help="FRONT_TOOLSETS of the front, such as all (the default ones)")
    parser.add_argument("--start", help="the simulated clock's first instant, ISO 8601 (the last open session)")
    parser.add_argument("--seed", help="the seed of the simulated market (1)")
    parser.add_argument("--time-factor", help="simulated seconds for each real one (1)")
    parser.add_argument("--state", type=Path, default=STATE, help="the folder for logs and data (.state)")


def plan(options: argparse.Namespace) -> Plan:
    given = {
        "--start": options.start or "last-session",
        "--price-levels": "2025",
        "--seed": options.seed,
        "--time-factor": options.time_factor,
    }
    further = tuple(part for flag, value in given.items() if value is not None for part in (flag, value))
    ports = tuple(options.sim_port or SIM_PORTS)
    tour = not options.no_tour
    return Plan(options.port, ports, options.state.resolve(), further, tour, options.once, options.toolsets)


def run(options: argparse.Namespace) -> int:
    screen = Screen()
    try:
        return asyncio.run(serve(plan(options), screen))
    except Problem as problem:
        screen.problem(str(problem))
        return 1
    except StoppedByUser:
        return INTERRUPTED


async def serve(what: Plan, screen: Screen) -> int:
    stopped = listen_to_signals()
    with sole_user(what.state, what.url):
        need_free(what.port, "--port")
        for port in what.sim_ports:
            need_free(port, "--sim-port")
        async with AsyncExitStack() as stack:
            redis = await start_redis(what, screen, stack)
            children = await stack.enter_async_context(Children(what.logs))
            if redis.process is not None:
                children.watch(Child("redis", redis.process, what.redis / "redis.log"))
            await run_until_signal_or_death(stopped, children, start(what, screen, children, redis.url))
            if what.tour:
                await tour(what, screen, stopped, children)
            if not what.once:
                print_client_setup(what, screen)
                with suppress(StoppedByUser):  # the way to end a service
                    await run_until_signal_or_death(stopped, children, asyncio.Event().wait())
    return 0


async def tour(what: Plan, screen: Screen, stopped: asyncio.Event, children: Children) -> None:
    """Take the tour. Raise its failure only with --once: a stack that somebody else may use by now serves on."""
    module = importlib.import_module(TOUR)
    try:
        await run_until_signal_or_death(stopped, children, module.take_tour(what.url, screen))
    except module.TourFailed as failure:
        if what.once:
            raise
        screen.problem(str(failure))
        screen.say("The tour ends here; the stack keeps running.")


async def start_redis(what: Plan, screen: Screen, stack: AsyncExitStack) -> EmbeddedRedis:
    shutil.rmtree(what.redis, ignore_errors=True)  # the simulated account begins anew, so its records do
    what.watermark.unlink(missing_ok=True)  # else the worker would take the new Redis for one that has lost its data
    with screen.waiting("Redis"):
        return await stack.enter_async_context(EmbeddedRedis(what.redis))


async def start(what: Plan, screen: Screen, children: Children, redis_url: str) -> None:
    forget_settings()
    ports = [part for port in what.sim_ports for part in ("--port", str(port))]
    common = {"REDIS_URL": redis_url, "IBKR_SESSION": SESSION, "LOG_FORMAT": "console"}
    with screen.waiting("simulator, worker and front") as tell:
        await children.start("simulator", "ibgateway.simulator", *ports, *what.simulator)
        await children.start("worker", "ib_worker", **common, **gateway(what))
        await children.start("front", "mcp_front", **common, FRONT_PORT=str(what.port), FRONT_TOOLSETS=what.toolsets)
        loading = [asyncio.to_thread(importlib.import_module, TOUR)] if what.tour else []
        await asyncio.gather(until_ready(what.port, tell), *loading)


def forget_settings() -> None:
    """Those of this process' environment, which its children would have too."""
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        del os.environ[name]


def gateway(what: Plan) -> dict[str, str]:
    """The worker's settings: the first port is its gateway's, the others may be named by a client."""
    first, *others = what.sim_ports
    return {
        "GATEWAY_PORT": str(first),
        "GATEWAY_ALLOWED": ",".join(f"127.0.0.1:{port}" for port in others),
        "TRADING_MODE": "paper",
        "BEAT_FILE": str(what.state / "worker.beat"),
        "LEADER_FILE": str(what.state / "worker.leader"),
        "WATERMARK_FILE": str(what.watermark),
    }


def print_client_setup(what: Plan, screen: Screen) -> None:
    screen.say("\nAdd it to your MCP client:")
    for line in described(what.url):
        screen.say(line)
    page = what.url.removesuffix("api/v1")
    screen.say(f"\nServing at {what.url} until Ctrl-C. The page {page} shows its state and how to connect.")


async def run_until_signal_or_death(stopped: asyncio.Event, children: Children, work: Coroutine[Any, Any, Any]) -> None:
    """Do the work; raise StoppedByUser if a signal comes first, and Problem if a process ends first."""
    done = asyncio.ensure_future(work)
    signalled = asyncio.ensure_future(stopped.wait())
    death = asyncio.ensure_future(children.first_death())
    try:
        await asyncio.wait((done, signalled, death), return_when=asyncio.FIRST_COMPLETED)
        if signalled.done():
            raise StoppedByUser
        if death.done():
            raise death.result().as_problem()
        done.result()
    finally:
        for task in (done, signalled, death):
            task.cancel()
        await asyncio.gather(done, signalled, death, return_exceptions=True)


def listen_to_signals() -> asyncio.Event:
    """Set by the first signal that asks us to end; further ones change nothing, so an impatient Ctrl-C is harmless."""
    stopped = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(each, stopped.set)
    return stopped


def need_free(port: int, flag: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Problem(f"port {port} is taken ({error.strerror}): name another with {flag}") from None
