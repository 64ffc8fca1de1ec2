"""Serves the console from its settings: `python -m console`."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Any

import structlog
from pydantic import ValidationError

from bridge.bus.client.client import BusClient
from bridge.metrics.figures import ROUND_TRIP_BOUNDS_S, Distribution
from bridge.metrics.server import MetricsServer, serving_metrics
from bridge.settings import setting_faults
from console.app import build_app
from console.live.feed import PageFeed
from console.metrics import ConsoleParts, ResponseCount, console_samples
from console.pages.rendering import drawn
from console.settings import ConsoleSettings, load_settings
from console.web.server import ConsoleServer, server_config

log = structlog.get_logger("console")


def main() -> int:
    """The exit status: 2 where the settings are no good."""
    try:
        settings = load_settings()
    except ValidationError as error:
        sys.stderr.writelines(f"{line}\n" for line in setting_faults(error))
        return 2
    configure_logs(settings.log_level)
    for each in (signal.SIGINT, signal.SIGTERM):  # uvicorn ends in order at one, then raises it again
        signal.signal(each, lambda *_: None)
    asyncio.run(serve(settings))
    return 0


async def serve(settings: ConsoleSettings) -> None:
    """Serve until a signal."""
    name = f"console-{os.getpid()}-{secrets.token_hex(3)}"
    async with BusClient(settings.redis_url, settings.ibkr_session, name) as bus:
        address: dict[str, Any] = {"host": settings.console_host, "port": settings.console_port}
        feed = PageFeed(bus, drawn)
        app = ResponseCount(build_app(bus, settings, feed))
        config = server_config(app, proxies=settings.forwarded_allow_ips, **address)
        server = ConsoleServer(config, feed.close)
        log.info("console_serving", url=settings.url, session=settings.ibkr_session)
        async with _metrics(settings, bus, app, server):
            await server.serve(_inherited(settings.console_fd))


def _inherited(number: int | None) -> list[socket.socket] | None:
    """Return the socket that whoever started this process listens on; None where there is none."""
    return None if number is None else [socket.socket(fileno=number)]


def _metrics(
    settings: ConsoleSettings, bus: BusClient, app: ResponseCount, server: ConsoleServer
) -> AbstractAsyncContextManager[MetricsServer | None]:
    """Return what serves the metrics; nothing of it is loaded where no port is set."""
    if settings.metrics_port is None:
        return nullcontext()
    round_trips = Distribution(ROUND_TRIP_BOUNDS_S)
    bus.pipe.on_round_trip = round_trips.add
    parts = ConsoleParts(app, server.server_state.connections, round_trips)
    return serving_metrics(settings, partial(console_samples, parts, bus), {"session": settings.ibkr_session})


def configure_logs(level: str) -> None:
    """Write one JSON object a line on stderr."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
