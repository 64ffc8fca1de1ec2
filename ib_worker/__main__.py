"""Starts the worker: it waits for the lease, then leads the session until the lease or the process ends."""

import asyncio
import logging
import os
import signal
import socket
import sys
from contextlib import suppress

from pydantic import ValidationError

from bridge.bus.leadership.failover import Relief
from bridge.bus.leadership.lease import LeaseLost
from bridge.bus.server.server import Answerer
from bridge.bus.transport.connection import BusError
from ib_worker import garbage_collection as garbage
from ib_worker.handlers import (  # noqa: F401  # importing registers the handlers
    account,
    contracts,
    market_data,
    order_queries,
    orders,
    previews,
    session,
)
from ib_worker.leader import lead
from ib_worker.liveness import beat
from ib_worker.logging_setup import configure_logs
from ib_worker.racing import first
from ib_worker.session.failover import STAND_BACK_S, Relieved, Relieving
from ib_worker.settings import Settings

log = logging.getLogger("ib_worker")


async def work(settings: Settings) -> None:
    stopping = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    worker = f"{socket.gethostname()}-{os.getpid()}"
    await first(_lead_for_ever(settings, worker, stopping), beat(settings.beat_file))


async def _lead_for_ever(settings: Settings, worker: str, stopping: asyncio.Event) -> None:
    """Stand by, lead, stand by again when another leads, until told to stop."""
    files = settings.leader_file, settings.watermark_file
    async with Answerer(settings.redis_url, settings.ibkr_session, worker, *files) as bus:
        relieving = Relieving(Relief(bus.pipe, bus.keys))
        while True:
            await first(bus.lead(), relieving.offer(settings.gateway), stopping.wait())
            if stopping.is_set():
                return
            try:
                await lead(bus, settings, stopping, relieving=relieving)
            except LeaseLost as lost:
                log.warning("this worker leads no more: %s", lost)
            except Relieved:
                log.warning("a standby reaches the gateway and this worker does not: it is to lead")
                with suppress(BusError):  # it lapses by itself
                    await bus.hand_over()
                await first(asyncio.sleep(STAND_BACK_S), stopping.wait())


def main() -> int:
    try:
        settings = Settings()
    except ValidationError as problem:
        for each in problem.errors(include_url=False, include_input=False):
            where = ".".join(str(part) for part in each["loc"]).upper()
            sys.stderr.write(f"{where or 'settings'}: {each['msg'].removeprefix('Value error, ')}\n")
        return 2
    configure_logs(settings.log_level, settings.log_format)
    garbage.tune()
    asyncio.run(work(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
