"""Access tokens of an OpenID Connect provider outside, beside the clients of the file: JWTs, checked by its keys.

The worker sees no token of the provider's, so it takes the front's word for the scopes. FastMCP's JWTVerifier checks
signature, issuer, audience and times.
"""

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import urlsplit

import httpx2
import structlog
from fastmcp.server.auth import AccessToken
from fastmcp.server.auth.providers.jwt import JWTVerifier

from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.clients import OIDC_PREFIX, Client, proof_of
from bridge.bus.identity.rights import Rights, Scope
from bridge.bus.messages import ClientProof
from bridge.settings import is_loopback
from mcp_front.admission.auth import ClientToken, ClientTokens

DISCOVERY = "/.well-known/openid-configuration"
ASK_S = 10.0
AGAIN_S = 30.0  # after the provider did not answer
KEPT_S = 60.0  # a token that was good is not verified again for so long
MOST = 1_000  # such tokens
LONGEST = 8_192  # characters of a token
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_NAME = re.compile(r"[^A-Za-z0-9._@-]+")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OidcSettings:
    """issuer: as it writes itself. audience: of tokens for this front. prefix: what its scopes have before ours."""

    issuer: str
    audience: str
    prefix: str
    algorithm: str


@dataclass(frozen=True)
class _Verified:
    """One token's client. again: when the token is to be verified again; both times in seconds since 1970."""

    client: Client
    again: float
    expires: float


class OidcTokens(ClientTokens):
    """Checks a bearer token against the clients of the file, then by the provider's keys."""

    def __init__(self, clients: ClientDirectory, settings: OidcSettings) -> None:
        super().__init__(clients)
        self._settings = settings
        self._verifier: JWTVerifier | None = None
        self._asking = asyncio.Lock()
        self._ask_after = 0.0
        self._good: OrderedDict[str, _Verified] = OrderedDict()  # by proof

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return the token with its client's rights; None where it is nobody's, or where the provider's keys can't be
        read."""
        if len(token) > LONGEST or not _JWT.fullmatch(token):
            return await super().verify_token(token)
        proof = proof_of(token)
        client = self._known(proof) or await self._verified(token, proof)
        return ClientToken.of(client, proof) if client is not None else None

    async def may_go_on(self, proof: ClientProof, rights: Rights) -> bool:
        """Return whether the token is still valid and its client's rights are those with which a call began."""
        known = self._good.get(proof.digest)
        if known is None:
            return await super().may_go_on(proof, rights)
        return time.time() < known.expires and known.client.rights == rights

    def _known(self, proof: str) -> Client | None:
        known = self._good.get(proof)
        return known.client if known is not None and time.time() < known.again else None

    async def _verified(self, token: str, proof: str) -> Client | None:
        found = await self._read(token)
        if found is None or found.expires_at is None or not found.subject:
            return None
        client = client_of(found, self._settings)
        self._good.pop(proof, None)
        self._good[proof] = _Verified(client, min(found.expires_at, time.time() + KEPT_S), found.expires_at)
        if len(self._good) > MOST:
            self._good.popitem(last=False)
        return client

    async def _read(self, token: str) -> AccessToken | None:
        """Return the token if the provider's keys say so. One that nests too deeply is none; nor is any while the keys
        do not come in time, since the library waits for each byte anew."""
        verifier = await self._keys()
        if verifier is None:
            return None
        try:
            async with asyncio.timeout(ASK_S):
                return await verifier.load_access_token(token)
        except RecursionError:
            return None
        except TimeoutError:
            log.error("oidc_unreachable", issuer=self._settings.issuer, error=f"no keys within {ASK_S:g} s")
            return None

    async def _keys(self) -> JWTVerifier | None:
        """Return what verifies by the provider's keys; None while it does not tell where they are."""
        async with self._asking:
            if self._verifier is None and time.monotonic() >= self._ask_after:
                self._ask_after = time.monotonic() + AGAIN_S
                try:
                    async with asyncio.timeout(ASK_S):
                        self._verifier = await self._discovered()
                except (httpx2.HTTPError, ValueError, RecursionError, TimeoutError) as error:
                    log.error("oidc_unreachable", issuer=self._settings.issuer, error=str(error) or repr(error))
            return self._verifier

    async def _discovered(self) -> JWTVerifier:
        settings = self._settings
        async with httpx2.AsyncClient(timeout=ASK_S, follow_redirects=False) as http:
            told = (await http.get(settings.issuer.rstrip("/") + DISCOVERY)).raise_for_status().json()
        return JWTVerifier(
            jwks_uri=jwks_uri_of(told, settings.issuer),
            issuer=settings.issuer,
            audience=settings.audience,
            algorithm=settings.algorithm,
        )


def jwks_uri_of(told: Any, issuer: str) -> str:
    """Return where the provider's keys are. Raises ValueError for another issuer's metadata, or keys over http."""
    known = told if isinstance(told, dict) else {}
    place = str(known.get("jwks_uri", ""))
    parts = urlsplit(place)
    if known.get("issuer") != issuer:
        raise ValueError(f"its metadata are of the issuer {known.get('issuer')!r}: write OIDC_ISSUER like that")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError(f"its keys are at {place!r}: only https, or http on this machine")
    return place


def client_of(token: AccessToken, settings: OidcSettings) -> Client:
    """Return the client that a verified token makes: one principal for each pair of a person and a program."""
    claims = token.claims or {}
    given = {each.removeprefix(settings.prefix) for each in _scopes(claims) if each.startswith(settings.prefix)}
    program = str(claims.get("azp") or claims.get("client_id") or "")
    words = _NAME.sub("-", f"{token.subject}")[:40]
    unique = hashlib.sha256(f"{settings.issuer}\n{token.subject}\n{program}".encode()).hexdigest()[:8]
    scopes = frozenset(each for each in get_args(Scope) if each in given)
    return Client(
        f"{OIDC_PREFIX}{words}-{unique}", Rights(scopes=scopes), by=settings.issuer, about=program or "OpenID Connect"
    )


def _scopes(claims: dict[str, Any]) -> list[str]:
    """Return the scopes of a token: as RFC 9068 writes them, or as Microsoft and Okta do."""
    for name in ("scope", "scp"):
        written = claims.get(name)
        if isinstance(written, str):
            return written.split()
        if isinstance(written, list):
            return [str(each) for each in written]
    return []
