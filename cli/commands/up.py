"""`up`: Redis, simulator, worker, front and console as processes of this machine, the tour, then service and the tape
until Ctrl-C."""

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
from cli.command_line import command
from cli.errors import Problem
from cli.local_stack.console import OPERATOR, first_visit, listening, one_time_link, open_in_browser, opening_page
from cli.local_stack.embedded_redis import EmbeddedRedis
from cli.local_stack.processes import INTERRUPTED, Child, Children
from cli.local_stack.readiness import until_ready
from cli.local_stack.state_folder import STATE, sole_user
from cli.tape.printing import follow, printer
from cli.terminal import Screen

SESSION = "demo"
CONSOLE_PORT = 8010
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
    "CONSOLE_",
    "FORWARDED_ALLOW_IPS",
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
    console_port: int | None = None  # None: no console
    opens: bool = False  # the console, in a browser

    @property
    def console(self) -> str:
        return f"http://127.0.0.1:{self.console_port}"

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
    parser.add_argument("--console-port", type=int, default=CONSOLE_PORT, help="the console's port (8010)")
    parser.add_argument("--no-console", action="store_true", help="leave the console out, as --once does")
    parser.add_argument("--open", action="store_true", help="open the console in the browser")
    parser.add_argument("--sim-port", type=int, action="append", help="a port of the simulator (7496 and 4002)")
    parser.add_argument("--toolsets", default="", help="FRONT_TOOLSETS of the front, such as all (the default ones)")
    parser.add_argument("--start", help="the simulated clock's first instant, ISO 8601 (the last open session)")
    parser.add_argument("--seed", help="the seed of the simulated market (1)")
    parser.add_argument("--time-factor", help="simulated seconds for each real one (1)")
    parser.add_argument("--state", type=Path, default=STATE, help="the folder for logs and data (.state)")


def plan_of(options: argparse.Namespace) -> Plan:
    given = {
        "--start": options.start or "last-session",
        "--price-levels": "2025",
        "--seed": options.seed,
        "--time-factor": options.time_factor,
    }
    further = tuple(part for flag, value in given.items() if value is not None for part in (flag, value))
    ports = tuple(options.sim_port or SIM_PORTS)
    return Plan(
        port=options.port,
        sim_ports=ports,
        state=options.state.resolve(),
        simulator=further,
        tour=not options.no_tour,
        once=options.once,
        toolsets=options.toolsets,
        console_port=None if options.once or options.no_console else options.console_port,
        opens=options.open,
    )


def run(options: argparse.Namespace) -> int:
    screen = Screen()
    try:
        return asyncio.run(serve(plan_of(options), screen))
    except Problem as problem:
        screen.problem(str(problem))
        return 1
    except StoppedByUser:
        return INTERRUPTED


async def serve(plan: Plan, screen: Screen) -> int:
    stopped = listen_to_signals()
    with sole_user(plan.state, plan.url):
        need_free(plan.port, "--port")
        for port in plan.sim_ports:
            need_free(port, "--sim-port")
        async with AsyncExitStack() as stack:
            visits = console_port(plan, stack)
            redis = await start_redis(plan, screen, stack)
            children = await stack.enter_async_context(Children(plan.logs))
            if redis.process is not None:
                children.watch(Child("redis", redis.process, plan.redis / "redis.log"))
            await run_until_signal_or_death(stopped, children, start(plan, screen, children, redis.url))
            if plan.tour:
                await tour(plan, screen, stopped, children)
            if not plan.once:
                print_client_setup(plan, screen)
                page = stack.enter_context(opening_page(plan.state)) if plan.opens else None
                with suppress(StoppedByUser):  # the way to end a service
                    served = serving(plan, screen, children, redis.url, visits, page)
                    await run_until_signal_or_death(stopped, children, served)
    return 0


def console_port(plan: Plan, stack: AsyncExitStack) -> socket.socket | None:
    """Return the socket that waits for the console's first visit; None where there is no console."""
    if plan.console_port is None:
        return None
    return stack.enter_context(listening(plan.console_port, "--console-port"))


