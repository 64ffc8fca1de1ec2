"""The streams that clients have kept: each client's are granted to it when it asks, and last while the client does."""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from bridge.bus.events.stream_grants import StreamGrant, field_of
from bridge.bus.events.stream_handles import StreamHandle
from bridge.tools.types import ContractArguments
from ib_worker.client_rights.current import current_client

OF_A_STREAM = {"keep", "feed"}  # arguments of the operations that are none of a contract's

log = structlog.get_logger("ib_worker.client_rights")


def account_grant(stream: str, account: str) -> StreamGrant | None:
    """Return the grant of an account's stream to this call's client; None where no clients are configured."""
    client = current_client()
    return None if client is None else StreamGrant(client.name, "account", stream, {"account": account})


def contract_grant(stream: str, kind: str, request: ContractArguments, conId: int) -> StreamGrant | None:
    """Return the grant of a contract's stream, as `account_grant` does."""
    client = current_client()
    if client is None:
        return None
    arguments: dict[str, Any] = request.model_dump(exclude=OF_A_STREAM, exclude_unset=True) | {"conId": conId}
    return StreamGrant(client.name, kind, stream, arguments)


class GrantedHandles:
    """Tells the handles that count from those that a front made up, and logs each of the latter once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def of(self, handles: list[StreamHandle], grants: Mapping[str, StreamGrant]) -> list[StreamHandle]:
        """Return the handles whose client has a grant of the stream, each with what the grant says opens it."""
        self._told &= {each.handle for each in handles}
        return [found for each in handles if (found := self._granted(each, grants)) is not None]

    def _granted(self, handle: StreamHandle, grants: Mapping[str, StreamGrant]) -> StreamHandle | None:
        grant = grants.get(field_of(handle.principal, handle.stream))
        if not handle.stream:  # of the event log: nothing is opened for it
            return handle
        if grant is None:
            self._tell(handle)
            return None
        return msgspec.structs.replace(handle, kind=grant.kind, arguments=grant.arguments)

    def _tell(self, handle: StreamHandle) -> None:
        if handle.handle not in self._told:
            self._told.add(handle.handle)
            log.warning("stream_not_granted", caller=handle.principal, handle=handle.handle, stream=handle.stream)
