"""Starts the worker: it waits for the lease, then leads the session until the lease or the process ends."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import structlog
from pydantic import ValidationError

from bridge.bus.identity.client_file import require_clients
from bridge.bus.leadership.failover import FailoverSignals
from bridge.bus.leadership.lease import LeaseLost
from bridge.bus.server.server import BusServer
from bridge.bus.transport.connection import BusError
from bridge.runtime import event_loop
from bridge.runtime.heap import tune
from bridge.settings import setting_faults
from bridge.tasks import run_until_first_ends
from bridge.tool import build_writes
from ib_worker.handlers import (  # noqa: F401  # importing registers the handlers
    account,
    account_history,
    events,
    order_queries,
    orders,
    portfolio,
    previews,
    session,
)
from ib_worker.handlers.console import candles, overview, session_loan  # noqa: F401  # register theirs
from ib_worker.handlers.market import (  # noqa: F401  # registers theirs
    contracts,
    depth,
    history,
    market_data,
    news,
    options,
    performance,
    quotes,
    scanners,
    search,
)
from ib_worker.leader import run_term
from ib_worker.liveness import touch_while_alive
from ib_worker.logging_setup import configure_logs
from ib_worker.metrics.serving import counting
from ib_worker.session.failover import STAND_BACK_S, GatewayFailover, HandOver
from ib_worker.settings import WorkerSettings

log = structlog.get_logger("ib_worker")


async def work(settings: WorkerSettings) -> None:
    stopping = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    worker = f"{socket.gethostname()}-{os.getpid()}"
    await run_until_first_ends(_lead_for_ever(settings, worker, stopping), touch_while_alive(settings.beat_file))


async def _lead_for_ever(settings: WorkerSettings, worker: str, stopping: asyncio.Event) -> None:
    """Stand by, lead, stand by again when another leads, until told to stop."""
    files = settings.leader_file, settings.watermark_file
    async with (
        BusServer(settings.redis_url, settings.ibkr_session, worker, *files) as bus,
        counting(settings, bus) as parts,
    ):
        relieving = GatewayFailover(FailoverSignals(bus.pipe, bus.keys))
        while True:
            await run_until_first_ends(bus.lead(), relieving.offer(settings.gateway), stopping.wait())
            if stopping.is_set():
                return
            try:
                await run_term(bus, settings, stopping, relieving=relieving, begin=parts.begin if parts else None)
            except LeaseLost as lost:
                log.warning("leadership_lost", error=str(lost))
            except HandOver:
                log.warning("handing_over")
                with suppress(BusError):  # it lapses by itself
                    await bus.hand_over()
                await run_until_first_ends(asyncio.sleep(STAND_BACK_S), stopping.wait())
            finally:
                if parts is not None:
                    parts.end()


def _clients_fault(path: Path) -> str:
    """Return why no client can be read from the file, empty where they can."""
    try:
        require_clients(path, "CLIENTS_FILE")
    except ValueError as error:
        return str(error)
    return ""


def main() -> int:
    try:
        settings = WorkerSettings()
    except ValidationError as problem:
        sys.stderr.writelines(f"{fault}\n" for fault in setting_faults(problem))
        return 2
    if settings.clients_file is not None and (fault := _clients_fault(settings.clients_file)):
        sys.stderr.write(f"{fault}\n")
        return 2
    configure_logs(settings.log_level, settings.log_format)
    build_writes()
    tune()
    event_loop.run(work(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
