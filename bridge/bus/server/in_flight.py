"""Limits of how many requests a worker has in progress at once."""

from collections import Counter

from bridge.bus.messages import Request
from bridge.bus.server.request import RequestContext
from bridge.tool import OPERATIONS, ToolError

AT_ONCE = 1_000  # reads in hand, and as many writes; TWS takes fifty messages a second, and what waits for more is late
AT_ONCE_OF_ONE = 200  # reads of one caller


class InFlightLimits:
    """Limits of requests in progress, per caller and in total: a flood of one caller leaves room for others, reads
    leave room for writes, and placements leave room for cancels."""

    def __init__(self) -> None:
        self._reads: Counter[str] = Counter()
        self._writes = 0

    def has_room(self, request: Request) -> bool:
        if request.key is not None:
            operation = OPERATIONS.get(request.op)
            return self._writes < (2 * AT_ONCE if operation is not None and operation.relieves else AT_ONCE)
        return self._reads.total() < AT_ONCE and self._reads[request.client] < AT_ONCE_OF_ONE

    def counts(self) -> tuple[int, int]:
        """Return the reads and the writes."""
        return self._reads.total(), self._writes

    def add(self, request: Request) -> None:
        self._count(request, 1)

    def remove(self, request: Request) -> None:
        self._count(request, -1)

    def _count(self, request: Request, by: int) -> None:
        if request.key is not None:
            self._writes += by
            return
        self._reads[request.client] += by
        if not self._reads[request.client]:
            del self._reads[request.client]


async def overloaded(context: RequestContext) -> bytes:
    """Reject a request beyond the limits. Raises ToolError overloaded."""
    raise ToolError(
        "overloaded",
        f"Too many requests in progress (limit: {AT_ONCE_OF_ONE} reads per client, {AT_ONCE} in total). Retry in 1 "
        "second.",
        retry_after_s=1,
    )
