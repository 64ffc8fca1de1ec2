"""One tool call from the MCP edge to its answer: its caller, its limits, its outcome."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context as ContextVariables
from typing import Any, Protocol, runtime_checkable

import msgspec
import structlog
from fastmcp import Context
from fastmcp.tools import ToolResult
from fastmcp.tools.base import InputRequiredToolResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.types import Scope

from bridge.bus.client.call_trace import CallTrace
from bridge.bus.client.front_channel import RequestId
from bridge.bus.identity.rights import Rights, scope_error, toolset_error
from bridge.bus.messages import LOCAL, BusCaller
from bridge.metrics.figures import CallFigures
from bridge.tool import Effect, ToolError, ToolRequest, ToolSpec
from bridge.tracing.spans import Span, Tracer
from mcp_front.admission.auth import current_principal, current_proof, current_rights, label_of, peer_of
from mcp_front.admission.fair_queueing import release_slot
from mcp_front.admission.rate_limits import ConcurrencyLimiter
from mcp_front.admission.refusal_notes import RefusalNotes
from mcp_front.protocol.arguments import parse_arguments
from mcp_front.protocol.envelope import REQUEST_ID
from mcp_front.protocol.lenient_arguments import parse_leniently
from mcp_front.protocol.results import error_result
from mcp_front.tools.cancellation import RunningCalls
from mcp_front.tools.known_tools import HiddenTools

TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context

LOG_AFTER_S = 0.01  # a line takes a third as long right after another
DIRECT, FASTMCP = "direct", "fastmcp"  # the lanes: who answers a call over HTTP

log = structlog.get_logger(__name__)


class Caller(BusCaller, frozen=True, kw_only=True):
    """The caller of a call, with its rights."""

    rights: Rights

    @property
    def client(self) -> str:
        """Principal and label in one text, as the worker's logs have it."""
        return self.label if self.principal == LOCAL else f"{self.principal}/{self.label}"


class ClientMessages(Protocol):
    """The way from a running call to its client. Each method waits until the client has room for the message."""

    async def info(self, message: str, *, extra: Mapping[str, Any]) -> None: ...

    async def report_progress(self, progress: float, total: float, message: str) -> None: ...


@runtime_checkable
class PromptMessages(ClientMessages, Protocol):
    """A way that can also be taken within one step of the loop."""

    def send_now(self, message: str, values: bytes, progress: float, total: float) -> bool:
        """Send the line with its values, as JSON, and the progress. Returns False, and sends nothing, where that would
        have to wait."""


class Origin(msgspec.Struct, frozen=True):
    """The request that a call came in. `client`: its MCP client's name, "" where it gives none; `scope`: its ASGI
    scope, None outside HTTP; `fastmcp`: its context, None where FastMCP does not answer; `messages`: the direct lane's
    in its place, for the tools that need them."""

    scope: Scope | None
    client: str
    modern: bool
    traceparent: object = None
    fastmcp: Context | None = None
    messages: ClientMessages | None = None


class Call(msgspec.Struct, frozen=True):
    """A call that may be answered: its arguments are valid, its caller is known, allowed and within limits."""

    declared: ToolSpec
    request: ToolRequest
    caller: Caller
    origin: Origin
    made_key: bool = False  # an earlier round's: the client has not been told it
    unused: str = ""  # a sentence on arguments that were passed over

    @property
    def context(self) -> Context:
        """FastMCP's context, for questions. Only FastMCP answers a call that needs it."""
        assert self.origin.fastmcp is not None
        return self.origin.fastmcp

    @property
    def messages(self) -> ClientMessages:
        """Return the way to tell the client something while the call runs."""
        messages = self.origin.messages or self.origin.fastmcp
        assert messages is not None  # the lane gives its own to the tools that ask for it
        return messages


Answer = Callable[[Call], Awaitable[ToolResult]]


class _RunningCount(AbstractContextManager[None]):
    """The count of blocks that run in it now. `idle` is set while there are none."""

    def __init__(self) -> None:
        self.count = 0
        self.idle = asyncio.Event()
        self.idle.set()

    def __enter__(self) -> None:
        self.count += 1
        self.idle.clear()

    def __exit__(self, *_: object) -> None:
        self.count -= 1
        if not self.count:
            self.idle.set()


