"""An OAuth client of the console, as plain HTTP: what a host sends, and what its person's browser does."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from mcp.client.auth import TokenStorage
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from tests.stacks.console import Visitor

FRONT = "http://127.0.0.1:8000"  # where the tokens are for, when no front runs
RESOURCE = f"{FRONT}/api/v1"
REDIRECT = "http://127.0.0.1:33418/callback"


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@dataclass
class Host:
    """One host program. `browser`: the browser of the person before it."""

    browser: Visitor
    client_id: str = ""
    secret: str = ""
    redirect: str = REDIRECT
    resource: str = RESOURCE
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    async def post(self, path: str, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        """Send as a program does: without an origin and cookies."""
        async with httpx.AsyncClient(base_url=self.browser.base, headers=headers, verify=False) as http:
            return await http.post(path, **options)

    async def register(self, **metadata: Any) -> httpx.Response:
        """Register (RFC 7591), as a program of this machine unless the metadata say else."""
        usual = {"client_name": "A Host", "redirect_uris": [self.redirect], "token_endpoint_auth_method": "none"}
        answer = await self.post("/register", json=usual | metadata)
        if answer.status_code == 201:
            self.client_id, self.secret = answer.json()["client_id"], answer.json().get("client_secret", "")
        return answer

    def asks(self, **changes: str | None) -> str:
        """Return the path that the browser is led to first. A change to None leaves a parameter out."""
        usual: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            "state": "a-state",
            "scope": "read trade",
            "resource": self.resource,
        }
        wanted = {name: value for name, value in (usual | changes).items() if value is not None}
        return f"/authorize?{urlencode(wanted)}"

    async def consent(self, answer: str = "allow", path: str | None = None, **fields: Any) -> dict[str, str]:
        """Let the person, who is signed in, read the page and answer. Return what the redirect tells the client."""
        first = await self.browser.get(path or self.asks())
        assert first.status_code == 302, first.text
        page = urlsplit(first.headers["location"])
        hidden = await self.browser.hidden(f"{page.path}?{page.query}", "/consent")
        chosen = {"scope": ["read", "trade"], "toolset": ["session", "orders"], "days": "7", "answer": answer} | fields
        back = await self.browser.http.post("/consent", data=hidden | chosen)
        assert back.status_code == 303, back.text
        place = urlsplit(back.headers["location"])
        return dict(parse_qsl(place.query)) | {"to": place._replace(query="").geturl()}

    async def exchange(self, code: str, **changes: str) -> httpx.Response:
        """Exchange a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
            "resource": self.resource,
        }
        return await self.post("/token", data=form | self._secret() | changes)

    async def refresh(self, token: str, **changes: str) -> httpx.Response:
        """Exchange a refresh token."""
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.client_id}
        return await self.post("/token", data=form | self._secret() | changes)

    async def revoke(self, token: str, **changes: str) -> httpx.Response:
        """Give a token back."""
        return await self.post("/revoke", data={"token": token, "client_id": self.client_id} | self._secret() | changes)

    async def signed_in(self, **fields: Any) -> dict[str, Any]:
        """Register, let the person allow it, and return the tokens."""
        assert (await self.register()).status_code == 201
        await self.browser.sign_in()
        answer = await self.exchange((await self.consent(**fields))["code"])
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def _secret(self) -> dict[str, str]:
        return {"client_secret": self.secret} if self.secret else {}


class TokenMemory(TokenStorage):
    """The memory of the SDK's client, for one sign-in."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info
