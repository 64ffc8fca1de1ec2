"""A scripted model on loopback: it asks for the tool calls of a script, and keeps each request that a host sends."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

Json = dict[str, Any]
LOOK_AGAIN_S = 0.005


@dataclass(frozen=True)
class Step:
    """A call that the model asks for. `meanwhile` is called when the host gets the step for the first time."""

    tool: str
    arguments: Json = field(default_factory=dict)
    meanwhile: Callable[[], None] | None = None


@dataclass(frozen=True)
class HostRequest:
    """A request of a host to its model, and the time of its arrival (seconds since the epoch)."""

    at: float
    path: str
    body: Json


class Api(Protocol):
    """The wire form of one maker's models."""

    def results(self, body: Json) -> list[str]:
        """Return the texts of the tools' results in a request, oldest first."""

    def may_call(self, body: Json) -> bool:
        """Return whether a request is the conversation's, and not a side request such as for its title."""

    def answer(self, body: Json, number: int, step: Step | None) -> tuple[str, bytes]:
        """Return the content type and the body of the answer: a call, or the end of the turn."""


class ScriptedModel:
    """The model's side of one run of a host."""

    def __init__(self, api: Api, script: list[Step]) -> None:
        self.api = api
        self.script = script
        self.requests: list[HostRequest] = []
        self._handed_out: set[int] = set()
        self._lock = threading.Lock()

    def conversation(self) -> list[HostRequest]:
        return [request for request in list(self.requests) if self.api.may_call(request.body)]

    def results(self) -> list[str]:
        """Return what the model has read of the script's calls so far."""
        found = [self.api.results(request.body) for request in self.conversation()]
        return max(found, key=len, default=[])

    def respond(self, path: str, body: Json) -> tuple[str, bytes]:
        """Keep a request, and return the answer to it."""
        with self._lock:
            self.requests.append(HostRequest(time.time(), path, body))
            number = len(self.requests)
        step = self._next_step(body)
        return self.api.answer(body, number, step)

    def _next_step(self, body: Json) -> Step | None:
        place = len(self.api.results(body))
        if not self.api.may_call(body) or place >= len(self.script):
            return None
        step = self.script[place]
        with self._lock:
            first = place not in self._handed_out
            self._handed_out.add(place)
        if first and step.meanwhile is not None:
            step.meanwhile()
        return step


@contextmanager
def served(model: ScriptedModel) -> Iterator[int]:
    """Serve a model on a free port of loopback, and return the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(model))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def _handler(model: ScriptedModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

        def do_HEAD(self) -> None:
            self._send("application/json", b"")

        def do_GET(self) -> None:
            self._send("application/json", b'{"data": [], "models": [], "has_more": false}')

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length") or 0))
            self._send(*model.respond(self.path, _read(sent)))

        def _send(self, content_type: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _read(sent: bytes) -> Json:
    try:
        body = json.loads(sent)
    except ValueError:  # telemetry in another form: of no interest here
        return {}
    return body if isinstance(body, dict) else {}


def sse(event: str, data: Json) -> bytes:
    """Return one server-sent event."""
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()
