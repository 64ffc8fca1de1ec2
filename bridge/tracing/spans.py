"""The spans of a call, as the services use them; without a tracer none is made."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

Side = Literal["server", "client"]


class Span(Protocol):
    """One step of a call. `traceparent` names it for the next service (W3C Trace Context)."""

    @property
    def traceparent(self) -> str: ...

    def ended(self, outcome: str) -> None:
        """Note ok or the error's code."""


class Tracer(Protocol):
    """Makes spans, and sends them in a thread of its own."""

    def span(self, name: str, side: Side, parent: str | None = None, **attributes: str) -> AbstractContextManager[Span]:
        """Open a span below `parent`, a traceparent; without one below the span that is open, if any is."""

    def inner(self, name: str, **attributes: str) -> AbstractContextManager[None]:
        """Open a client's span below the one that is open; where none is, the work belongs to no call."""

    async def close(self) -> None:
        """Send what waits, for a bounded time."""


@contextmanager
def traced(tracer: Tracer | None, name: str, parent: str | None) -> Iterator[str | None]:
    """Open a client's span, and yield the traceparent that the next service is to get."""
    if tracer is None:
        yield parent
        return
    with tracer.span(name, "client") as span:
        yield span.traceparent


@contextmanager
def inside(tracer: Tracer | None, name: str) -> Iterator[None]:
    """Open a span below the one that is open, where there is a tracer."""
    if tracer is None:
        yield
        return
    with tracer.inner(name):
        yield
