"""The provider's tokens that the worker has verified: by the SHA-256 of each, until it expires."""

import asyncio
import base64
import math
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import msgspec

from bridge.bus.identity.clients import proof_of
from bridge.bus.identity.oidc import OidcSettings, TokenClaims, claims_of
from ib_worker.oidc.provider_keys import KeysUnavailable, ProviderKeys

SIGNATURES = "ib_worker.oidc.signatures"  # the only place that loads it: it takes a fifth of a second and ten MB
MOST = 1_000  # tokens; a front shows one again that gave way
AHEAD_S = 30.0  # so far the provider's clock may be ahead: a new token is not "not yet valid"


class TokenRefused(Exception):
    """A token that is no good here. `reason` is for programs, the text says what is wrong."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class _Remembered:
    claims: TokenClaims
    expires: float  # seconds since 1970


class ProviderTokens:
    """Verifies each token once, and knows it by its proof from then on. Nothing of it is kept elsewhere."""

    def __init__(self, settings: OidcSettings, keys: ProviderKeys) -> None:
        self.settings = settings
        self.keys = keys
        self._known: OrderedDict[str, _Remembered] = OrderedDict()
        keys.changed = self._known.clear  # a token of a key that was withdrawn is verified again

    def known(self, proof: str) -> TokenClaims | None:
        """Return the claims of a token that was verified and has not expired."""
        found = self._known.get(proof)
        if found is not None and found.expires <= time.time():
            del self._known[proof]
            return None
        return found.claims if found is not None else None

    async def verified(self, token: str, proof: str) -> TokenClaims:
        """Verify the token that a front shows, and return its claims. Raises TokenRefused."""
        if proof_of(token) != proof:
            raise TokenRefused("another_token", "the proof is of another token")
        claims = await self._signed(token)
        expires = require_valid(claims, self.settings, time.time())
        found = claims_of(claims, self.settings.prefix)
        self._known[proof] = _Remembered(found, expires)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return found

    async def _signed(self, token: str) -> Mapping[str, Any]:
        """Return the claims if a key of the provider's has signed them."""
        try:
            keys = await self.keys.of(key_id(token))
        except KeysUnavailable as problem:
            text = f"the provider's keys can't be read ({problem}); the worker asks again after {self.keys.again_s:g} s"
            raise TokenRefused("provider_unreachable", text) from None
        library = await asyncio.to_thread(import_module, SIGNATURES)
        found: dict[str, Any] | None = library.signed_claims(token, keys, self.settings.algorithm)
        if found is None:
            raise TokenRefused("signature", f"no key of the provider's has signed it by {self.settings.algorithm}")
        return found


def key_id(token: str) -> str:
    """Return the id of the key that a token names, empty if it names none. Raises TokenRefused."""
    head = token.partition(".")[0]
    try:
        header = msgspec.json.decode(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        raise TokenRefused("unreadable", "it is no JWT") from None
    if not isinstance(header, dict) or "crit" in header:
        raise TokenRefused("unreadable", "it is no JWT, or has critical headers, of which the worker knows none")
    kid = header.get("kid", "")
    return kid if isinstance(kid, str) else ""


def require_valid(claims: Mapping[str, Any], settings: OidcSettings, now: float) -> float:
    """Return when the token expires, in seconds since 1970. Raises TokenRefused for one not for here and now."""
    if claims.get("iss") != settings.issuer:
        raise TokenRefused("issuer", f"another provider than {settings.issuer} has issued it")
    audience = claims.get("aud")
    if settings.audience not in (audience if isinstance(audience, list) else [audience]):
        raise TokenRefused("audience", f"it is not for the audience {settings.audience}")
    expires, begins = _seconds(claims, "exp"), _seconds(claims, "nbf")
    if expires is None or expires <= now:
        raise TokenRefused("expired", "it has expired, or has no end")
    if begins is not None and begins > now + AHEAD_S:
        raise TokenRefused("not_yet", "it is not valid yet")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise TokenRefused("subject", "it names no subject")
    return expires


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a time of the token, None for what is none."""
    value = claims.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if value is not None and is_number else None
