"""Running calls by the client's own request id, and their cancellation by a notification in a POST of its own.

A 2026-07-28 client cancels by closing the request's stream. A 2025 client sends `notifications/cancelled`, and this
front keeps no session in which the id would be unique: two clients behind one token and address may both use id 1.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from bridge.bus.client.front_channel import RequestId, RunningRead
from bridge.tool import ToolError

Client = tuple[str, str, str, RequestId]  # principal, address, the id's type (1 is not "1"), the id


@dataclass(eq=False)
class RunningCall:
    """One running call. `endable`: a read, which changes nothing by ending early."""

    endable: bool
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    token: str = ""  # made when a front looks for the call


class RunningCalls:
    """The calls of handshake-era clients that run on this front."""

    def __init__(self) -> None:
        self._by_client: defaultdict[Client, list[RunningCall]] = defaultdict(list)
        self._by_token: dict[str, RunningCall] = {}

    @contextmanager
    def running(self, principal: str, address: str, request_id: RequestId, *, endable: bool) -> Iterator[None]:
        """Hold the call in the list. Raises ToolError `cancelled` where the client ended it."""
        call, client = RunningCall(endable), _client(principal, address, request_id)
        self._by_client[client].append(call)
        try:
            with call.scope:
                yield
        finally:
            self._by_token.pop(call.token, None)
            self._by_client[client].remove(call)
            if not self._by_client[client]:
                del self._by_client[client]
        if call.scope.cancelled_caught:
            raise ToolError("cancelled", "The client cancelled this call.")

    def find(self, principal: str, address: str, request_id: RequestId) -> list[RunningRead]:
        calls = self._by_client.get(_client(principal, address, request_id), [])
        return [RunningRead(self._token(call), call.endable) for call in calls]

    def _token(self, call: RunningCall) -> str:
        if not call.token:
            call.token = secrets.token_hex(8)
            self._by_token[call.token] = call
        return call.token

    def end(self, token: str) -> None:
        call = self._by_token.get(token)
        if call is not None and call.endable:
            call.scope.cancel()


def _client(principal: str, address: str, request_id: RequestId) -> Client:
    return principal, address, type(request_id).__name__, request_id
