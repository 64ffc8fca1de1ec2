"""The shared parts of all pages: who is signed in, the frame around a page, the check before a form's action."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.bus.client.client import BusClient
from bridge.bus.identity.sign_ins import sign_in_id, signed_in_operator
from bridge.text.plain_text import one_line
from console.live.feed import PageFeed
from console.live.live_state import LiveState
from console.live.overview import overview
from console.pages.rendering import rendered
from console.web.cookies import form_token, is_form_token, token_of

CHANGED = "It has changed since you read it. Read it again."
OVER = "The sign-in is over. Sign in again; nothing was changed."
LONGEST_PATH = 8_000  # characters: an authorization request is in the path to its consent

log = structlog.get_logger("console.pages")


class Visitor:
    """An operator who is signed in. `by`: how records name the operator; `sign_in`: the id of the sign-in."""

    def __init__(self, token: str, operator: str) -> None:
        self.operator = operator
        self.by = f"operator {operator}"
        self.sign_in = sign_in_id(token)
        self.form_token = form_token(token)


Action = Callable[[Visitor, FormData], Awaitable[Response]]


class Pages:
    """The pages of one session's console, at its URL."""

    def __init__(self, bus: BusClient, url: str, feed: PageFeed) -> None:
        self.bus = bus
        self.url = url
        self.feed = feed

    async def page(
        self, request: Request, template: str, status: int = 200, *, live: bool = False, **values: Any
    ) -> Response:
        """The page for a visitor who is signed in; the sign-in page for any other, which then leads here. `live`: it
        shows what the worker knows."""
        visitor = await self.visitor(request)
        if visitor is None:
            return self.stranger_page(request)
        return await self.framed(visitor, template, status, live=live, **values)

    def stranger_page(self, request: Request) -> Response:
        """Ask who this is. A browser sends no cookie where another site's page has the link, so it is to ask once more
        from here."""
        then = local_path(f"{request.url.path}{'?' if request.url.query else ''}{request.url.query}")
        if request.headers.get("sec-fetch-site") == "cross-site":
            return rendered("onward", then=then)
        return self.sign_in_page(then)

    async def acted(self, request: Request, act: Action, fields: int = 10) -> Response:
        """Do what a form of a signed-in visitor asks for; anybody else's does nothing. fields: the most it has."""
        visitor = await self.visitor(request)
        form = await request.form(max_files=0, max_fields=fields)
        if visitor is None or not is_form_token(token_of(request, self.url), form.get("form_token")):
            return self.sign_in_page("/", 403, OVER)
        try:
            return await act(visitor, form)
        except PermissionError:  # the sign-in has ended since
            return self.sign_in_page("/", 403, OVER)

    async def done(self, visitor: Visitor, done: bool, then: str = "/") -> Response:
        """Back to the first page, or the word that what was read is something else by now."""
        return RedirectResponse(then, 303) if done else await self.refused(visitor, 409, CHANGED)

    async def refused(self, visitor: Visitor, status: int, text: str) -> Response:
        """Say why nothing was done."""
        return await self.framed(visitor, "message", status, title="Not done", text=text)

    def sign_in_page(self, then: str, status: int = 200, why: str = "") -> Response:
        """Ask who this is; `then` is where the visitor wanted to go."""
        return rendered("sign_in", status, session=self.bus.keys.session, then=local_path(then), why=why)

    async def visitor(self, request: Request) -> Visitor | None:
        """Return who is signed in by the request's cookie. Raises BusError."""
        token = token_of(request, self.url)
        operator = await signed_in_operator(self.bus.pipe, self.bus.keys, token) if token else ""
        return Visitor(token, operator) if operator else None

    async def not_there(self, _: Request, __: Exception) -> Response:
        """Say that there is no such page, to whoever asks."""
        return rendered("plain", 404, title="Not there", text="The console has no such page.")

    async def unavailable(self, request: Request, error: Exception) -> Response:
        """Say that Redis does not answer."""
        log.warning("page_unavailable", error=str(error), path=request.url.path)
        text = (
            "Redis does not answer, so nothing is known. Try again in a moment, and look whether your step was taken."
        )
        return rendered("plain", 503, title="Not available", text=text)

    async def framed(
        self, visitor: Visitor, template: str, status: int = 200, *, live: bool = False, **values: Any
    ) -> Response:
        """The page for this visitor."""
        live_state = (
            await self.feed.current(visitor.sign_in) if live else LiveState(await overview(self.bus), datetime.now(UTC))
        )
        return rendered(template, status, visitor=visitor, p=live_state, shown=live_state.shown, **values)


def text_of(form: FormData, name: str) -> str:
    """Return a field's text; empty for a file or a field that is not there."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def local_path(path: str) -> str:
    """Return a path of this console, and the first page for anything else."""
    plain = one_line(path, LONGEST_PATH) == path and path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if plain else "/"
