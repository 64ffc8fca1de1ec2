"""The clients that an OpenID Connect provider's access tokens make. Front and worker each verify the token, and map its
claims here. Pure but for the clients' file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from re import compile as pattern
from typing import Any, get_args

import msgspec

from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.clients import OIDC_PREFIX, Client
from bridge.bus.identity.rights import Rights, Scope

DISCOVERY = "/.well-known/openid-configuration"
UNNAMED = "OpenID Connect"  # stands for a program that the token does not name
_NAME = pattern(r"[^A-Za-z0-9._@-]+")


@dataclass(frozen=True)
class OidcSettings:
    """issuer: as it writes itself. audience: of tokens for this session's fronts. prefix: what its scopes have before
    ours. listed: whether a subject needs an entry in the clients' file."""

    issuer: str
    audience: str
    prefix: str
    algorithm: str
    listed: bool = True


@dataclass(frozen=True)
class TokenClaims:
    """The claims of a verified token that matter here. program: the one that asked for it, empty if not named."""

    subject: str
    program: str
    scopes: frozenset[Scope]


def claims_of(claims: Mapping[str, Any], prefix: str) -> TokenClaims:
    """Return what a verified token says: its scopes alone that have the prefix, without it."""
    given = {each.removeprefix(prefix) for each in _scopes(claims) if each.startswith(prefix)}
    scopes = frozenset(each for each in get_args(Scope) if each in given)
    return TokenClaims(str(claims.get("sub") or ""), str(claims.get("azp") or claims.get("client_id") or ""), scopes)


def client_of(claims: TokenClaims, settings: OidcSettings, clients: ClientDirectory) -> Client | None:
    """Return the client that a verified token makes, None where the subject is not let in.

    An entry of the clients' file with its subject gives name and rights, of which the token's scopes are kept. Without
    an entry, and only if `listed` is off, each pair of a subject and a program is a client with the token's scopes. A
    file that can't be read lets none in: it may restrict this one.
    """
    about = claims.program or UNNAMED
    found = clients.of_subject(claims.subject, claims.program)
    if found is not None:
        rights = msgspec.structs.replace(found.rights, scopes=found.rights.scopes & claims.scopes)
        return msgspec.structs.replace(found, rights=rights, about=about)
    if settings.listed or clients.fault() is not None:
        return None
    return Client(unlisted_name(claims, settings), Rights(scopes=claims.scopes), by=settings.issuer, about=about)


def unlisted_name(claims: TokenClaims, settings: OidcSettings) -> str:
    """Return the principal of a subject without an entry: unique for each pair of a subject and a program."""
    words = _NAME.sub("-", claims.subject)[:40]
    unique = hashlib.sha256(f"{settings.issuer}\n{claims.subject}\n{claims.program}".encode()).hexdigest()[:8]
    return f"{OIDC_PREFIX}{words}-{unique}"


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    """Return the scopes of a token: as RFC 9068 writes them, or as Microsoft and Okta do."""
    for name in ("scope", "scp"):
        written = claims.get(name)
        if isinstance(written, str):
            return written.split()
        if isinstance(written, list):
            return [str(each) for each in written]
    return []
