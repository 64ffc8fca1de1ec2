"""Authentication by bearer tokens, and the principal, the rights and the label of each request."""

from fastmcp.server.auth import AccessToken, TokenVerifier
from fastmcp.server.dependencies import get_access_token
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken as SdkToken
from pydantic import PrivateAttr
from starlette.types import Scope

from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.clients import Client, proof_of
from bridge.bus.identity.rights import EVERYTHING, Rights
from bridge.bus.messages import LOCAL, NO_PROOF, ClientProof
from bridge.text.plain_text import one_line
from bridge.tool import ToolError

Token = SdkToken  # FastMCP's are such ones
NOTHING = Rights()  # of a token that this front has not checked itself
LONGEST_LABEL = 64  # characters
KEPT = 1_000  # tokens


class ClientToken(AccessToken):
    """A valid token: whose it is, and what shows it to the worker, which no text of the token has."""

    _proof: ClientProof = PrivateAttr(NO_PROOF)
    _rights: Rights = PrivateAttr(EVERYTHING)
    _by_oauth: bool = PrivateAttr(False)

    @classmethod
    def of(cls, client: Client, proof: str, shown: str = "") -> "ClientToken":
        """Return the token of a client. `shown`: the token itself, where the worker is to verify it too."""
        token = cls(token="", client_id=client.name, scopes=sorted(client.rights.scopes))
        token._proof, token._rights = ClientProof(proof, client.rights.is_restricted, shown), client.rights
        token._by_oauth = bool(client.about)  # who it says it is: by its registration alone
        return token

    @property
    def by_oauth(self) -> bool:
        """Return whether its client signed in by OAuth, and so can ask its person for more."""
        return self._by_oauth

    @property
    def proof(self) -> ClientProof:
        return self._proof

    @property
    def rights(self) -> Rights:
        return self._rights


class ClientTokens(TokenVerifier):
    """Checks a bearer token against the clients of the file and of Redis."""

    def __init__(self, clients: ClientDirectory) -> None:
        super().__init__()
        self._clients = clients
        self._made: dict[str, tuple[Client, ClientToken]] = {}

    def fault(self) -> str | None:
        """The reason why the clients' file cannot be read now, without its path; None where it can."""
        return self._clients.fault()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return the token with its client's rights, None where it is nobody's, or where Redis can't tell whose."""
        proof = proof_of(token)
        try:
            client = await self._clients.find(proof)
        except ToolError:
            return None
        return self._token(client, proof) if client is not None else None

    def _token(self, client: Client, proof: str) -> ClientToken:
        """Return the token that was made before, while its client is the same: making one costs more than the check."""
        known = self._made.get(proof)
        if known is None or known[0] != client:
            if len(self._made) >= KEPT:
                self._made.clear()
            known = self._made[proof] = (client, ClientToken.of(client, proof))
        return known[1]

    async def may_go_on(self, proof: ClientProof, rights: Rights) -> bool:
        """Return whether the token is still valid and its client's rights are those with which a call began. While
        Redis is away, what was known last counts."""
        try:
            client = await self._clients.find(proof.digest)
        except ToolError:
            client = self._clients.last_known(proof.digest)
        return client is not None and client.rights == rights


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


def current_rights(scope: Scope | None = None) -> Rights:
    """The rights of the client of this request, or of the one with this ASGI scope: all where no tokens are set."""
    token = _token(scope)
    if token is None:
        return EVERYTHING
    return token.rights if isinstance(token, ClientToken) else NOTHING


def current_proof(scope: Scope | None = None) -> ClientProof:
    """The proof that shows the worker whose token this request has; none where no tokens are set."""
    token = _token(scope)
    return token.proof if isinstance(token, ClientToken) else NO_PROOF


def signs_in_by_oauth(scope: Scope) -> bool:
    """Return whether the client of this request has its token by OAuth."""
    token = _token(scope)
    return isinstance(token, ClientToken) and token.by_oauth


def _token(scope: Scope | None) -> Token | None:
    """The token of a request; FastMCP finds its own request where no ASGI scope is given."""
    if scope is None:
        return get_access_token()
    user = scope.get("user")
    return user.access_token if isinstance(user, AuthenticatedUser) else None
