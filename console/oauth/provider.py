"""The authorization server's decisions, behind the SDK's handlers: who may register, which tokens are good."""

import re
import secrets
import time
from urllib.parse import urlencode, urlsplit

import msgspec
import structlog
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    AuthorizeError,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    RegistrationError,
    TokenError,
)
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyUrl, ValidationError

from bridge.bus.client.client import BusClient
from bridge.bus.identity.clients import (
    BY_OPERATOR,
    Client,
    access_id,
    end_access_of,
    grant_access,
    proof_of,
    read_registry,
    remove_client,
    store_client,
)
from bridge.bus.identity.rights import Rights
from bridge.bus.oauth.grants import ClientGrant, digest, end_grant, find_grant, grant_id, grants, redeem
from bridge.bus.oauth.registrations import AN_HOUR, OF_ONE, add_registration, find_registration
from bridge.bus.oauth.resource import is_resource, resource_of
from bridge.text.plain_text import one_line
from console.oauth.document_address import is_document_id
from console.oauth.documents import ClientDocuments, DocumentClient
from console.oauth.registered import SCOPES, RegisteredClient, new_record
from console.oauth.requests import ConsentRequest, Requests

ACCESS_MS = 60 * 60 * 1000  # an access token's time; the client then refreshes it by itself
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256 in base64url (RFC 7636, 4.2)
LONGEST_NAME, LONGEST_PLACE = 60, 255  # characters; a host's name has 253 at most
_NO_PARENTHESES = str.maketrans(dict.fromkeys("()[]{}⁽⁾₍₎⦅⦆（）［］｛｝﹙﹚", " "))
TOO_MANY = f"too many clients have registered within the hour ({AN_HOUR}, {OF_ONE} of one address); try again later"

log = structlog.get_logger("console.oauth")


