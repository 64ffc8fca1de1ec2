"""The console answers under its own name alone, and takes a form from its own pages alone."""

from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from structlog.testing import capture_logs

from bridge.bus.keys import Keys
from console.pages.pages import Pages
from console.web.guard import BODY_LIMIT, GuardMiddleware
from tests.stacks.bus import pipe_to
from tests.stacks.console import GOOD, console

WORDS = {"name": "anna", "passphrase": GOOD}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:80", ""])
async def test_another_name_is_not_answered(redis_url: str, session: str, host: str) -> None:
    """A page of evil.example whose name is made to lead here would else be of the console's own origin."""
    async with console(redis_url, session) as visitor:
        answer = await visitor.http.get("/", headers={"host": host})

    assert answer.status_code in (400, 421)
    assert "Passphrase" not in answer.text


@pytest.mark.parametrize("hosts", [[], [b"127.0.0.1:8010", b"evil.example"]])
async def test_no_name_and_two_names_are_not_answered(hosts: list[bytes]) -> None:
    """HTTP allows neither, and not every server sees to that."""
    sent: list[MutableMapping[str, Any]] = []
    guard = GuardMiddleware(PlainTextResponse("let in"), "http://127.0.0.1:8010")
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", each) for each in hosts]}

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await guard(scope, receive, send)

    assert sent[0]["status"] == 421


async def test_localhost_is_this_machines_name_too(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor:
        port = visitor.base.rpartition(":")[2]
        headers = {"host": f"localhost:{port}", "origin": f"http://localhost:{port}"}
        answer = await visitor.http.post("/sign-in", data=WORDS, headers=headers)

    assert answer.status_code == 303


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", None])
async def test_a_form_of_another_page_does_nothing(redis_url: str, session: str, origin: str | None) -> None:
    async with console(redis_url, session) as visitor, pipe_to(redis_url) as pipe:
        await visitor.sign_in()
        hidden = await visitor.hidden("/kill-switch", "/halt")
        visitor.http.headers.pop("origin")
        headers = {"origin": origin} if origin is not None else {}
        answer = await visitor.http.post("/halt", data=hidden, headers=headers)

        assert answer.status_code == 403
        assert await pipe.send("EXISTS", Keys(session).halt) == 0


async def test_a_refusal_is_logged_once_a_second(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor:
        with capture_logs() as lines:
            for _ in range(3):
                await visitor.http.post("/halt", headers={"origin": "https://evil.example"})

    assert [(each["event"], each["status"], each["origin"]) for each in lines] == [
        ("console_request_refused", 403, "https://evil.example")
    ]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
async def test_other_methods_are_none(redis_url: str, session: str, method: str) -> None:
    async with console(redis_url, session) as visitor:
        assert (await visitor.http.request(method, "/")).status_code == 405


async def test_a_body_that_is_too_large_is_not_read(redis_url: str, session: str) -> None:
    async def endless() -> object:
        for _ in range(100):
            yield b"name=anna&passphrase=" + b"x" * 1024

    async with console(redis_url, session) as visitor:
        told = await visitor.http.post("/sign-in", content=b"x" * (BODY_LIMIT + 1))
        headers = {"content-type": "application/x-www-form-urlencoded"}
        untold = await visitor.http.post("/sign-in", content=endless(), headers=headers)  # type: ignore[arg-type]

    assert told.status_code == 413
    assert untold.status_code >= 400


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x; charset=unicode_escape", "text/plain", ""])
async def test_a_form_has_one_kind(redis_url: str, session: str, kind: str) -> None:
    async with console(redis_url, session) as visitor:
        answer = await visitor.http.post("/sign-in", content=b"name=anna", headers={"content-type": kind})

    assert answer.status_code == 415


async def test_a_form_that_is_cut_off_is_no_fault_of_the_console(
    redis_url: str, session: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1024

    headers = {"content-type": "application/x-www-form-urlencoded"}
    async with console(redis_url, session) as visitor:
        answer = await visitor.http.post("/sign-in", content=endless(), headers=headers)

    assert answer.status_code == 413
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1:8010", "10.1.2.3"])
async def test_whoever_runs_it_asks_for_its_health_under_any_name(redis_url: str, session: str, host: str) -> None:
    """A container's check asks at 127.0.0.1:8010, whatever the address is for browsers."""
    async with console(redis_url, session, console_url="https://console.example.org") as visitor:
        answer = await visitor.http.get("/healthz", headers={"host": host})

    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_a_host_is_the_same_in_capitals(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor:
        port = visitor.base.rpartition(":")[2]
        assert (await visitor.http.get("/", headers={"host": f"LocalHost:{port}"})).status_code == 200


async def test_a_fault_has_the_headers_too_and_tells_nothing(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(Pages, "visitor", broken)
    async with console(redis_url, session) as visitor:
        answer = await visitor.get("/")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/static/console.css", "/healthz", "/nothing", "/orders/x"])
async def test_every_answer_says_what_a_browser_may_do_with_it(redis_url: str, session: str, path: str) -> None:
    async with console(redis_url, session) as visitor:
        headers = (await visitor.get(path)).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy  # a file of ours, and none that stands in a page
    assert "unsafe" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"  # no-referrer makes a browser's own Origin null
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/static/../templates/home.html", "/static/%2e%2e/settings.py", "/static/"])
async def test_nothing_but_its_own_assets_is_served(redis_url: str, session: str, path: str) -> None:
    async with console(redis_url, session) as visitor:
        assert (await visitor.get(path)).status_code == 404
