"""Lets in requests to the console's own address alone, and no POST from another page; sets the headers of each answer.

A browser sends `Origin` with every POST. So one without it, or with another, is no click on this console's pages. The
paths of programs take no cookie: they answer whoever sends no origin, and pages of this machine.
"""

import asyncio
import re
from collections.abc import Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.text.plain_text import one_line

LOOPBACK_ORIGIN = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")  # such as the MCP Inspector's
LINE_S = 1.0  # between two lines of the log: a flood must not fill it
SHOWN = 100  # characters of a header
BODY_LIMIT = 16 * 1024  # bytes: the largest form is a passphrase of 1,024 characters
FORM = "application/x-www-form-urlencoded"  # as browsers send these pages' forms; others may name odd charsets
HEALTH = "/healthz"  # tells nothing, and is asked by whoever runs the container, under any name
LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser sends `Origin: null` with our own forms too
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
JSON = "application/json"
SECURE = {"Strict-Transport-Security": "max-age=31536000"}


log = structlog.get_logger("console.web")


class GuardMiddleware:
    """ASGI middleware for one address, such as https://console.example.org or http://127.0.0.1:8010. programs: paths
    that programs use, and no page's form."""

    def __init__(self, app: ASGIApp, url: str, programs: Collection[str] = ()) -> None:
        parts = urlsplit(url)
        self._app = app
        self._hosts = {parts.netloc}
        if (parts.hostname or "") in {"localhost", "127.0.0.1", "::1"}:
            self._hosts |= {f"{name}:{parts.port}" if parts.port else name for name in LOOPBACK}
        self._origins = {f"{parts.scheme}://{host}" for host in self._hosts}
        self._programs = frozenset(programs)
        self._silent_until = 0.0
        self._headers = HEADERS | (SECURE if parts.scheme == "https" else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        why = self._fault(scope)
        if why:
            self._log(scope, why[0])
        app = PlainTextResponse(f"{why[1]}\n", why[0]) if why else self._app
        await app(scope, _limited(receive), self._with_headers(send))

    def _fault(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if scope["path"] != HEALTH and (len(hosts) != 1 or hosts[0].lower() not in self._hosts):
            return 421, "This console is not reached by that name. Set CONSOLE_URL to the address that browsers use."
        program = scope["path"] in self._programs
        if scope["method"] not in ("GET", "HEAD", "POST") and not (program and scope["method"] == "OPTIONS"):
            return 405, "GET and POST only."
        if scope["method"] == "POST" and not self._is_good_origin(headers.getlist("origin"), program):
            return (
                403,
                "Only a page of this console may send this. Open the console, and press the button there.",
            )
        if _length(headers) > BODY_LIMIT:
            return 413, f"A form has at most {BODY_LIMIT} bytes."
        kinds = (FORM, JSON) if program else (FORM,)
        if scope["method"] == "POST" and headers.get("content-type", "").partition(";")[0].strip().lower() not in kinds:
            return 415, f"A form is sent as {FORM}."
        return None

    def _is_good_origin(self, origins: list[str], program: bool) -> bool:
        if len(origins) != 1:
            return program and not origins
        return origins[0] in self._origins or (program and LOOPBACK_ORIGIN.fullmatch(origins[0]) is not None)

    def _log(self, scope: Scope, status: int) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._silent_until:
            return
        self._silent_until = now + LINE_S
        headers, client = Headers(scope=scope), scope.get("client")
        log.warning(
            "console_request_refused",
            status=status,
            path=one_line(scope["path"], SHOWN),
            host=one_line(headers.get("host", ""), SHOWN),
            origin=one_line(headers.get("origin", ""), SHOWN),
            address=client[0] if client else "",
        )

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)  # an answer may have its own
            await send(message)

        return send_with_headers


def _length(headers: Headers) -> int:
    written = headers.get("content-length", "0")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else BODY_LIMIT + 1


def _limited(receive: Receive) -> Receive:
    """Cut a body without a length off at the limit: the form then lacks its end, and is refused."""
    left = BODY_LIMIT

    async def receive_limited() -> MutableMapping[str, Any]:
        nonlocal left
        message = await receive()
        body = message.get("body", b"")
        if len(body) > left:
            return {"type": "http.disconnect"}
        left -= len(body)
        return message

    return receive_limited