async def serving(
    plan: Plan, screen: Screen, children: Children, redis_url: str, visits: socket.socket | None, page: Path | None
) -> None:
    """Tell where the stack serves, then show its tape until this is cancelled."""
    async with asyncio.TaskGroup() as group:
        if visits is not None:
            group.create_task(console_at_first_visit(plan, children, redis_url, visits))
            link = await told_link(plan, screen, redis_url)
            if page is not None:
                group.create_task(open_in_browser(link, page))
        front = plan.url.removesuffix("api/v1")
        screen.say(f"\nServing at {plan.url} until Ctrl-C. The page {front} shows its state and how to connect.\n")
        with suppress(BrokenPipeError), printer() as prints:  # whoever read the tape has ended, and the stack serves on
            await follow(redis_url, SESSION, prints)
        await asyncio.Event().wait()


async def console_at_first_visit(plan: Plan, children: Children, redis_url: str, visits: socket.socket) -> None:
    """Start the console once a browser connects: until then it costs the demo no memory."""
    await first_visit(visits)
    number = visits.fileno()
    common = {"REDIS_URL": redis_url, "IBKR_SESSION": SESSION, "CONSOLE_PORT": str(plan.console_port)}
    await children.start_with(number, "console", "console", CONSOLE_FD=str(number), **common)
    visits.close()  # else a connection would be taken while no console is there any more


async def told_link(plan: Plan, screen: Screen, redis_url: str) -> str:
    """Tell a link to the console, and return it."""
    link = await one_time_link(redis_url, SESSION, plan.console)
    screen.say(f"\nThe console, by a link that signs you in once, within ten minutes:\n  {link}")
    screen.say(f"For another link: {command('operator', 'link', OPERATOR, *console_flag(plan))}")
    return link


def console_flag(plan: Plan) -> tuple[str, ...]:
    """Return what a command needs to know of a console at another port than the usual one."""
    return () if plan.console_port == CONSOLE_PORT else ("--console", plan.console)


async def tour(plan: Plan, screen: Screen, stopped: asyncio.Event, children: Children) -> None:
    """Take the tour. Raise its failure only with --once: a stack that somebody else may use by now serves on."""
    module = importlib.import_module(TOUR)
    try:
        await run_until_signal_or_death(stopped, children, module.take_tour(plan.url, screen))
    except module.TourFailed as failure:
        if plan.once:
            raise
        screen.problem(str(failure))
        screen.say("The tour ends here; the stack keeps running.")


async def start_redis(plan: Plan, screen: Screen, stack: AsyncExitStack) -> EmbeddedRedis:
    shutil.rmtree(plan.redis, ignore_errors=True)  # the simulated account begins anew, so its records do
    plan.watermark.unlink(missing_ok=True)  # else the worker would take the new Redis for one that has lost its data
    with screen.waiting("Redis"):
        return await stack.enter_async_context(EmbeddedRedis(plan.redis))


async def start(plan: Plan, screen: Screen, children: Children, redis_url: str) -> None:
    forget_settings()
    ports = [part for port in plan.sim_ports for part in ("--port", str(port))]
    common = {"REDIS_URL": redis_url, "IBKR_SESSION": SESSION, "LOG_FORMAT": "console"}
    with screen.waiting("simulator, worker and front") as tell:
        await children.start("simulator", "ibgateway.simulator", *ports, *plan.simulator)
        await children.start("worker", "ib_worker", **common, **gateway(plan))
        await children.start("front", "mcp_front", **common, FRONT_PORT=str(plan.port), FRONT_TOOLSETS=plan.toolsets)
        loading = [asyncio.to_thread(importlib.import_module, TOUR)] if plan.tour else []
        await asyncio.gather(until_ready(plan.port, tell), *loading)


def forget_settings() -> None:
    """Those of this process' environment, which its children would have too."""
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        del os.environ[name]


def gateway(plan: Plan) -> dict[str, str]:
    """The worker's settings: the first port is its gateway's, the others may be named by a client."""
    first, *others = plan.sim_ports
    return {
        "GATEWAY_PORT": str(first),
        "GATEWAY_ALLOWED": ",".join(f"127.0.0.1:{port}" for port in others),
        "TRADING_MODE": "paper",
        "BEAT_FILE": str(plan.state / "worker.beat"),
        "LEADER_FILE": str(plan.state / "worker.leader"),
        "WATERMARK_FILE": str(plan.watermark),
    }


def print_client_setup(plan: Plan, screen: Screen) -> None:
    screen.say("\nAdd it to your MCP client:")
    for line in described(plan.url):
        screen.say(line)


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