class _CallLog:
    """Writes a line for each call once its answer is on its way: the calls of LOG_AFTER_S together, in one step."""

    def __init__(self) -> None:
        self._ended: list[dict[str, Any]] = []

    def ended(self, outcome: str, ms: float, bound: dict[str, str]) -> None:
        """Note a call's end. `bound`: what names the call in each of its lines."""
        self._ended.append({"outcome": outcome, "ms": ms, **bound})
        if len(self._ended) == 1:  # the lines name their calls themselves: none gets the names of the first
            asyncio.get_running_loop().call_later(LOG_AFTER_S, self._write, context=ContextVariables())

    def _write(self) -> None:
        ended, self._ended = self._ended, []
        bound = log.bind()  # once: for each line anew, that costs as much as the line
        for each in ended:
            bound.info("call", **each)


class CallPipeline:
    """Answers a call with its tool's own function, or with the one for its effect."""

    def __init__(
        self,
        by_name: Mapping[str, Answer],
        by_effect: Mapping[Effect, Answer],
        limits: ConcurrencyLimiter,
        hidden: HiddenTools,
    ) -> None:
        self._by_name = by_name
        self._by_effect = by_effect
        self._limits = limits
        self._hidden = hidden
        self.figures: CallFigures | None = None  # where metrics are served
        self.tracer: Tracer | None = None  # where traces are sent
        self.under_way = RunningCalls()
        self._running = _RunningCount()
        self._log = _CallLog()
        self.trace: CallTrace | None = None  # for whoever watches the calls
        self.refusals: RefusalNotes | None = None  # for a client that asks why

    async def answer(self, declared: ToolSpec, arguments: dict[str, Any], origin: Origin) -> ToolResult:
        """Return the MCP client's answer."""
        caller = _caller(origin)
        if self.tracer is None:
            return await self._answer(declared, arguments, caller, origin)
        named = {"client": caller.client, "request_id": caller.request_id}
        with self.tracer.span(f"tools/call {declared.tool_name}", "server", caller.traceparent, **named) as span:
            traced = msgspec.structs.replace(caller, traceparent=span.traceparent)
            return await self._answer(declared, arguments, traced, origin, span)

    async def _answer(
        self, declared: ToolSpec, arguments: dict[str, Any], caller: Caller, origin: Origin, span: Span | None = None
    ) -> ToolResult:
        """The one place that catches a bug of ours and logs its traceback."""
        bound = {
            "tool": declared.name,
            "caller": caller.principal,
            "client": caller.label,
            "request_id": caller.request_id,
        }
        tokens = structlog.contextvars.bind_contextvars(**bound)
        began, outcome = time.monotonic(), "cancelled"
        try:
            with self._running, self._listed(declared, caller, origin):
                result = await self._checked(declared, arguments, caller, origin)
            outcome = "asked" if isinstance(result, InputRequiredToolResult) else "ok"
        except ToolError as error:
            outcome = error.code
            result = error_result(self._hidden.noted_error(error))
        except Exception:
            outcome = "internal"
            log.exception("call_failed")
            result = error_result(self._hidden.noted_error(_internal(declared, caller)))
        finally:
            seconds = time.monotonic() - began
            if span is not None:
                span.ended(outcome)
            ms = round(seconds * 1000, 1)
            self._log.ended(outcome, ms, bound)
            if self.figures is not None:
                lane = DIRECT if origin.fastmcp is None else FASTMCP
                self.figures.ended(declared.name, caller.client, outcome, seconds, lane)
            if self.trace is not None:
                self.trace.ended(declared.name, caller.principal, caller.label, outcome, ms, arguments)
            structlog.contextvars.reset_contextvars(**tokens)
        return result

    def counted(self) -> AbstractContextManager[None]:
        """Not idle meanwhile."""
        return self._running

    @property
    def running(self) -> int:
        """Return the number of calls that run now."""
        return self._running.count

    @property
    def is_idle(self) -> bool:
        return self._running.idle.is_set()

    async def idle(self) -> None:
        """Return once no call is running."""
        await self._running.idle.wait()

    async def _checked(
        self, declared: ToolSpec, arguments: dict[str, Any], caller: Caller, origin: Origin
    ) -> ToolResult:
        refused_here = True
        try:
            with self._place(declared, caller):
                _allow(declared, caller.rights)
                request, unused = _parsed(declared, arguments)
                call = Call(declared, request, caller, origin, unused=unused)
                answer = self._by_name.get(declared.name) or self._by_effect[declared.effect]
                if origin.scope is not None and (declared.waits or declared.effect is not Effect.READ):
                    release_slot(origin.scope)  # it waits for an event, or for Redis to keep a record and for TWS
                refused_here = declared.composed  # of a write the worker itself writes its refusal into the audit log
                return await answer(call)
        except ToolError as error:
            if refused_here and self.refusals is not None:
                await self.refusals.note(declared, arguments, caller, error)
            raise

    def _listed(self, declared: ToolSpec, caller: Caller, origin: Origin) -> AbstractContextManager[None]:
        """The call among those that a 2025 client may cancel by its id; a 2026 client closes the stream instead."""
        request_id: RequestId | None = origin.scope.get(REQUEST_ID) if origin.scope is not None else None
        if request_id is None or origin.modern:
            return nullcontext()
        endable = declared.effect is Effect.READ
        return self.under_way.running(caller.principal, peer_of(origin.scope)[0], request_id, endable=endable)

    def _place(self, declared: ToolSpec, caller: Caller) -> AbstractContextManager[None]:
        """The call's place among those of its token, or without tokens of its label. A call that reduces risk needs
        none: it must work while the caller's streams run, and while something floods. A call that waits for an event
        has a count of its own."""
        if declared.relieves or declared.waits:
            return nullcontext()
        return self._limits.admitted(caller.label if caller.principal == LOCAL else caller.principal)


