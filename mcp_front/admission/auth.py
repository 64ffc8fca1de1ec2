"""Authentication by named bearer tokens, stored as SHA-256 digests, and the principal and label of each request."""

import hashlib
import hmac
from pathlib import Path
from typing import Annotated, Literal

import structlog
from fastmcp.server.auth import AccessToken, TokenVerifier
from fastmcp.server.dependencies import get_access_token
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken as SdkToken
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.types import Scope

from bridge.bus.messages import LOCAL
from bridge.text.plain_text import one_line
from bridge.tool import Effect

Token = SdkToken  # FastMCP's are such ones
Permission = Literal["read", "trade", "admin"]
LONGEST_LABEL = 64  # characters

# Disconnecting is felt by every client of the session, so it takes more than the right to trade.
NEEDED: dict[Effect, Permission] = {
    Effect.READ: "read",
    Effect.OWN: "read",
    Effect.WRITE: "trade",
    Effect.SESSION: "admin",
    Effect.HALT: "read",
}

log = structlog.get_logger(__name__)


class NamedToken(BaseModel):
    """One entry of FRONT_TOKENS_FILE, which is a JSON list of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # of the token's UTF-8 bytes
    scopes: frozenset[Permission]


_TOKENS = TypeAdapter(list[NamedToken])


class TokenFile(TokenVerifier):
    """Checks a bearer token against the file, which is read again when it changes: removing an entry revokes it.

    A file that can no longer be read admits nobody.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._stamp = _stamp(path)
        self._known = read_tokens(path)
        self._fault: str | None = None

    def fault(self) -> str | None:
        """The reason why the file cannot be read now, without its path; None where it can."""
        self._refresh()
        return self._fault

    async def verify_token(self, token: str) -> AccessToken | None:
        self._refresh()
        digest = hashlib.sha256(token.encode()).hexdigest()
        found = None
        for each in self._known:  # all of them, so that the time taken says nothing of the place
            if hmac.compare_digest(each.sha256, digest):
                found = each
        return AccessToken(token="", client_id=found.name, scopes=sorted(found.scopes)) if found else None

    def may(self, name: str, effect: Effect) -> bool:
        """Return whether the file still has a token of that name with the scope for the tool."""
        self._refresh()
        return any(each.name == name and NEEDED[effect] in each.scopes for each in self._known)

    def _refresh(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp and self._fault is None:  # rights that come back change no stamp
            return
        self._stamp = stamp
        try:
            self._known, self._fault = read_tokens(self._path), None
        except (OSError, ValueError) as error:
            self._known = []
            self._tell(error.strerror or "error" if isinstance(error, OSError) else str(error))

    def _tell(self, fault: str) -> None:
        fault = fault.removeprefix(f"{self._path}: ")
        if fault != self._fault:
            log.error("tokens_unreadable", path=str(self._path), error=fault)
        self._fault = fault


def read_tokens(path: Path) -> list[NamedToken]:
    """The entries of a tokens file; raises OSError or ValueError, and names no hash in either."""
    try:
        known = _TOKENS.validate_json(path.read_bytes())
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        raise ValueError(f"{path}: " + "; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in faults)) from None
    names = [each.name for each in known]
    if len(set(names)) != len(names):
        raise ValueError(f"{path}: each name must be unique, because logs and the audit log tell callers apart by it")
    return known


def current_principal(scope: Scope | None) -> str:
    """The principal of the request with this ASGI scope: the name of its token, or `local` where no tokens are set."""
    token = _token(scope)
    return token.client_id if token else LOCAL


def is_known(scope: Scope) -> bool:
    """Return whether a request is authenticated, or no tokens are set; any other gets 401 from the SDK."""
    return bool("user" not in scope or scope["user"].is_authenticated)


def principal_of(scope: Scope) -> str:
    """The principal of a known request, from its ASGI scope."""
    return str(scope["user"].display_name) if "user" in scope else LOCAL


def label_of(scope: Scope | None, client: str) -> str:
    """The label of a request: the MCP client's name, without control characters; without a name its address."""
    return one_line(client, LONGEST_LABEL) or peer_of(scope)[0]


def peer_of(scope: Scope | None) -> tuple[str, int]:
    """The address and port that a request came from; a proxy's client has no port."""
    peer = scope.get("client") if scope is not None else None
    return (str(peer[0]), int(peer[1] or 0)) if peer else ("", 0)


def missing_scope(effect: Effect, scope: Scope | None = None) -> Permission | None:
    """The permission that the token of this request, or of the one with this ASGI scope, lacks for such a tool; None
    where it may, or where no tokens are set."""
    token, needed = _token(scope), NEEDED[effect]
    return needed if token is not None and needed not in token.scopes else None


def _token(scope: Scope | None) -> Token | None:
    """The token of a request; FastMCP finds its own request where no ASGI scope is given."""
    if scope is None:
        return get_access_token()
    user = scope.get("user")
    return user.access_token if isinstance(user, AuthenticatedUser) else None


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc) or "file"


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
