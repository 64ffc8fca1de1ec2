"""From a request on the bus to its handler and back: parsing, the session's readiness, the one mapping of errors."""

import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from pydantic import TypeAdapter

from bridge.bus.identity.sign_ins import CONSOLE_CALLER
from bridge.bus.server.request import RequestContext
from bridge.tool import OPERATIONS, Effect, ToolError, ToolRequest, ToolSpec
from bridge.tracing.spans import Span
from ib_worker.answers.bounds import ListPart, longest_list
from ib_worker.answers.shapes import EncodedAnswer, ListSource, Shape, shape_of, shaped
from ib_worker.client_rights.accounts import own_accounts
from ib_worker.client_rights.current import acting_as, current_rights
from ib_worker.client_rights.symbols import require_own_symbols
from ib_worker.pacing.caller import SESSION, acting_for
from ib_worker.session.session import Session
from ib_worker.tws.errors import as_tool_error

Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)

INTERRUPTIONS = frozenset({"retry", "timeout", "bus_down"})  # of a call that was to send something and did not
NOTHING_SENT = "Not executed: the call was interrupted before anything was sent."
SAME_KEY = "Retry with the same key."
PREVIEW = "preview_order"

log = structlog.get_logger("ib_worker.handlers.dispatch")
_LOG = logging.getLogger("ib_worker.handlers.dispatch")  # asked whether a line is written at all


@dataclass(frozen=True)
class HandlerEntry:
    """One operation and what answers it."""

    declared: ToolSpec
    handler: Handler
    adapter: TypeAdapter[Any]
    takes_context: bool
    always: bool  # answered without a session that is ready, too


HANDLERS: dict[str, HandlerEntry] = {}  # by operation


def handles(request: type[ToolRequest], always: bool = False) -> Callable[[H], H]:
    """Register the handler of a declaration.

    It takes the request and the session, and the `RequestContext` if it has a third parameter: what changes something
    must. Reads are called only when the session is ready, unless they `always` have an answer.
    """
    declared = next(each for each in OPERATIONS.values() if each.request is request)

    def add(handler: H) -> H:
        takes_context = len(inspect.signature(handler).parameters) == 3
        HANDLERS[declared.name] = HandlerEntry(declared, handler, declared.adapter, takes_context, always)
        return handler

    return add


async def dispatch(session: Session, context: RequestContext) -> bytes:
    """Answer a request of the bus: the result as JSON. Raises ToolError for what a model can be told, and lets the
    bus's own errors pass."""
    if session.telemetry.tracer is None:
        return await _dispatched(session, context)
    named = {"client": context.client, "request_id": context.request_id}
    with session.telemetry.tracer.span(context.operation, "server", context.traceparent, **named) as span:
        return await _dispatched(session, context, span)


async def _dispatched(session: Session, context: RequestContext, span: Span | None = None) -> bytes:
    named = structlog.contextvars.bind_contextvars(request_id=context.request_id, operation=context.operation)
    began_ready, began, outcome = session.state.standing.ready, time.monotonic(), "cancelled"
    try:
        with acting_for(context.client, lambda: context.caller_left):
            result = await _answer(session, context)
        outcome = "ok"
        return result
    except Exception as problem:
        outcome = "internal"
        error = _interrupted(session, context, problem, began_ready) or as_tool_error(problem)
        if error is None or (context.stage == "accepted" and error is not problem):
            raise  # the bus logs it; a write that may have been sent has no answer then, and is not said to
        outcome = error.code
        log.info("request_refused", caller=context.client, code=error.code, error=error.message)
        if context.key is not None and error.code != "pending":
            session.services.audit.refused(context, error)
        raise error from problem
    finally:
        if span is not None:
            span.ended(outcome)
        if context.key is not None:
            session.state_changes.written()
        _note_end(session, context, outcome, time.monotonic() - began)
        structlog.contextvars.reset_contextvars(**named)


