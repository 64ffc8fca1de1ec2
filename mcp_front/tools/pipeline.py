"""One tool call from the MCP edge to its answer: who calls, within which limits, with what outcome."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from fastmcp import Context
from fastmcp.server.dependencies import get_context
from fastmcp.tools import ToolResult
from fastmcp.tools.base import InputRequiredToolResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from bridge.bus.client.front_channel import RequestId
from bridge.text.plain_text import one_line
from bridge.tool import Effect, ToolError, ToolRequest, ToolSpec
from mcp_front.admission.auth import current_caller, missing_scope
from mcp_front.admission.fair_queueing import release_slot
from mcp_front.admission.rate_limits import ConcurrencyLimiter
from mcp_front.protocol.arguments import parse_arguments
from mcp_front.protocol.envelope import REQUEST_ID
from mcp_front.protocol.lenient_arguments import parse_leniently
from mcp_front.protocol.results import error_result
from mcp_front.tools.cancellation import RunningCalls

TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context

LOG_AFTER_S = 0.002
LONGEST_LABEL = 64  # characters

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Caller:
    """The caller of a request, and the ids that follow it through the logs of both services. `name` is the
    principal."""

    name: str
    label: str
    request_id: str
    traceparent: str | None


@dataclass(frozen=True)
class Call:
    """A call that may be answered: its arguments are validated, its caller is known, allowed and within limits."""

    declared: ToolSpec
    request: ToolRequest
    caller: Caller
    context: Context
    made_key: bool = False  # an earlier round's: the client has not been told it
    unused: str = ""  # a sentence on arguments that were passed over


Answer = Callable[[Call], Awaitable[ToolResult]]


class CallPipeline:
    """Answers a call with its tool's own answer, or with the one for its effect where the tool has none."""

    def __init__(
        self, by_name: Mapping[str, Answer], by_effect: Mapping[Effect, Answer], limits: ConcurrencyLimiter
    ) -> None:
        self._by_name = by_name
        self._by_effect = by_effect
        self._limits = limits
        self.under_way = RunningCalls()
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def answer(self, declared: ToolSpec, arguments: dict[str, Any]) -> ToolResult:
        """Return the MCP client's answer. The one place that catches a bug of ours and logs its traceback."""
        context = get_context()
        caller = _caller(context)
        with structlog.contextvars.bound_contextvars(
            tool=declared.name, caller=caller.name, client=caller.label, request_id=caller.request_id
        ):
            began, outcome = time.monotonic(), "cancelled"
            try:
                with self.counted(), self._listed(declared, caller, context):
                    result = await self._checked(declared, arguments, caller, context)
                outcome = "asked" if isinstance(result, InputRequiredToolResult) else "ok"
            except ToolError as error:
                outcome = error.code
                result = error_result(error)
            except Exception:
                outcome = "internal"
                log.exception("call_failed")
                result = error_result(_internal(declared, caller))
            finally:
                _log_later(outcome, round((time.monotonic() - began) * 1000, 1))
            return result

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Not idle meanwhile."""
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    @property
    def is_idle(self) -> bool:
        return self._idle.is_set()

    async def idle(self) -> None:
        """Return once no call is running."""
        await self._idle.wait()

    async def _checked(
        self, declared: ToolSpec, arguments: dict[str, Any], caller: Caller, context: Context
    ) -> ToolResult:
        with self._place(declared, caller):
            _allow(declared)
            request, unused = _parsed(declared, arguments)
            call = Call(declared, request, caller, context, unused=unused)
            answer = self._by_name.get(declared.name) or self._by_effect[declared.effect]
            _let_others_in(context)
            return await answer(call)

    def _listed(self, declared: ToolSpec, caller: Caller, context: Context) -> AbstractContextManager[None]:
        """The call among those that a 2025 client may cancel by its id; a 2026 client closes the stream instead."""
        request_id = _request_id(context)
        if request_id is None or _is_modern(context):
            return nullcontext()
        endable = declared.effect is Effect.READ
        return self.under_way.running(caller.name, caller.label, request_id, endable=endable)

    def _place(self, declared: ToolSpec, caller: Caller) -> AbstractContextManager[None]:
        """The call's place among its caller's. A call that reduces risk needs none: it must work while the caller's
        streams run, and while something floods."""
        if declared.relieves:
            return nullcontext()
        return self._limits.admitted(caller.name)


def _parsed(declared: ToolSpec, arguments: dict[str, Any]) -> tuple[ToolRequest, str]:
    """The arguments, and a sentence on those that were passed over. Raises ToolError invalid_arguments."""
    if not declared.relieves:
        return parse_arguments(declared, arguments), ""
    if declared.effect is Effect.HALT and arguments.get("reason") is None:
        arguments = arguments | {"reason": ""}  # a halt without a reason halts
    return parse_leniently(declared, arguments)


def _log_later(outcome: str, ms: float) -> None:
    """The call's line, with what is bound to it now, is written once its answer is on its way."""
    asyncio.get_running_loop().call_later(LOG_AFTER_S, partial(log.info, "call", outcome=outcome, ms=ms))


def _caller(context: Context) -> Caller:
    # No secret, only unlike any other: the system's own randomness would cost a call another trip to the kernel.
    return Caller(current_caller(), _label(context), f"{random.getrandbits(64):016x}", _traceparent(context))


def _label(context: Context) -> str:
    """The MCP client's name, else the address that it connects from. A 2025 client gives its name only in
    `initialize`, and this front keeps no session."""
    request = context.request_context
    if request is None:
        return ""
    params = request.session.client_params
    name = one_line(params.client_info.name, LONGEST_LABEL) if params else ""
    client = request.request.client if request.request else None
    return name or (client.host if client else "")


def _let_others_in(context: Context) -> None:
    """From here on the call waits for the worker."""
    request = context.request_context
    if request is not None and request.request is not None:
        release_slot(request.request.scope)


def _request_id(context: Context) -> RequestId | None:
    """The JSON-RPC id as the client wrote it."""
    request = context.request_context
    found: RequestId | None = request.request.scope.get(REQUEST_ID) if request and request.request else None
    return found


def _traceparent(context: Context) -> str | None:
    """The trace that the client continues: from the request's `_meta` (MCP), else from the HTTP header."""
    request = context.request_context
    if request is None:
        return None
    header = request.request.headers.get("traceparent") if request.request else None
    given = (request.meta or {}).get("traceparent", header)
    return given if isinstance(given, str) and TRACEPARENT.fullmatch(given) else None


def _allow(declared: ToolSpec) -> None:
    """Raise where the caller's token lacks the scope; the list of tools hides such a tool for the same reason."""
    scope = missing_scope(declared.effect)
    if scope is not None:
        raise ToolError(
            "forbidden",
            f"{declared.tool_name} needs a token with the scope {scope}, which yours has not. Whoever runs this front "
            "can make one.",
            scope=scope,
        )


def _is_modern(context: Context) -> bool:
    request = context.request_context
    return request is not None and request.protocol_version in MODERN_PROTOCOL_VERSIONS


def _internal(declared: ToolSpec, caller: Caller) -> ToolError:
    text = f"This front failed while answering; its log says more under request {caller.request_id}."
    if declared.effect is Effect.WRITE:
        text += " Whether the order was sent is not known: look at ibkr_get_open_orders and ibkr_get_executions first."
    return ToolError("internal", text, request_id=caller.request_id)
