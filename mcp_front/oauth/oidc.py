"""Access tokens of an OpenID Connect provider outside, beside the clients of the file: JWTs, checked by its keys.

The worker verifies them again, by keys that it has read itself, where it has the provider's settings. FastMCP's
JWTVerifier checks signature, issuer, audience and times.
"""

import asyncio
import re
import time
from collections import OrderedDict
from dataclasses import dataclass

import httpx2
import structlog
from fastmcp.server.auth import AccessToken
from fastmcp.server.auth.providers.jwt import JWTVerifier

from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.clients import Client, proof_of
from bridge.bus.identity.oidc import DISCOVERY, OidcSettings, TokenClaims, claims_of, client_of, unlisted_name
from bridge.bus.identity.oidc_settings import jwks_uri_of
from bridge.bus.identity.rights import Rights
from bridge.bus.messages import ClientProof
from mcp_front.admission.auth import ClientToken, ClientTokens

ASK_S = 10.0
KEPT_S = 60.0  # a token that was good is not verified again for so long
MOST = 1_000  # such tokens
LONGEST = 8_192  # characters of a token
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Verified:
    """One token's claims. again: when the token is to be verified again; both times in seconds since 1970."""

    claims: TokenClaims
    again: float
    expires: float


class OidcTokens(ClientTokens):
    """Checks a bearer token against the clients of the file, then by the provider's keys."""

    def __init__(self, clients: ClientDirectory, settings: OidcSettings, again_s: float) -> None:
        """`again_s`: between looks for a key of the provider, or after it did not answer."""
        super().__init__(clients)
        self._settings = settings
        self._again_s = again_s
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
        claims = self._known(proof) or await self._verified(token, proof)
        client = self._client(claims) if claims is not None else None
        return ClientToken.of(client, proof, token) if client is not None else None

    async def may_go_on(self, proof: ClientProof, rights: Rights) -> bool:
        """Return whether the token is still valid and its client's rights are those with which a call began."""
        known = self._good.get(proof.digest)
        if known is None:
            return await super().may_go_on(proof, rights)
        client = client_of(known.claims, self._settings, self._clients)
        return time.time() < known.expires and client is not None and client.rights == rights

    def _known(self, proof: str) -> TokenClaims | None:
        known = self._good.get(proof)
        return known.claims if known is not None and time.time() < known.again else None

    def _client(self, claims: TokenClaims) -> Client | None:
        client = client_of(claims, self._settings, self._clients)
        if client is None:
            name = unlisted_name(claims, self._settings)
            log.warning("oidc_subject_unlisted", caller=name, program=claims.program, subject=claims.subject)
        return client

    async def _verified(self, token: str, proof: str) -> TokenClaims | None:
        found = await self._read(token)
        if found is None or found.expires_at is None or not found.subject:
            return None
        claims = claims_of(found.claims or {}, self._settings.prefix)
        self._good.pop(proof, None)
        self._good[proof] = _Verified(claims, min(found.expires_at, time.time() + KEPT_S), found.expires_at)
        if len(self._good) > MOST:
            self._good.popitem(last=False)
        return claims

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
                self._ask_after = time.monotonic() + self._again_s
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
            jwks_refresh_interval=self._again_s,
            issuer=settings.issuer,
            audience=settings.audience,
            algorithm=settings.algorithm,
        )
