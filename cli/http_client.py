"""One HTTP request to a front, by hand: no library is loaded for it, and a redirect is not followed."""

from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

LONGEST = 100_000  # bytes of a body that are read


@dataclass(frozen=True)
class HttpAnswer:
    """One response; `body` is cut at LONGEST."""

    status: int
    headers: Message
    body: bytes


def send_request(
    url: str, method: str, path: str, timeout_s: float, headers: dict[str, str] | None = None
) -> HttpAnswer:
    """Send a request without a body to the server of `url`. Raises OSError or http.client.HTTPException."""
    parts = urlsplit(url)
    connection = (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(parts.netloc, timeout=timeout_s)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        length = int(response.getheader("Content-Length") or 0)
        return HttpAnswer(response.status, response.headers, response.read(min(length, LONGEST)))
    finally:
        connection.close()
