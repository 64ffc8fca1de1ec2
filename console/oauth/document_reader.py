"""Reads the document of a client over https, from public addresses alone.

The host's addresses are looked up once, all of them are checked, and the connection goes to one that was checked. So a
name server that answers differently the next time leads nowhere else. No redirect is followed, and no proxy is used.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import h11

from console.oauth.document_address import DocumentError, host_of, is_public

WITHIN_S = 3.0
LONGEST = 5 * 1024  # bytes of a document
LONGEST_ANSWER = LONGEST + 16 * 1024  # bytes with the headers
CHUNK = 4096
LOOKUPS_AT_ONCE = 4  # threads of their own: a look-up cannot be cancelled, and must not take those of other pages
TRIED = 3  # of a host's addresses
SHORTEST_S = 5 * 60
LONGEST_S = 24 * 60 * 60
_MAX_AGE = re.compile(r"max-age=([0-9]{1,9})")

Read = Callable[[str], Awaitable["DocumentResponse"]]
Resolve = Callable[[str, int], list[str]]


class DocumentResponse(NamedTuple):
    """A document as it came, and for how long it is good (s)."""

    body: bytes
    lasts_s: int


def addresses_of(host: str, port: int) -> list[str]:
    """Return the host's IP addresses. Blocks. Raises OSError, and UnicodeError for a name that is none."""
    return list(dict.fromkeys(str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


class DocumentReader:
    """Reads documents. A test has a server of its own: `resolve`, `is_allowed`, `port` and `tls` lead to it.

    within_s: for look-up, connection and answer together.
    """

    def __init__(
        self,
        resolve: Resolve = addresses_of,
        is_allowed: Callable[[str], bool] = is_public,
        port: int = 443,
        tls: ssl.SSLContext | None = None,
        within_s: float = WITHIN_S,
    ) -> None:
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._port = port
        self._tls = tls or ssl.create_default_context()
        self._within_s = within_s
        self._threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, "client-documents")

    async def read(self, url: str) -> DocumentResponse:
        """Return the document at the URL. Raises DocumentError."""
        host = host_of(url)
        try:
            async with asyncio.timeout(self._within_s):
                reader, writer = await self._connected(host, await self._checked(host))
                try:
                    return await _exchanged(reader, writer, host, url)
                finally:
                    writer.transport.abort()
        except TimeoutError:
            raise DocumentError(f"did not come within {self._within_s:g} s") from None
        except (OSError, h11.RemoteProtocolError) as error:
            raise DocumentError(f"was not read: {error}") from None

    async def _checked(self, host: str) -> list[str]:
        """Return the host's addresses. Raises DocumentError if one of them is not public."""
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._threads, self._resolve, host, self._port)
        except (OSError, UnicodeError):
            raise DocumentError(f"was not read: {host} has no address") from None
        if not found or not all(self._is_allowed(each) for each in found):
            raise DocumentError(f"was not read: an address of {host} is not public")
        return found

    async def _connected(self, host: str, addresses: list[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        fault: OSError = OSError("no address")
        for address in addresses[:TRIED]:
            try:
                return await asyncio.open_connection(
                    address, self._port, ssl=self._tls, server_hostname=host, limit=LONGEST_ANSWER
                )
            except ssl.SSLCertVerificationError as error:
                raise DocumentError(
                    f"was not read: the certificate of {host} is wrong: {error.verify_message}"
                ) from None
            except OSError as error:
                fault = error
        raise fault


async def _exchanged(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, url: str
) -> DocumentResponse:
    """Ask, and return the answer. Raises DocumentError, and RemoteProtocolError."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_ANSWER)
    headers = [("Host", host), ("Accept", "application/json"), ("Accept-Encoding", "identity"), ("Connection", "close")]
    target = url.removeprefix(f"https://{host}")
    writer.write(connection.send(h11.Request(method="GET", target=target, headers=headers)) or b"")
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    body, came, lasts_s = b"", 0, SHORTEST_S
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        if event is h11.NEED_DATA:
            chunk = await reader.read(CHUNK)
            came += len(chunk)
            connection.receive_data(chunk)
        elif isinstance(event, h11.Response):
            lasts_s = _accepted(event)
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.ConnectionClosed):
            raise DocumentError("was not read: the connection ended")
        if len(body) > LONGEST or came > LONGEST_ANSWER:
            raise DocumentError(f"is longer than {LONGEST} bytes")
    return DocumentResponse(body, lasts_s)


def _accepted(response: h11.Response) -> int:
    """Return for how long the answer is good (s). Raises DocumentError for another than a document."""
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in response.headers}
    if 300 <= response.status_code < 400:
        raise DocumentError("is elsewhere: its URL redirects, and redirects are not followed")
    if response.status_code != 200:
        raise DocumentError(f"was not read: its host answered {response.status_code}")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or headers.get("content-encoding", "identity").lower() != "identity":
        raise DocumentError("is not application/json as it is")
    return _lasts_s(headers.get("cache-control", ""))


def _lasts_s(written: str) -> int:
    """Return for how long an answer with this Cache-Control is kept (s)."""
    directives = {each.strip().lower() for each in written.split(",")}
    ages = [int(found[1]) for each in directives if (found := _MAX_AGE.fullmatch(each))]
    if not ages or directives & {"no-store", "no-cache"}:
        return SHORTEST_S
    return min(max(min(ages), SHORTEST_S), LONGEST_S)
