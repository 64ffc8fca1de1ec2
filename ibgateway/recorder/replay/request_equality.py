"""Equality of two requests, as the simulator reads them, so that clients of any language can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

import ibgateway.simulator.wire.requests  # noqa: F401 - fills the layouts
from ibgateway.recorder.transcript.scrub import NAMED, PERSONAL
from ibgateway.recorder.transcript.transcript import TranscriptFrame
from ibgateway.simulator.wire.encoding import layout

Facts = dict[str, str]
IDS = frozenset({"reqId", "orderId", "parentId"})
# They move with the day on which a client runs, and with the client itself.
MOVING = frozenset(
    [
        *("endDateTime", "startDateTime", "time", "startDate", "endDate", "specificDates", "goodAfterTime"),
        *("goodTillDate", "manualOrderTime", "manualCancelOrderTime", "activeStartTime", "activeStopTime"),
        *("clientId", "optionalCapabilities", "softDollarTier"),
    ]
)


def facts(request: TranscriptFrame) -> Facts:
    """Return a request's arguments by name; unset values are equal in all spellings."""
    try:
        decoded = layout.decode(request.payload, request.version)
    except (layout.BadFields, layout.UnknownMessage):
        return dict(zip(request.names, request.fields, strict=False))
    return dict(_flat("", decoded))


def exact(of: Facts) -> Facts:
    """Return the arguments without the ids that a client gives."""
    return {name: value for name, value in of.items() if _word(name) not in IDS}


def loose(of: Facts) -> Facts:
    """Return the arguments without ids, times and masked fields."""
    return {name: value for name, value in exact(of).items() if _word(name) not in MOVING | PERSONAL | NAMED}


def unmasked(of: Facts) -> Facts:
    """Return the arguments without masked fields and without the client's id."""
    return {name: value for name, value in of.items() if _word(name) not in {"clientId"} | PERSONAL | NAMED}


def _word(name: str) -> str:
    """`placed.1.orderRef` is an orderRef, `specificDates.0` one of specificDates."""
    return next(part for part in reversed(name.split(".")) if not part.isdecimal())


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if is_dataclass(value):
        for each in fields(value):
            yield from _flat(f"{name}.{each.name}" if name else each.name, getattr(value, each.name))
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _flat(f"{name}.{number}", each)
    elif isinstance(value, Decimal):
        yield name, format(value.normalize(), "f")
    else:
        yield name, str(value)
