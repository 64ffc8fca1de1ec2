"""The front's log: one JSON object a line on stderr, libraries' records included, account numbers masked."""

import asyncio
import atexit
import logging
import re
import sys
from typing import TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bridge.redaction import mask_event

# uvicorn's and the SDK's own words at INFO are a line per request or per start, which our own lines already say.
QUIET = ("uvicorn.access", "mcp", "fastmcp", "sse_starlette", "httpx2", "httpcore2")
CALLERS = ("uvicorn", "mcp")  # whose warnings tell of what anybody sends, who may send it again and again
APART_S = 60.0
MOST = 100  # texts
SHOWN = 40  # characters of a text by which it is known again
GATHER_S = 0.05  # a write to a log costs as much as the rest of a line: this long, lines wait for company

ACCOUNT_LIKE = re.compile("[UFI][0-9]{5}")  # in a line, where each account number that is masked has it

SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


class BatchedStream:
    """A stream that writes what has come within GATHER_S at once; without an event loop, at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._texts: list[str] = []

    def write(self, text: str) -> None:
        self._texts.append(text)
        if len(self._texts) > 1:
            return
        try:
            asyncio.get_running_loop().call_later(GATHER_S, self.send)
        except RuntimeError:
            self.send()

    def flush(self) -> None:
        """Asked for by loggers after each line, which is what this stream is there to avoid."""

    def send(self) -> None:
        texts, self._texts = self._texts, []
        self._stream.write("".join(texts))
        self._stream.flush()


class RateLimitedLog(logging.Filter):
    """Lets a warning of CALLERS pass once a minute, whatever it names."""

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING or record.name.split(".")[0] not in CALLERS:
            return True
        name = (record.name, str(record.msg)[:SHOWN])
        if record.created < self._quiet_until.get(name, 0.0):
            return False
        if len(self._quiet_until) >= MOST:
            self._quiet_until.clear()
        self._quiet_until[name] = record.created + APART_S
        return True


def configure_logs(level: str, style: str) -> None:
    """Write our lines straight to stderr: through the standard library they would cost a call a quarter of its time."""
    out = BatchedStream(sys.stderr)
    atexit.register(out.send)
    structlog.configure(
        processors=[*SHARED, *_rendered(style)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_: structlog.WriteLogger(out),  # type: ignore[arg-type] # it needs write and flush alone
        cache_logger_on_first_use=False,  # a logger made at import must follow what is configured later
    )
    handler = logging.StreamHandler(out)
    formatted = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered(style)]
    handler.addFilter(RateLimitedLog())
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=formatted, foreign_pre_chain=SHARED))
    _replace_handlers(handler, level)


def _rendered(style: str) -> list[Processor]:
    if style == "console":
        plain = structlog.dev.plain_traceback  # a pretty one would be made after the masking, of the bare error
        console = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
        return [structlog.processors.format_exc_info, mask_event, console]
    return [structlog.processors.format_exc_info, _json_line]


def _json_line(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """Return the event as JSON. Its values are looked through one by one only where the line may have an account
    number: nearly none has, and each call makes a line."""
    line = _json(event)
    return line if ACCOUNT_LIKE.search(line) is None else _json(mask_event(logger, method, event))


def _json(event: EventDict) -> str:
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
