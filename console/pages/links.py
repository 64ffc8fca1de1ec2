"""Signing in by a link that is good once. Opening it changes nothing: the page has a button, which sends the link's
token."""

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.bus.identity.links import LASTS_MS, PATH, use_link
from console.pages.pages import Pages, text_of
from console.pages.rendering import rendered
from console.web.cookies import set_token

NOT_GOOD = (
    f"This link was used already, is older than {LASTS_MS // 60_000} minutes, or was void after a loss of data. Make "
    "another one at a terminal."
)

log = structlog.get_logger("console.pages")


class LinkPages:
    """`lasts_s`: how long a sign-in lasts."""

    def __init__(self, pages: Pages, lasts_s: int) -> None:
        self._pages = pages
        self._lasts_s = lasts_s

    async def shown(self, _: Request) -> Response:
        """The button. The token is in the address's fragment, so this server has not got it yet."""
        return rendered("link", session=self._pages.bus.keys.session, path=PATH)

    async def use(self, request: Request) -> Response:
        """Use the link up, and sign its operator in. The log has no token."""
        form = await request.form(max_files=0, max_fields=10)
        address = request.client.host if request.client else ""
        bus, given = self._pages.bus, text_of(form, "link_token").strip()
        token, operator = await use_link(bus.pipe, bus.keys, given, self._lasts_s * 1000)
        if not token:
            log.warning("link_refused", address=address)
            return self._pages.sign_in_page("/", 403, NOT_GOOD)
        log.info("signed_in", address=address, operator=operator)
        answer = RedirectResponse("/", 303)
        set_token(answer, self._pages.url, token, self._lasts_s)
        return answer
