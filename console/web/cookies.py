"""The cookie of a sign-in, and the token that each form of a signed-in page carries."""

import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import Response

PLAIN, SECURE = "console", "__Host-console"  # a browser takes a `__Host-` cookie over https alone, for one host


def token_of(request: Request, url: str) -> str:
    """Return the token of the request's sign-in cookie, empty without one."""
    return request.cookies.get(_name(url), "")


def set_token(response: Response, url: str, token: str, lasts_s: int) -> None:
    """Let the browser keep the token: no script reads it, and no other site's page sends it."""
    secure = url.startswith("https://")
    response.set_cookie(_name(url), token, max_age=lasts_s, path="/", secure=secure, httponly=True, samesite="strict")


def clear_token(response: Response, url: str) -> None:
    """Let the browser forget it."""
    response.delete_cookie(_name(url), path="/", secure=url.startswith("https://"), httponly=True, samesite="strict")


def form_token(token: str) -> str:
    """Return what a form must carry: whoever has no sign-in token cannot make it up."""
    return hmac.new(token.encode(), b"console form", hashlib.sha256).hexdigest()


def is_form_token(token: str, given: object) -> bool:
    """Return whether a form came from a page of this very sign-in."""
    return isinstance(given, str) and bool(token) and hmac.compare_digest(form_token(token).encode(), given.encode())


def _name(url: str) -> str:
    return SECURE if url.startswith("https://") else PLAIN
