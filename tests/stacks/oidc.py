"""An OpenID Connect provider on this machine: its two documents, keys that can rotate, and tokens that it signs."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from joserfc import jwk, jwt

AUDIENCE = "ibkr"
PREFIX = "ibkr:"


def new_key(kid: str) -> jwk.RSAKey:
    return jwk.RSAKey.generate_key(2048, {"kid": kid})


KEYS = {kid: new_key(kid) for kid in ("one", "two")}  # made once: each takes a tenth of a second
STRANGERS = new_key("one")


@dataclass
class Provider:
    """One provider. kids: of the keys that it publishes. answers: unset while it is slow."""

    issuer: str = ""
    kids: list[str] = field(default_factory=lambda: ["one"])
    asked: list[str] = field(default_factory=list)  # the paths, each time
    answers: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.answers.set()

    def documents(self) -> dict[str, Any]:
        published = [KEYS[kid].as_dict(private=False) | {"alg": "RS256", "use": "sig"} for kid in self.kids]
        return {
            "/.well-known/openid-configuration": {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"},
            "/keys": {"keys": published},
        }

    def token(self, kid: str = "one", key: jwk.RSAKey | None = None, **changes: Any) -> str:
        """Return a token of anna's by the program claude. A change to None leaves a claim out."""
        return token_of(self.issuer, key or KEYS[kid], kid, **changes)

    @property
    def settings(self) -> dict[str, Any]:
        """Return the settings by which front and worker accept its tokens."""
        return {"oidc_issuer": self.issuer, "oidc_audience": AUDIENCE, "oidc_scope_prefix": PREFIX}


def token_of(issuer: str, key: jwk.RSAKey = KEYS["one"], kid: str = "one", **changes: Any) -> str:
    usual = {"iss": issuer, "aud": AUDIENCE, "sub": "anna", "azp": "claude", "exp": int(time.time()) + 600}
    claims = {name: value for name, value in (usual | {"scope": "openid ibkr:read"} | changes).items() if value}
    return jwt.encode({"alg": "RS256", "kid": kid}, claims, key)


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve a provider's documents on a free port."""
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            made.answers.wait()
            body = json.dumps(made.documents()[self.path]).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.answers.set()
        server.shutdown()
        thread.join()
        server.server_close()