def _parsed(declared: ToolSpec, arguments: dict[str, Any]) -> tuple[ToolRequest, str]:
    """The arguments, and a sentence on those that were passed over. Raises ToolError invalid_arguments."""
    if not declared.relieves:
        return parse_arguments(declared, arguments), ""
    if declared.effect is Effect.HALT and arguments.get("reason") is None:
        arguments = arguments | {"reason": ""}  # a halt without a reason halts
    return parse_leniently(declared, arguments)


def fastmcp_origin(context: Context) -> Origin:
    """The request behind a call that FastMCP hands on. A 2025 client gives its name only in `initialize`, and this
    front keeps no session; the trace is in the request's `_meta` (MCP), else in the HTTP header."""
    request = context.request_context
    if request is None:
        return Origin(None, "", modern=False, fastmcp=context)
    params, http = request.session.client_params, request.request
    header = http.headers.get("traceparent") if http else None
    return Origin(
        scope=http.scope if http else None,
        client=params.client_info.name if params else "",
        modern=request.protocol_version in MODERN_PROTOCOL_VERSIONS,
        traceparent=(request.meta or {}).get("traceparent", header),
        fastmcp=context,
    )


def _caller(origin: Origin) -> Caller:
    # No secret, only unlike any other: the system's own randomness would cost a call another trip to the kernel.
    trace = origin.traceparent if isinstance(origin.traceparent, str) else ""
    traceparent = trace if TRACEPARENT.fullmatch(trace) else None
    return Caller(
        principal=current_principal(origin.scope),
        label=label_of(origin.scope, origin.client),
        request_id=f"{random.getrandbits(64):016x}",
        traceparent=traceparent,
        rights=current_rights(origin.scope),
        proof=current_proof(origin.scope),
    )


def _allow(declared: ToolSpec, rights: Rights) -> None:
    """Raise where the caller may not use the tool; the list of tools hides it for the same reason."""
    if rights.may_use(declared):
        return
    scope = rights.missing_scope(declared.effect)
    if scope is None:
        raise toolset_error(declared, "your token")
    raise scope_error(declared, scope, "your token")


def _internal(declared: ToolSpec, caller: Caller) -> ToolError:
    text = f"This front failed while answering; its log has the cause under request {caller.request_id}."
    if declared.effect is Effect.WRITE:
        text += " It is unknown whether the order was sent: check ibkr_get_open_orders and ibkr_get_executions first."
    return ToolError("internal", text, request_id=caller.request_id)
