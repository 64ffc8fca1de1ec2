"""Signatures of JWTs, by the library joserfc. `provider_tokens` loads this module at its first use."""

from collections.abc import Iterable
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry
from joserfc.jws import JWSRegistry

KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "Ed25519": "OKP"}
FAULTS = (JoseError, ValueError, TypeError, KeyError, RecursionError)


def signed_claims(token: str, keys: Iterable[dict[str, Any]], algorithm: str) -> dict[str, Any] | None:
    """Return the claims that one of the keys has signed by this algorithm, None if none has."""
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    for each in keys:
        if each.get("kty") != KEY_TYPES[algorithm] or each.get("use", "sig") != "sig":
            continue
        try:
            key = JWKRegistry.import_key(each)
            return dict(jwt.decode(token, key, algorithms=[algorithm], registry=registry).claims)
        except FAULTS:
            continue
    return None
