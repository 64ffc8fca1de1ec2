"""The client whose request the running task carries out, and its rights."""

from contextlib import AbstractContextManager
from contextvars import ContextVar, Token

from bridge.bus.identity.clients import Client
from bridge.bus.identity.rights import EVERYTHING, Rights

_client: ContextVar[Client | None] = ContextVar("client", default=None)


def current_client() -> Client | None:
    """Return the client, None for the session's own work, and where no clients are configured."""
    return _client.get()


def current_rights() -> Rights:
    """Return the client's rights; all of them where there is no client."""
    client = _client.get()
    return client.rights if client is not None else EVERYTHING


class _ActingAs(AbstractContextManager[None]):
    """A generator would do, and costs each request as much again."""

    def __init__(self, client: Client | None) -> None:
        self._client = client
        self._token: Token[Client | None]

    def __enter__(self) -> None:
        self._token = _client.set(self._client)

    def __exit__(self, *_: object) -> None:
        _client.reset(self._token)


def acting_as(client: Client | None) -> AbstractContextManager[None]:
    """Carry out the block, and the tasks that it starts, with this client's rights; None has all of them."""
    return _ActingAs(client)
