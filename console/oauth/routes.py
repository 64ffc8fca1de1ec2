"""The paths of the authorization server, those that hosts try beside the standard's too."""

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, request_response
from starlette.types import ASGIApp

from console.oauth.consent import CONSENT, ConsentPages
from console.oauth.endpoints import Endpoints, Handle
from console.web.guard import LOOPBACK_ORIGIN

PROGRAMS = frozenset({"/token", "/register", "/revoke"})
WELL_KNOWN = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


def oauth_routes(endpoints: Endpoints, consent: ConsentPages) -> list[Route]:
    """Return the routes. The metadata is at its standard place, with any path after it, and at OpenID Connect's."""
    read = ["GET", "HEAD", "OPTIONS"]
    places = [path + suffix for path in WELL_KNOWN for suffix in ("", "/{suffix:path}")]
    return [
        *(Route(path, _shared(endpoints.metadata, read), methods=read) for path in places),
        Route("/register", _shared(endpoints.register, ["POST"]), methods=["POST", "OPTIONS"]),
        Route("/token", _shared(endpoints.token, ["POST"]), methods=["POST", "OPTIONS"]),
        Route("/revoke", _shared(endpoints.revoke, ["POST"]), methods=["POST", "OPTIONS"]),
        Route("/authorize", endpoints.authorize, methods=["GET"]),
        Route(CONSENT, consent.shown, methods=["GET"]),
        Route(CONSENT, consent.decide, methods=["POST"]),
    ]


def _shared(handle: Handle, methods: list[str]) -> ASGIApp:
    """Let pages of this machine read the answers."""
    return CORSMiddleware(
        request_response(handle),
        allow_origin_regex=LOOPBACK_ORIGIN.pattern,
        allow_methods=methods,
        allow_headers=["*"],
    )
