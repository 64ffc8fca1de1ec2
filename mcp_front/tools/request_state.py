"""The sealed state that a client returns in a later round: every replica of a session can open it, and nobody else."""

from typing import Any

import structlog
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.request_state import AESGCMRequestStateCodec, InvalidRequestState, RequestStateSecurity
from mcp.shared.exceptions import MCPError

from bridge.bus.client.client import BusClient
from bridge.tool import ToolError
from mcp_front.protocol.results import wire_error

KEPT_S = 3600.0  # how long a question stays open is for the worker to say

INVALID = ToolError(
    "confirmation_invalid",
    "The answer does not belong to this call: its state was changed, or handed out for another call or client. Nothing "
    "was sent: call again without it.",
    reason="tampered",
)

log = structlog.get_logger(__name__)


class SharedRequestStateCodec:
    """A codec for the framework's request state.

    Its key derives from a secret in Redis, which is read again for every round. A Redis that lost the secret gets a new
    one, and earlier states can no longer be opened.
    """

    def __init__(self, bus: BusClient) -> None:
        self._bus = bus
        self._secret = b""
        self._codec: AESGCMRequestStateCodec | None = None

    @property
    def security(self) -> RequestStateSecurity:
        return RequestStateSecurity(codec=self, ttl=KEPT_S, audience=f"ibkr {self._bus.keys.session}")

    async def refresh(self) -> None:
        """Read the secret; states that this front seals are then readable at every front. Raises ToolError bus_down."""
        secret = await self._bus.shared_secret()
        if secret != self._secret:
            self._secret, self._codec = secret, AESGCMRequestStateCodec([secret])

    def seal(self, payload: bytes) -> str:
        return self._known().seal(payload)

    def unseal(self, token: str) -> bytes:
        return self._known().unseal(token)

    def _known(self) -> AESGCMRequestStateCodec:
        if self._codec is None:
            raise InvalidRequestState("no secret was read")
        return self._codec


class RequestStateErrors:
    """A wrapper of the framework's check of a state: it refreshes the secret before, and replaces the error's text."""

    def __init__(self, codec: SharedRequestStateCodec) -> None:
        self._codec = codec

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method != "tools/call" or (ctx.params or {}).get("requestState") is None:
            return await call_next(ctx)
        try:
            await self._codec.refresh()
            return await call_next(ctx)
        except ToolError as error:
            return wire_error(error)
        except MCPError as error:
            if not isinstance(error.data, dict) or error.data.get("reason") != "invalid_request_state":
                raise
            log.warning("confirmation_invalid", tool=(ctx.params or {}).get("name"))
            return wire_error(INVALID)
