"""The page on which an operator decides what an OAuth client may do."""

import re
from urllib.parse import urlsplit

import msgspec
import structlog
from mcp.server.auth.provider import construct_redirect_uri
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.bus.identity.rights import Rights
from bridge.bus.oauth.grants import ClientGrant, begin_grant, grants
from bridge.toolsets import TOOLSETS
from console.oauth.documents import DocumentClient
from console.oauth.provider import Provider, about
from console.oauth.registered import RegisteredClient
from console.oauth.requests import ConsentRequest
from console.oauth.rights_form import LIMITS, chosen_rights, client_name
from console.pages.pages import Pages, Visitor, text_of
from console.pages.rendering import rendered
from console.web.guard import HEADERS

CONSENT = "/consent"
DAYS = (1, 7, 30, 90)
USUAL_DAYS = 30
DAY_MS = 24 * 60 * 60 * 1000
FIELDS = 60
OVER = "This request is over, or was made before the console started anew. Begin again at the client."
TOO_MANY = "There are too many grants. Revoke some on the page of clients."
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_HOST = re.compile(r"[a-z0-9.-]+(:[0-9]{1,5})?")

log = structlog.get_logger("console.oauth")


class ConsentPages:
    """Consent to the clients of one authorization server."""

    def __init__(self, pages: Pages, provider: Provider) -> None:
        self._pages = pages
        self._provider = provider

    async def shown(self, request: Request) -> Response:
        """Show what a client asks for; whoever is not signed in signs in, and comes back to this very request."""
        visitor = await self._pages.visitor(request)
        here = f"{CONSENT}?{request.url.query}"
        if visitor is None and request.headers.get("sec-fetch-site") == "cross-site":
            # The browser kept the cookie back, as another site led here. It sends it from this page on.
            return open_to_openers(rendered("onward", then=here))
        if visitor is None:
            return open_to_openers(self._pages.sign_in_page(here))
        asked = self._provider.requests.opened(request.query_params.get("request", ""))
        client = await self._provider.get_client(asked.client_id) if asked else None
        if asked is None or client is None:
            return await self._pages.refused(visitor, 400, OVER)
        answer = await self._pages.framed(
            visitor,
            "consent",
            about=about(client, asked.redirect_uri),
            host=client.host if isinstance(client, DocumentClient) else "",
            leads=_leads(client, asked.redirect_uri),
            leads_to=_place(asked.redirect_uri),
            sealed=request.query_params["request"],
            scopes=asked.scopes,
            toolsets={name: each.about for name, each in TOOLSETS.items()},
            limits=LIMITS,
            days=DAYS,
            usual_days=USUAL_DAYS,
        )
        answer.headers["Content-Security-Policy"] = policy(asked.redirect_uri)
        return open_to_openers(answer)

    async def decide(self, request: Request) -> Response:
        """Lead the browser back to the client: with a code where the operator allowed it, else with the refusal."""

        async def decide(visitor: Visitor, form: FormData) -> Response:
            asked = self._provider.requests.opened(text_of(form, "request"))
            client = await self._provider.get_client(asked.client_id) if asked else None
            if asked is None or client is None:
                return await self._pages.refused(visitor, 400, OVER)
            if text_of(form, "answer") != "allow":
                log.info("oauth_consent_answered", operator=visitor.operator, client_id=asked.client_id, answer="deny")
                return self._back(asked, error="access_denied")
            try:
                rights = chosen_rights(form, asked.scopes)
            except ValueError as error:
                return await self._pages.refused(visitor, 400, str(error))
            return await self._allowed(
                visitor, asked, rights, about(client, asked.redirect_uri), _days(text_of(form, "days"))
            )

        return open_to_openers(await self._pages.acted(request, decide, FIELDS))

    async def _allowed(self, visitor: Visitor, asked: ConsentRequest, rights: Rights, who: str, days: int) -> Response:
        grant = ClientGrant(
            client_id=asked.client_id,
            client=await self._name(asked.client_id, who),
            about=who,
            operator=visitor.operator,
            scopes=" ".join(each for each in asked.scopes if each in rights.scopes),
            resource=asked.resource,
            redirect_uri=asked.redirect_uri,
            explicit=asked.explicit,
            challenge=asked.challenge,
            rights=msgspec.json.encode(rights).decode(),
        )
        bus = self._pages.bus
        code = await begin_grant(bus.pipe, bus.keys, grant, visitor.sign_in, days * DAY_MS)
        if not code:
            return await self._pages.refused(visitor, 409, TOO_MANY)
        told = {"operator": visitor.operator, "client": grant.client, "client_id": asked.client_id}
        log.info("oauth_consent_answered", answer="allow", rights=rights.told(), days=days, **told)
        return self._back(asked, code=code)

    async def _name(self, client_id: str, who: str) -> str:
        """Return the client's name as a principal: the same one again for a client that comes back."""
        bus = self._pages.bus
        earlier = (each.client for each in (await grants(bus.pipe, bus.keys)).values() if each.client_id == client_id)
        return next(earlier, None) or client_name(who)

    def _back(self, asked: ConsentRequest, **told: str) -> Response:
        url = construct_redirect_uri(asked.redirect_uri, **told, state=asked.state, iss=self._provider.url)
        return RedirectResponse(url, 303)


def policy(redirect_uri: str) -> str:
    """Return the page's content security policy: its form may lead to the client's own address as well.

    Browsers hold the redirects that follow a form against form-action. The address was registered, and is named as
    closely as the policy's grammar can: it has no IPv6 addresses, for which the scheme stands.
    """
    parts = urlsplit(redirect_uri)
    scheme, host = parts.scheme.lower(), parts.netloc.lower()
    source = f"{scheme}://{host}" if scheme in ("http", "https") and _HOST.fullmatch(host) else f"{scheme}:"
    if not _SCHEME.fullmatch(scheme):
        return HEADERS["Content-Security-Policy"]
    return HEADERS["Content-Security-Policy"].replace("form-action 'self'", f"form-action 'self' {source}")


def open_to_openers(answer: Response) -> Response:
    """Let the window that opened this one stay in touch: hosts on the web open sign-ins in a window of their own."""
    answer.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return answer


def _place(redirect_uri: str) -> str:
    """Return where a code goes, for people."""
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def _leads(client: RegisteredClient, redirect_uri: str) -> str:
    """Return how a redirect is to the host that describes the client: "same", "other" or "machine"."""
    parts = urlsplit(redirect_uri)
    if parts.scheme != "https":
        return "machine"
    return "same" if isinstance(client, DocumentClient) and parts.hostname == client.host else "other"


def _days(written: str) -> int:
    return int(written) if written in map(str, DAYS) else USUAL_DAYS
