"""The authorization server's HTTP endpoints: the SDK's handlers, with the checks that they lack around them."""

import base64
import binascii
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import structlog
from mcp.server.auth.handlers.authorize import AuthorizationHandler
from mcp.server.auth.handlers.register import RegistrationHandler
from mcp.server.auth.handlers.token import TokenHandler
from mcp.server.auth.middleware.client_auth import AuthenticationError, ClientAuthenticator
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthClientInformationFull
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.bus.oauth.grants import digest
from bridge.bus.oauth.resource import is_resource
from bridge.text.plain_text import one_line
from console.oauth.consent import open_to_openers
from console.oauth.document_address import DocumentError, is_document_id
from console.oauth.provider import Provider
from console.oauth.registered import SCOPES
from console.pages.pages import Pages
from console.web.attempts import network

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
FIELDS = 20  # of a form
REGISTRATION = ClientRegistrationOptions(enabled=True, default_scopes=list(SCOPES))
SHOWN = 200  # characters of a description in the log

log = structlog.get_logger("console.oauth")

Handle = Callable[[Request], Awaitable[Response]]


class Authenticator(ClientAuthenticator):
    """Asks a client for its secret, of which only the digest is kept. A client that has none needs PKCE alone."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        self._clients = provider

    async def authenticate_request(self, request: Request) -> OAuthClientInformationFull:
        """Return the client. Raises AuthenticationError."""
        form = await request.form(max_files=0, max_fields=FIELDS)
        basic_id, basic_secret = _basic(request)
        client_id, secret = form.get("client_id") or basic_id, basic_secret or form.get("client_secret") or ""
        client = await self._clients.caller(str(client_id)) if client_id else None
        if client is None or (basic_id and basic_id != client_id):
            raise AuthenticationError("no client of that client_id is registered here")
        if client.client_secret and not hmac.compare_digest(client.client_secret, digest(str(secret))):
            raise AuthenticationError("client_secret is wrong")
        return client


class _Registrar:
    """The provider for one request to register: the SDK's handler does not tell who sends it."""

    def __init__(self, provider: Provider, origin: str) -> None:
        self._provider = provider
        self._origin = origin

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        await self._provider.register_client(client_info, self._origin)


class Endpoints:
    """The endpoints of one authorization server. `pages`: the console's, which know who is signed in."""

    def __init__(self, pages: Pages, provider: Provider) -> None:
        self._pages = pages
        self._provider = provider
        self._authenticator = Authenticator(provider)
        self._token = TokenHandler(provider, self._authenticator)
        self._authorize = AuthorizationHandler(provider)

    async def metadata(self, _: Request) -> Response:
        """Describe this server to clients (RFC 8414)."""
        return JSONResponse(
            metadata(self._provider.url, self._provider.documents is not None), headers={"Cache-Control": "max-age=300"}
        )

    async def register(self, request: Request) -> Response:
        """Register a client (RFC 7591)."""
        origin = network(request.client.host) if request.client else ""
        handler = RegistrationHandler(_Registrar(self._provider, origin), REGISTRATION)  # type: ignore[arg-type]
        return await self._logged("register", request, handler.handle)

    async def authorize(self, request: Request) -> Response:
        """Check an authorization request, and lead its browser to the consent page, or back with an error."""
        if len(request.query_params.multi_items()) != len(request.query_params):
            answer: Response = _error("invalid_request", "each parameter is given once")
            return self._told("authorize", request, answer)
        if (instead := await self._instead(request)) is not None:
            return self._told("authorize", request, instead)
        return await self._logged("authorize", request, self._authorize.handle)

    async def token(self, request: Request) -> Response:
        """Exchange a code or refresh token."""
        form = await request.form(max_files=0, max_fields=FIELDS)
        if len(form.multi_items()) != len(form):
            return self._told("token", request, _error("invalid_request", "each parameter is given once"))
        if "client_id" not in form and (named := _basic(request)[0]):  # the SDK's model of a form needs it there
            request._form = FormData([*form.multi_items(), ("client_id", named)])
        resource = form.get("resource")
        if resource is not None and not is_resource(self._provider.front_url, str(resource)):
            return self._told("token", request, _error("invalid_target", "this server has no such resource"))
        return await self._logged("token", request, self._token.handle)

    async def revoke(self, request: Request) -> Response:
        """End the grant of a token (RFC 7009). The SDK's own refuses clients that have no secret."""
        try:
            client = await self._authenticator.authenticate_request(request)
        except AuthenticationError as error:
            return self._told("revoke", request, _error("invalid_client", error.message, 401))
        token = str((await request.form()).get("token") or "")
        if not token:
            return self._told("revoke", request, _error("invalid_request", "token is missing"))
        found: Any = await self._provider.load_access_token(token)
        found = found or await self._provider.load_refresh_token(client, token)
        if found is not None and found.client_id == client.client_id:
            await self._provider.revoke_token(found)
        return Response(headers=NO_STORE)  # of a token that is none as well (RFC 7009, 2.2)

    async def _instead(self, request: Request) -> Response | None:
        """Read the document of a client that has one; return what is answered where it was not read.

        Only an operator who is signed in lets the console connect anywhere.
        """
        documents, client_id = self._provider.documents, request.query_params.get("client_id", "")
        if documents is None or not is_document_id(client_id):
            return None
        if await self._pages.visitor(request) is None:
            return open_to_openers(self._pages.stranger_page(request))
        try:
            await documents.read(client_id)
        except DocumentError as error:
            return _error("invalid_client", f"the client's document {error}")
        return None

    async def _logged(self, endpoint: str, request: Request, handle: Handle) -> Response:
        return self._told(endpoint, request, await handle(request))

    def _told(self, endpoint: str, request: Request, answer: Response) -> Response:
        """Log a refusal; return the answer."""
        error, why = _refusal(answer)
        if error:
            address = request.client.host if request.client else ""
            why = one_line(why, SHOWN)
            log.warning("oauth_refused", endpoint=endpoint, error=error, why=why, address=address)
        return answer


def metadata(url: str, documents: bool) -> dict[str, object]:
    """Return the authorization server metadata of the console at this URL. documents: whether it reads clients'."""
    methods = ["none", "client_secret_post", "client_secret_basic"]
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": f"{url}/token",
        "registration_endpoint": f"{url}/register",
        "revocation_endpoint": f"{url}/revoke",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    } | ({"client_id_metadata_document_supported": True} if documents else {})


def _error(error: str, why: str, status: int = 400) -> Response:
    return JSONResponse({"error": error, "error_description": why}, status, headers=NO_STORE)


def _refusal(answer: Response) -> tuple[str, str]:
    """Return the error of an answer and its description, empty for an answer that is none."""
    told: dict[str, str] = {}
    if answer.status_code >= 400:
        told = json.loads(bytes(answer.body))
    elif "location" in answer.headers:  # the client is told by its redirect
        told = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    return str(told.get("error", "")), str(told.get("error_description", ""))


def _basic(request: Request) -> tuple[str, str]:
    """Return id and secret of the header Authorization, empty without one (RFC 6749, 2.3.1)."""
    kind, _, written = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(written, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote(name), unquote(secret)