def _note_end(session: Session, context: RequestContext, outcome: str, seconds: float) -> None:
    """Write the line of a request that was answered: a write's always, a read's where the log has level debug."""
    if session.telemetry.figures is not None:
        session.telemetry.figures.ended(context.operation, context.client, outcome, seconds)
    level = logging.DEBUG if context.key is None else logging.INFO
    if outcome == "ok" and (level == logging.INFO or _LOG.isEnabledFor(level)):
        log.log(level, "request_answered", client=context.client, key=context.key, ms=round(seconds * 1000, 1))


def _interrupted(session: Session, context: RequestContext, problem: Exception, began_ready: bool) -> ToolError | None:
    """Return the error of an interrupted preview, or write whose frame has not gone out; None for all else."""
    if context.stage == "accepted":
        return None
    error, standing = as_tool_error(problem), session.state.standing
    fell = began_ready and not standing.ready and error is not None and error.code == standing.error().code
    if error is None or not (fell or error.code in INTERRUPTIONS):
        return None
    if context.operation == PREVIEW:
        return ToolError(error.code, f"{error.message} A preview places no order.", **error.details)
    if context.key is None:
        return None
    why = error.message.removesuffix(" Retry.")
    details = {name: value for name, value in error.details.items() if name != "reason"}
    return ToolError("not_executed", f"{NOTHING_SENT} {why} {SAME_KEY}", reason=error.code, **details)


async def _answer(session: Session, context: RequestContext) -> bytes:
    handled = HANDLERS.get(context.operation)
    if handled is None:
        raise ToolError(
            "internal", f"This worker has no operation {context.operation}. Update front and worker together."
        )
    client = await session.services.clients.admit(context, handled.declared)
    with acting_as(client):
        return await _admitted(session, context, handled)


async def _admitted(session: Session, context: RequestContext, handled: HandlerEntry) -> bytes:
    request = handled.declared.request.model_validate_json(context.arguments)
    if context.caller != CONSOLE_CALLER or handled.declared.effect is not Effect.READ:  # who looks on is no client
        session.callers.note(context.client, context.operation)
    await require_own_symbols(request, session.contracts.contract)
    if handled.declared.effect is Effect.READ and not handled.always:
        session.require_ready()
    shape = shape_of(request, handled.declared.returns) if handled.declared.listed else None  # wrong fields end here
    also = (context,) if handled.takes_context else ()
    result = await handled.handler(request, session, *also)
    context.accounts = _accounts(session, request) if shape is not None else None
    with acting_for(context.client if handled.declared.effect is Effect.READ else SESSION):  # what is done is told
        return await _encoded(session, handled, context, result, shape)


async def _encoded(
    session: Session, handled: HandlerEntry, context: RequestContext, result: Any, shape: Shape | None
) -> bytes:
    """The result as JSON; what is long is encoded beside the loop, and a list has the form that its caller wants."""
    long_work = session.long_work
    if shape is None:
        return await long_work.run(longest_list(result), lambda _: handled.adapter.dump_json(result))
    answer = result if isinstance(result, EncodedAnswer) else await _shaped(session, context, result, shape)
    context.truncated, context.simulated = answer.truncated, session.simulated
    return answer.json


def _accounts(session: Session, request: ToolRequest) -> list[str] | None:
    """Return the accounts of an answer that leaves out others, None for any other answer."""
    if not current_rights().accounts or not hasattr(request, "account"):
        return None
    return own_accounts(session.accounts) if session.account_set(request.account).is_filtered else None


async def _shaped(
    session: Session, context: RequestContext, listed: list[Any] | ListSource[Any], shape: Shape
) -> EncodedAnswer[Any]:
    """The list's answer: the one that these very items had before, or a new one."""
    source = listed if isinstance(listed, ListSource) else None
    items = listed.items if isinstance(listed, ListSource) else listed
    of = listed.of if isinstance(listed, ListSource | ListPart) else len(items)
    question = (context.operation, context.arguments)
    kept = session.caches.answers.find(question, items, of)
    if kept is None:
        rows = items if source is None else await session.long_work.each(items, source.convert)
        kept = await session.long_work.run(rows, lambda rows: shaped(context.operation, rows, of, shape))
        session.caches.answers.keep(question, items, of, kept)
    return kept