class Provider(OAuthAuthorizationServerProvider[AuthorizationCode, RefreshToken, AccessToken]):
    """One session's authorization server.

    url: the console's; front_url: that of the front, for which tokens are. documents: of clients that describe
    themselves at a URL; None where no such client is let in.
    """

    def __init__(self, bus: BusClient, url: str, front_url: str, documents: ClientDocuments | None = None) -> None:
        self.url = url
        self.front_url = front_url
        self.documents = documents
        self.requests = Requests()
        self._bus = bus
        self._pipe, self._keys = bus.pipe, bus.keys

    async def get_client(self, client_id: str) -> RegisteredClient | None:
        """Return the client of that id; one with a document only where it was read. Raises BusError."""
        if self.documents is not None and is_document_id(client_id):
            return self.documents.known(client_id)
        found = await find_registration(self._pipe, self._keys, client_id)
        if found is None:
            return None
        try:
            return RegisteredClient.model_validate_json(found.record)
        except ValidationError:
            return None

    async def caller(self, client_id: str) -> RegisteredClient | None:
        """Return the client that a program calls as. Raises BusError.

        No document is read here: a client that has one has no secret, and what it may is in its grant.
        """
        if self.documents is not None and is_document_id(client_id):
            return DocumentClient(client_id=client_id)
        return await self.get_client(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull, origin: str = "") -> None:
        """Keep a new client, which registers from this address. Raises RegistrationError, and BusError."""
        record = new_record(client_info)
        if not await add_registration(self._pipe, self._keys, client_info.client_id, record, origin):
            raise RegistrationError("invalid_client_metadata", TOO_MANY)
        log.info("oauth_client_registered", client_id=client_info.client_id, about=about(client_info))

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        """Return the address of the consent page. Raises AuthorizeError."""
        if params.resource is not None and not is_resource(self.front_url, params.resource):
            raise AuthorizeError("invalid_target", f"the resource of this server is {resource_of(self.front_url)}")
        if not _CHALLENGE.fullmatch(params.code_challenge):
            raise AuthorizeError("invalid_request", "code_challenge has 43 characters of base64url (S256)")
        request = ConsentRequest(
            client_id=client.client_id,
            redirect_uri=str(params.redirect_uri),
            explicit=params.redirect_uri_provided_explicitly,
            challenge=params.code_challenge,
            resource=resource_of(self.front_url),
            scopes=params.scopes or list(SCOPES),
            state=params.state,
            at=time.time(),
        )
        try:
            return f"{self.url}/consent?{urlencode({'request': self.requests.sealed(request)})}"
        except ValueError as error:
            raise AuthorizeError("invalid_request", str(error)) from None

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        """Return the code if it is good. One that was used voids its grant. Raises BusError."""
        grant = await self._good(authorization_code, refresh=False)
        if grant is None:
            return None
        return AuthorizationCode(
            code=authorization_code,
            scopes=grant.scopes.split(),
            expires_at=grant.code_until_ms / 1000,
            client_id=grant.client_id,
            code_challenge=grant.challenge,
            redirect_uri=AnyUrl(grant.redirect_uri),
            redirect_uri_provided_explicitly=grant.explicit,
            resource=grant.resource,
            subject=grant.operator,
        )

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        """Return the first tokens of a grant. Raises TokenError, and BusError."""
        return await self._exchanged(authorization_code.code)

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> RefreshToken | None:
        """Return the refresh token if it is good. One that was used voids its grant. Raises BusError."""
        grant = await self._good(refresh_token, refresh=True)
        if grant is None:
            return None
        return RefreshToken(
            token=refresh_token,
            client_id=grant.client_id,
            scopes=grant.scopes.split(),
            expires_at=grant.refresh_until_ms // 1000,
            resource=grant.resource,
            subject=grant.operator,
        )

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        """Return the next tokens of a grant, with all of its scopes. Raises TokenError, and BusError."""
        return await self._exchanged(refresh_token.token)

    async def load_access_token(self, token: str) -> AccessToken | None:
        """Return the access token if it is good now. Raises BusError."""
        registry = await read_registry(self._pipe, self._keys)
        access = registry.access.get(access_id(proof_of(token)))
        found = [
            each for each in (await grants(self._pipe, self._keys)).values() if access and each.client == access.client
        ]
        if access is None or not found or access.until_ms <= registry.now_ms:
            return None
        return AccessToken(token=token, client_id=found[0].client_id, scopes=found[0].scopes.split())

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        """End the whole grant of a token (RFC 7009, 2.1). Raises BusError."""
        id_ = grant_id(token.token) if isinstance(token, RefreshToken) else await self._grant_of(token.token)
        grant = await find_grant(self._pipe, self._keys, id_)
        if grant is not None:
            await self.void(id_, grant, "by the client")

    async def _grant_of(self, token: str) -> str:
        """Return the id of an access token's grant, empty where somebody else has just ended it."""
        access = (await read_registry(self._pipe, self._keys)).access.get(access_id(proof_of(token)))
        found = (await grants(self._pipe, self._keys)).items() if access else ()
        return next((id_ for id_, each in found if access and each.client == access.client), "")

    async def void(self, id_: str, grant: ClientGrant, why: str) -> None:
        """End a grant with every token of it. Raises BusError.

        In this order: whoever gives access looks for the grant afterwards.
        """
        await end_grant(self._pipe, self._keys, id_)
        await remove_client(self._pipe, self._keys, grant.client)
        log.warning("oauth_grant_ended", client=grant.client, client_id=grant.client_id, why=why)

    async def _good(self, token: str, *, refresh: bool) -> ClientGrant | None:
        grant = await find_grant(self._pipe, self._keys, grant_id(token))
        if grant is None:
            return None
        if digest(token) == (grant.refresh or grant.code):
            return grant if bool(grant.refresh) is refresh else None
        await self.void(grant_id(token), grant, "a code or refresh token was replayed")
        return None

    async def _exchanged(self, token: str) -> OAuthToken:
        id_ = grant_id(token)
        grant = await find_grant(self._pipe, self._keys, id_)
        done, refresh = await redeem(self._pipe, self._keys, token)
        if done == "replayed" and grant is not None:
            await self.void(id_, grant, "a code or refresh token was replayed")
        if done != "done" or grant is None:
            raise TokenError("invalid_grant", "the code or refresh token is not good any more")
        if not grant.refresh:
            await self._begin_client(id_, grant)
        return await self._tokens(id_, grant, refresh)

    async def _begin_client(self, id_: str, grant: ClientGrant) -> None:
        """Make a client of a grant. It takes the place of an earlier grant to the same client."""
        for other, each in (await grants(self._pipe, self._keys)).items():
            if other != id_ and each.client == grant.client and each.refresh:
                await end_grant(self._pipe, self._keys, other)
        registry = await read_registry(self._pipe, self._keys)
        for old in registry.clients.values():
            if old.about and 0 < old.until_ms <= registry.now_ms:  # signed in once, and over by now
                await remove_client(self._pipe, self._keys, old.name)
        await end_access_of(self._pipe, self._keys, grant.client)
        await store_client(self._pipe, self._keys, client_of(grant))

    async def _tokens(self, id_: str, grant: ClientGrant, refresh: str) -> OAuthToken:
        access, left_ms = secrets.token_urlsafe(32), round(grant.until_ms - self._pipe.clock.now_ms())
        lasts_ms = max(min(ACCESS_MS, left_ms), 1_000)
        given = await grant_access(self._pipe, self._keys, proof_of(access), grant.client, lasts_ms)
        if await find_grant(self._pipe, self._keys, id_) is None:  # it was replayed or revoked meanwhile
            await remove_client(self._pipe, self._keys, grant.client)
            given = False
        if not given:
            raise TokenError("invalid_grant", "the rights of this client have ended")
        log.info("oauth_token_issued", client=grant.client, client_id=grant.client_id, first=not grant.refresh)
        return OAuthToken(access_token=access, expires_in=lasts_ms // 1000, scope=grant.scopes, refresh_token=refresh)


def client_of(grant: ClientGrant) -> Client:
    """Return the client that a grant makes of a registration."""
    rights = msgspec.json.decode(grant.rights, type=Rights)
    return Client(grant.client, rights, grant.begun_ms, grant.until_ms, f"{BY_OPERATOR}{grant.operator}", grant.about)


def about(client: OAuthClientInformationFull, redirect_uri: str = "") -> str:
    """Return who a client says it is; nobody has checked that. In parentheses is where its codes go, by this redirect
    or its first: nothing of the name is in parentheses, hidden, or long enough to push the place out of sight. Before
    it is the host that describes the client, where one does.
    """
    redirects = [redirect_uri, *(str(each) for each in client.redirect_uris or ())]
    place = urlsplit(next(filter(None, redirects), "")).hostname or "an application"
    name = one_line((client.client_name or "").translate(_NO_PARENTHESES), LONGEST_NAME)
    host = f"described at {client.host}; " if isinstance(client, DocumentClient) else ""
    return f"{name or 'a client without a name'} ({host}{one_line(place, LONGEST_PLACE)})"
