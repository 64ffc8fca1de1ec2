"""Faults of single frames: lost, late, twice, in the wrong order, changed, or made up."""

from __future__ import annotations

from ibgateway.simulator.faults.engine import FaultContext, FaultEngine, verb
from ibgateway.simulator.faults.filters import Delay, Duplicate, FrameFilter, Reverse, Rewrite, Swallow, Truncate
from ibgateway.simulator.faults.script import REST, Argument, number, server_message, word
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.encoding.text import message

MESSAGE = Argument(server_message)
HOW_MANY = Argument(int, None)  # frames; all where it is left out


def _add(faults: FaultEngine, one: FrameFilter) -> None:
    faults.filters.append(one)


@verb("swallow", MESSAGE, HOW_MANY)
def swallow(faults: FaultEngine, context: FaultContext, msgId: int, times: int | None) -> None:
    """Never send these frames."""
    _add(faults, Swallow(msgId, context.step.client, times))


@verb("delay", MESSAGE, Argument(number), HOW_MANY)
def delay(faults: FaultEngine, context: FaultContext, msgId: int, seconds: float, times: int | None) -> None:
    """Send these frames later; others overtake them."""
    _add(faults, Delay(msgId, context.step.client, times, seconds))


@verb("duplicate", MESSAGE, Argument(int, 2), HOW_MANY)
def duplicate(faults: FaultEngine, context: FaultContext, msgId: int, copies: int, times: int | None) -> None:
    """Send these frames several times."""
    _add(faults, Duplicate(msgId, context.step.client, times, copies))


@verb("reverse", MESSAGE)
def reverse(faults: FaultEngine, context: FaultContext, msgId: int) -> None:
    """Reverse the order of these frames within one write."""
    _add(faults, Reverse(msgId, context.step.client, None))


@verb("rewrite", MESSAGE, Argument(int), Argument(word), HOW_MANY)
def rewrite(faults: FaultEngine, context: FaultContext, msgId: int, field: int, text: str, times: int | None) -> None:
    """Replace the text of one field of these frames; the message id is field 0."""
    _add(faults, Rewrite(msgId, context.step.client, times, field, text))


@verb("truncate", MESSAGE, Argument(int), HOW_MANY)
def truncate(faults: FaultEngine, context: FaultContext, msgId: int, fields: int, times: int | None) -> None:
    """Cut these frames after a number of fields."""
    _add(faults, Truncate(msgId, context.step.client, times, fields))


@verb("through")
def through(faults: FaultEngine, context: FaultContext) -> None:
    """Remove all filters: frames pass unchanged."""
    faults.filters.clear()


@verb("send", REST)
def send(faults: FaultEngine, context: FaultContext, fields: tuple[str, ...]) -> None:
    """Send a frame of any fields, the message id first."""
    payload = message(int(fields[0]), *fields[1:])
    for connection in context.concerned(faults.gateway):
        connection.send(payload)


@verb("ignore")
def ignore(faults: FaultEngine, context: FaultContext) -> None:
    """Drop the client's frame without a reply."""
    context.frame()
    context.swallowed = True


@verb("hold", Argument(number))
def hold(faults: FaultEngine, context: FaultContext, seconds: float) -> None:
    """Handle the client's frame later."""
    connection, payload = context.frame()
    faults.hold(connection, payload, faults.now + seconds)
    context.swallowed = True


@verb("answer", Argument(int), REST)
def answer(faults: FaultEngine, context: FaultContext, code: int, words: tuple[str, ...]) -> None:
    """Answer the client's frame with an error in place of handling it."""
    connection, payload = context.frame()
    connection.error(_id_of(connection.version, payload), code, " ".join(words))
    context.swallowed = True


@verb("notice", Argument(int), REST)
def notice(faults: FaultEngine, context: FaultContext, code: int, words: tuple[str, ...]) -> None:
    """Handle the client's frame, then send an error with its id."""
    connection, payload = context.frame()
    connection.handle(payload)
    connection.error(_id_of(connection.version, payload), code, " ".join(words))
    context.swallowed = True


def _id_of(version: int, payload: bytes) -> int:
    try:
        request = requests.decode(payload, version)
    except (requests.BadFields, requests.UnknownMessage):
        return -1
    found: int = getattr(request, "reqId", getattr(request, "orderId", -1))
    return found
