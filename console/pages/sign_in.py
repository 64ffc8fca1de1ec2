"""Signing in and out. A sign-in gets a token of its own, whatever cookie came along."""

import structlog
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.bus.identity.authentication import authenticated
from bridge.bus.identity.operators import operator_name
from bridge.bus.identity.sign_ins import begin_sign_in, end_sign_in
from console.pages.pages import Pages, Visitor, local_path, text_of
from console.web.attempts import Attempts, TooManyTries
from console.web.cookies import clear_token, set_token

WRONG = "The name, the passphrase or the one-time code is wrong."
UNREADABLE = "This sign-in can't be checked: what Redis keeps of the operator is damaged. The console's log says more."
VIA = "console"

log = structlog.get_logger("console.pages")


class SignInPages:
    """`lasts_s`: how long a sign-in lasts."""

    def __init__(self, pages: Pages, lasts_s: int) -> None:
        self._pages = pages
        self._lasts_s = lasts_s
        self._attempts = Attempts()

    async def sign_in(self, request: Request) -> Response:
        """Take a name, a passphrase and a one-time code."""
        form = await request.form(max_files=0, max_fields=10)
        then, address = local_path(text_of(form, "then")), request.client.host if request.client else ""
        name = _name(text_of(form, "name"))
        try:
            token = await self._token(address, name, form)
        except TooManyTries as error:
            log.warning("sign_in_paced", address=address, operator=name)
            why = f"Too many tries. The next one is looked at in {error.wait_s:.0f} s."
            return self._pages.sign_in_page(then, 429, why)
        except ValueError as error:
            log.error("operator_unreadable", address=address, operator=name, error=str(error))
            return self._pages.sign_in_page(then, 503, UNREADABLE)
        if not token:
            log.warning("sign_in_refused", address=address, operator=name)
            return self._pages.sign_in_page(then, 403, WRONG)
        log.info("signed_in", address=address, operator=name)
        answer = RedirectResponse(then, 303)
        set_token(answer, self._pages.url, token, self._lasts_s)
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the sign-in, here and for whoever has copied its cookie."""

        async def end(visitor: Visitor, _: FormData) -> Response:
            await end_sign_in(self._pages.bus.pipe, self._pages.bus.keys, visitor.sign_in)
            log.info("signed_out", operator=visitor.operator)
            answer = RedirectResponse("/", 303)
            clear_token(answer, self._pages.url)
            return answer

        return await self._pages.acted(request, end)

    async def _token(self, address: str, name: str, form: FormData) -> str:
        """Return the token of a new sign-in, empty for wrong words. Raises TooManyTries."""
        pipe, keys = self._pages.bus.pipe, self._pages.bus.keys
        async with self._attempts.one(address, name):
            right = await authenticated(pipe, keys, name, text_of(form, "passphrase"), text_of(form, "code"))
            (self._attempts.right if right else self._attempts.wrong)(address, name)
        return await begin_sign_in(pipe, keys, name, VIA, self._lasts_s * 1000) if right else ""


def _name(written: str) -> str:
    """Return the name as it is kept; empty for what can be nobody's."""
    try:
        return operator_name(written)
    except ValueError:
        return ""
