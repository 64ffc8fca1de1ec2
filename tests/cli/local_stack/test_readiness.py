"""The session's readiness as a front tells it, and a wait for it that has an end."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from cli.errors import Problem
from cli.local_stack import readiness as module
from cli.local_stack.embedded_redis import free_port
from cli.local_stack.readiness import readiness, until_ready


@pytest.mark.trial("D15")
def test_a_front_that_is_not_there_yet_is_starting() -> None:
    assert readiness(free_port()) == (False, "the front is starting")


@contextmanager
def front(status: int, body: bytes) -> Iterator[int]:
    """A front whose /readyz always says this."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b'{"state":"ready","cause":null}', (True, "{'state': 'ready', 'cause': None}")),
        (503, b'{"state":"syncing","cause":"orders are read"}', (False, "orders are read")),
        (503, b"<html>", (False, "the front does not answer yet")),
    ],
)
def test_ready_is_an_answer_of_200_and_else_its_cause_is_told(status: int, body: bytes, told: tuple[bool, str]) -> None:
    with front(status, body) as port:
        assert readiness(port) == told


async def test_a_wait_tells_each_news_and_ends_with_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READY_WITHIN_S", 0.4)
    news: list[str] = []
    with front(503, b'{"cause":"the login is awaited"}') as port, pytest.raises(Problem, match="the login is awaited"):
        await until_ready(port, news.append)

    assert set(news) == {"the login is awaited"}


async def test_a_wait_ends_when_the_session_is_ready() -> None:
    with front(200, b"{}") as port:
        await until_ready(port, lambda _: pytest.fail("there is nothing to tell"))
