"""How the front logs: one JSON object a line on stderr, the libraries' records included."""

import logging
import sys

import structlog
from structlog.typing import Processor

# uvicorn's and the SDK's own words at INFO are a line per request or per start, which our own lines already say.
QUIET = ("uvicorn.access", "mcp", "fastmcp", "sse_starlette", "httpx2", "httpcore2")


def configure_logs(level: str, style: str) -> None:
    """Send structlog and the standard library's logging through one formatter to stderr."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a logger made at import must follow what is configured later
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=_ending(style), foreign_pre_chain=shared))
    _replace_handlers(handler, level)


def _ending(style: str) -> list[Processor]:
    last: Processor = structlog.dev.ConsoleRenderer() if style == "console" else structlog.processors.JSONRenderer()
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        *([] if style == "console" else [structlog.processors.format_exc_info]),
        last,
    ]


def _replace_handlers(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logger = logging.getLogger(name)
        logger.handlers.clear()  # fastmcp hangs a Rich console on its logger when it is imported
        logger.propagate = True
        logger.setLevel(max(logging.WARNING, root.level))
