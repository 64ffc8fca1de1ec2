"""Authorization requests between their check and the operator's answer: sealed in the page's address, kept nowhere."""

import base64
import binascii
import hashlib
import hmac
import secrets
import time

import msgspec

LASTS_S = 15 * 60
LONGEST = 6_000  # characters of a sealed request


class ConsentRequest(msgspec.Struct, frozen=True):
    """One client's request, after its check. `at`: seconds since 1970."""

    client_id: str
    redirect_uri: str
    explicit: bool
    challenge: str
    resource: str
    scopes: list[str]
    state: str | None
    at: float


class Requests:
    """Seals requests under a secret of this process: after its restart the client begins anew."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def sealed(self, request: ConsentRequest) -> str:
        """Return the request as text that nobody else can make. Raises ValueError for one that is too long."""
        body = msgspec.json.encode(request)
        text = base64.urlsafe_b64encode(self._mac(body) + body).decode().rstrip("=")
        if len(text) > LONGEST:
            raise ValueError(f"an authorization request has at most {LONGEST} characters")
        return text

    def opened(self, text: str) -> ConsentRequest | None:
        """Return the request that was sealed; None for another text, and for one whose time is over."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            return None
        mac, body = raw[:32], raw[32:]
        if len(text) > LONGEST or not hmac.compare_digest(mac, self._mac(body)):
            return None
        request = msgspec.json.decode(body, type=ConsentRequest)
        return request if 0 <= time.time() - request.at < LASTS_S else None

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._secret, body, hashlib.sha256)
