"""How the front logs: one JSON object a line on stderr, the libraries' records included."""

import logging
import sys
from typing import Any

import msgspec
import structlog
from structlog.typing import Processor

# uvicorn's and the SDK's own words at INFO are a line per request or per start, which our own lines already say.
QUIET = ("uvicorn.access", "mcp", "fastmcp", "sse_starlette", "httpx2", "httpcore2")

SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logs(level: str, style: str) -> None:
    """Write our lines straight to stderr: through the standard library they would cost a call a quarter of its time."""
    structlog.configure(
        processors=[*SHARED, *_rendered(style)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,  # a logger made at import must follow what is configured later
    )
    handler = logging.StreamHandler(sys.stderr)
    formatted = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered(style)]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=formatted, foreign_pre_chain=SHARED))
    _replace_handlers(handler, level)


def _rendered(style: str) -> list[Processor]:
    if style == "console":
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]


def _json(event: Any, **_options: Any) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()


def _replace_handlers(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logger = logging.getLogger(name)
        logger.handlers.clear()  # fastmcp hangs a Rich console on its logger when it is imported
        logger.propagate = True
        logger.setLevel(max(logging.WARNING, root.level))
