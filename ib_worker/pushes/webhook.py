"""A signed webhook: a POST of JSON that its receiver can tell from anybody else's."""

import hmac
import http.client
import time
import urllib.error
import urllib.request
from email.message import Message
from typing import IO

TIMESTAMP, SIGNATURE = "X-IBKR-Timestamp", "X-IBKR-Signature"
POST_S = 5.0
ASK_AGAIN = frozenset({408, 425, 429})  # of the 4xx, those that ask for another attempt


class PushFailed(Exception):
    """A push that did not arrive, or whose answer was lost. `lasting`: the target has refused it."""

    def __init__(self, why: str, lasting: bool = False) -> None:
        super().__init__(why)
        self.lasting = lasting


class _Unmoved(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the operator has set this address, and no other."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


_OPENER = urllib.request.build_opener(_Unmoved)


def post(address: str, body: bytes, secret: str, at: int | None = None) -> None:
    """POST the body. Raises PushFailed without the address, which may be a secret."""
    stamp = str(round(time.time()) if at is None else at)
    headers = {"Content-Type": "application/json", TIMESTAMP: stamp, SIGNATURE: signature(secret, stamp, body)}
    request = urllib.request.Request(address, body, headers)
    try:
        with _OPENER.open(request, timeout=POST_S):
            return
    except urllib.error.HTTPError as refused:
        refused.close()
        lasting = 300 <= refused.code < 500 and refused.code not in ASK_AGAIN
        raise PushFailed(f"HTTP {refused.code}", lasting) from None
    except (OSError, ValueError, http.client.HTTPException) as problem:
        raise PushFailed(type(problem).__name__) from None


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of the time, a point and the body: one that is caught can't be sent again later."""
    return "sha256=" + hmac.new(secret.encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()
