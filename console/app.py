"""The console's ASGI application."""

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from bridge.bus.client.client import BusClient
from bridge.bus.identity.links import PATH as LINK
from bridge.bus.transport.connection import BusError
from bridge.tool import ToolError
from console.live.feed import PageFeed
from console.oauth.consent import ConsentPages
from console.oauth.document_reader import DocumentReader, Read
from console.oauth.documents import ClientDocuments
from console.oauth.endpoints import Endpoints
from console.oauth.provider import Provider
from console.oauth.routes import PROGRAMS, oauth_routes
from console.pages.approvals import ApprovalPages
from console.pages.audit import AuditPages
from console.pages.clients import ClientPages
from console.pages.contracts import ContractPages
from console.pages.kill_switch import KillSwitchPages
from console.pages.links import LinkPages
from console.pages.live import LivePages
from console.pages.pages import Pages
from console.pages.rendering import TEMPLATES, drawn
from console.pages.session import SessionPages
from console.pages.sign_in import SignInPages
from console.settings import ConsoleSettings
from console.web.guard import BODY_LIMIT, GuardMiddleware


def build_app(
    bus: BusClient,
    settings: ConsoleSettings,
    feed: PageFeed | None = None,
    read: Read | None = None,
) -> ASGIApp:
    """Return the application of one session's console. The guard is outermost, so it sees the page of a fault too.

    `feed`: whoever serves the application closes it, so that open streams end. `read`: in place of a reader of clients'
    documents on the internet.
    """
    pages = Pages(bus, settings.url, feed or PageFeed(bus, drawn))
    oauth = _oauth(pages, settings, read)
    app = Starlette(
        routes=[
            *oauth,
            *_live(pages),
            *_orders(pages),
            *_contracts(pages),
            *_session(pages),
            *_clients(pages),
            *_kill_switch(pages),
            *_sign_in(pages, round(settings.console_sign_in_h * 3600)),
            Route("/healthz", _alive, methods=["GET"]),
            Mount("/static", StaticFiles(directory=TEMPLATES.parent / "static")),
        ],
        exception_handlers={
            404: pages.not_there,
            BusError: pages.unavailable,
            ToolError: pages.unavailable,
            ClientDisconnect: _cut_off,
        },
    )
    return GuardMiddleware(app, settings.url, PROGRAMS if oauth else ())


def _live(pages: Pages) -> list[Route]:
    live = LivePages(pages)
    return [
        Route("/", live.home, methods=["GET"]),
        Route("/live", live.stream, methods=["GET"]),
        Route("/equity.json", live.equity, methods=["GET"]),
        Route("/orders", live.orders, methods=["GET"]),
        Route("/activity", live.activity, methods=["GET"]),
        Route("/limits", live.limits, methods=["GET"]),
    ]


def _orders(pages: Pages) -> list[Route]:
    """Return the routes of one order: its approval, and its life in the audit log."""
    audit = AuditPages(pages)
    approvals = ApprovalPages(pages, audit.by_key)
    return [
        Route("/orders/{key}", approvals.order, methods=["GET"]),
        Route("/approve", approvals.approve, methods=["POST"]),
        Route("/refuse", approvals.refuse, methods=["POST"]),
        Route("/order/{permId}", audit.by_perm_id, methods=["GET"]),
        Route("/audit", audit.search, methods=["GET"]),
    ]


def _contracts(pages: Pages) -> list[Route]:
    contracts = ContractPages(pages)
    return [
        Route("/contracts/{conId:int}", contracts.shown, methods=["GET"]),
        Route("/contracts/{conId:int}/candles.json", contracts.candles, methods=["GET"]),
    ]


def _session(pages: Pages) -> list[Route]:
    session = SessionPages(pages)
    return [
        Route("/session", session.shown, methods=["GET"]),
        Route("/disconnect", session.disconnect, methods=["POST"]),
        Route("/connect", session.connect, methods=["POST"]),
        Route("/lend", session.lend, methods=["POST"]),
    ]


def _clients(pages: Pages) -> list[Route]:
    clients = ClientPages(pages)
    return [
        Route("/clients", clients.shown, methods=["GET"]),
        Route("/clients/revoke", clients.revoke, methods=["POST"]),
    ]


def _kill_switch(pages: Pages) -> list[Route]:
    switch = KillSwitchPages(pages)
    return [
        Route("/kill-switch", switch.shown, methods=["GET"]),
        Route("/halt", switch.halt, methods=["POST"]),
        Route("/resume", switch.resume, methods=["POST"]),
    ]


def _sign_in(pages: Pages, lasts_s: int) -> list[Route]:
    sign_in, links = SignInPages(pages, lasts_s), LinkPages(pages, lasts_s)
    return [
        Route("/sign-in", sign_in.sign_in, methods=["POST"]),
        Route(LINK, links.shown, methods=["GET"]),
        Route(LINK, links.use, methods=["POST"]),
        Route("/sign-out", sign_in.sign_out, methods=["POST"]),
    ]


def _oauth(pages: Pages, settings: ConsoleSettings, read: Read | None) -> list[Route]:
    """Return the routes of the authorization server; none where MCP clients have no address to reach the front at."""
    if settings.public_url is None:
        return []
    documents = ClientDocuments(read or DocumentReader().read) if settings.console_client_documents else None
    provider = Provider(pages.bus, settings.url, settings.public_url, documents)
    return oauth_routes(Endpoints(pages, provider), ConsentPages(pages, provider))


async def _alive(_: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _cut_off(_: Request, __: Exception) -> Response:
    return PlainTextResponse(f"A form is whole, and has at most {BODY_LIMIT} bytes.\n", 413)
