"""Running calls by the client's own request id, and their cancellation by a notification in a POST of its own.

A 2026-07-28 client cancels by closing the request's stream. A 2025 client sends `notifications/cancelled`, and this
front keeps no session in which the id would be unique: two clients behind one token and address may both use id 1.
"""

import asyncio
import secrets
from collections import defaultdict
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from bridge.bus.client.front_channel import RequestId, RunningRead
from bridge.tool import ToolError

Client = tuple[str, str, str, RequestId]  # principal, address, the id's type (1 is not "1"), the id


class RunningCall(AbstractContextManager[None]):
    """One running call, which ends with ToolError `cancelled` where its client ended it. `endable`: a read, which
    changes nothing by ending early."""

    def __init__(self, calls: "RunningCalls", client: Client, *, endable: bool) -> None:
        self.endable = endable
        self.client = client
        self.token = ""  # made when a front looks for the call
        self._calls = calls
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0  # requests to cancel the task that were there before
        self._ended = False

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        assert self._task is not None  # calls are answered in tasks
        self._cancelling = self._task.cancelling()
        self._calls.add(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.remove(self)
        if not self._ended or self._task is None:
            return
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise ToolError("cancelled", "The client cancelled this call.") from error

    def end(self) -> None:
        if not self._ended and self._task is not None:
            self._ended = True
            self._task.cancel()


class RunningCalls:
    """The calls of handshake-era clients that run on this front."""

    def __init__(self) -> None:
        self._by_client: defaultdict[Client, list[RunningCall]] = defaultdict(list)
        self._by_token: dict[str, RunningCall] = {}

    def running(self, principal: str, address: str, request_id: RequestId, *, endable: bool) -> RunningCall:
        """Hold the call in the list during a block. Raises ToolError `cancelled` where the client ended it."""
        return RunningCall(self, _client(principal, address, request_id), endable=endable)

    def add(self, call: RunningCall) -> None:
        self._by_client[call.client].append(call)

    def remove(self, call: RunningCall) -> None:
        self._by_token.pop(call.token, None)
        running = self._by_client[call.client]
        running.remove(call)
        if not running:
            del self._by_client[call.client]

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
            call.end()


def _client(principal: str, address: str, request_id: RequestId) -> Client:
    return principal, address, type(request_id).__name__, request_id
