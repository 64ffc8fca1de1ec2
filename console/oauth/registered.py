"""Registered OAuth clients as the SDK's handlers take them: their redirects, scopes, and the digest of their secret."""

import re
from typing import Any
from urllib.parse import urlsplit

from mcp.server.auth.provider import RegistrationError
from mcp.shared.auth import InvalidRedirectUriError, InvalidScopeError, OAuthClientInformationFull
from pydantic import AnyUrl

from bridge.bus.oauth.grants import digest
from bridge.bus.oauth.registrations import LONGEST
from bridge.settings import is_loopback

SCOPES = ("read", "trade", "admin")
MOST_REDIRECTS = 20
# An application's own scheme is a domain of its maker's, backwards, so it has a period (RFC 8252, 7.1). Any other
# scheme may belong to a program that does something with what it is given: ms-msdt:, mailto:, javascript:, file:.
OWN_SCHEME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")
REGISTERED = re.compile(r"microsoft\..*|z39\.50.*|.*\.beep")  # with a period, and IANA's: no application's own
WITHOUT_PERIOD = frozenset({"cursor"})  # an MCP host whose redirect has no such scheme


class RegisteredClient(OAuthClientInformationFull):
    """A client as it was registered. `client_secret` holds the secret's digest."""

    def validate_redirect_uri(self, redirect_uri: AnyUrl | None) -> AnyUrl:
        """Return the redirect that is meant. It must be one of the registered, letter by letter; at a loopback address
        any port will do, as a program gets one when it begins to listen (RFC 8252, 7.3)."""
        registered = [str(each) for each in self.redirect_uris or ()]
        meant = super().validate_redirect_uri(None) if redirect_uri is None else redirect_uri
        asked = str(meant)
        if fault := redirect_fault(asked):  # an earlier release registered more
            raise InvalidRedirectUriError(f"redirect_uri {fault}")
        if asked in registered or without_port(asked) in {without_port(each) for each in registered} - {""}:
            return meant
        raise InvalidRedirectUriError("redirect_uri is none of those that the client has registered")

    def validate_scope(self, requested_scope: str | None) -> list[str] | None:
        """Return the scopes that this server has of those that were asked for; None asks for all."""
        if not (requested_scope or "").strip():
            return None
        known = [each for each in SCOPES if each in str(requested_scope).split()]
        if not known:
            raise InvalidScopeError(f"no scope of this server was asked for; it has {' '.join(SCOPES)}")
        return known


def without_port(url: str) -> str:
    """Return a loopback URL without its port; empty for any other."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http" or not is_loopback(host) or parts.username is not None:
        return ""
    return parts._replace(netloc=host).geturl()


def new_record(client: OAuthClientInformationFull) -> str:
    """Return a new client as it is kept. Raises RegistrationError for one that could lead a browser astray."""
    redirects = [str(each) for each in client.redirect_uris or ()]
    for each in redirects[:MOST_REDIRECTS]:
        require_redirect(each)
    known: dict[str, Any] = client.model_dump(mode="json", exclude_none=True)
    if client.client_secret:
        known["client_secret"] = digest(client.client_secret)
    record = RegisteredClient.model_validate(known).model_dump_json(exclude_none=True)
    if len(redirects) > MOST_REDIRECTS or len(record.encode()) > LONGEST:
        raise RegistrationError("invalid_client_metadata", f"at most {MOST_REDIRECTS} redirects, and {LONGEST} bytes")
    return record


def require_redirect(url: str) -> None:
    """Raise RegistrationError unless a code may be sent there."""
    if fault := redirect_fault(url):
        raise RegistrationError("invalid_redirect_uri", f"the redirect {url[:200]} {fault}")


def redirect_fault(url: str) -> str:
    """Return why no code is sent to this redirect; empty for https, http at this machine, and an application's own
    scheme."""
    parts = urlsplit(url)
    if parts.fragment or "#" in url or parts.username is not None:
        return "has a fragment or a user"
    if parts.scheme in ("http", "https"):
        if not parts.hostname:
            return "has no host"
        plain = parts.scheme == "http" and not is_loopback(parts.hostname)
        return "is plain http, and not at this machine" if plain else ""
    if parts.scheme in WITHOUT_PERIOD or (
        OWN_SCHEME.fullmatch(parts.scheme) and not REGISTERED.fullmatch(parts.scheme)
    ):
        return ""
    return f"has the scheme {parts.scheme or 'of no application'}. Use https, or a scheme such as com.example.app"
