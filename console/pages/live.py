"""The pages that show the session as it is now, and the stream that keeps an open page so."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import asdict

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from bridge.bus.identity.sign_ins import sign_in_id, signed_in_operator
from bridge.bus.transport.connection import BusError
from console.live.equity import EquityReader
from console.pages.pages import Pages
from console.web.cookies import token_of

PARTS = frozenset(
    {"banner", "waiting", "accounts", "positions", "orders", "ended", "trades", "events", "clients", "streams",
     "alerts", "limits", "session", "near"}
)  # fmt: skip
MOST_STREAMS = 60  # of all viewers; a browser has one for each page that is open
HEADERS = {"X-Accel-Buffering": "no"}  # nginx would keep events back

log = structlog.get_logger("console.pages")


class LivePages:
    """Overview, orders, activity and limits of one session."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._equity = EquityReader(pages.bus, pages.feed.equity)

    async def home(self, request: Request) -> Response:
        """The page that a person who trades keeps open. `still`: without script it is not read anew by itself."""
        return await self._page(request, "home")

    async def orders(self, request: Request) -> Response:
        return await self._page(request, "orders")

    async def activity(self, request: Request) -> Response:
        """Clients and their last calls, streams, alerts, and what happened."""
        return await self._page(request, "activity")

    async def limits(self, request: Request) -> Response:
        return await self._page(request, "limits")

    async def _page(self, request: Request, template: str) -> Response:
        return await self._pages.page(request, template, live=True, still="still" in request.query_params)

    async def stream(self, request: Request) -> Response:
        """Server-sent events: the parts that the page asks for, each when it changes. Without a sign-in there is the
        event `over` alone, and so when it ends."""
        pages, token = self._pages, token_of(request, self._pages.url)
        names = [each for each in request.query_params.get("parts", "").split(",") if each in PARTS]
        if pages.feed.viewers >= MOST_STREAMS:
            return PlainTextResponse(f"At most {MOST_STREAMS} pages are live at once. Close some.\n", 503)

        async def allowed() -> bool:
            return bool(token and await signed_in_operator(pages.bus.pipe, pages.bus.keys, token))

        events = pages.feed.events(list(dict.fromkeys(names)), sign_in_id(token), allowed)
        return StreamingResponse(
            _while_known(events),
            media_type="text/event-stream",
            headers=HEADERS,
        )

    async def equity(self, request: Request) -> Response:
        """The equity curves as JSON, for the drawing."""
        if await self._pages.visitor(request) is None:
            return PlainTextResponse("Sign in first.\n", 401)
        return JSONResponse([asdict(each) for each in await self._equity.curves()])


async def _while_known(events: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """End a stream where Redis does not tell whether its viewer is signed in: the page says so, and connects again. The
    feed logs it, once for all."""
    async with aclosing(events):
        with suppress(BusError):
            async for each in events:
                yield each
