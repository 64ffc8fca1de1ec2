"""Clients that describe themselves: the id is an https URL, whose JSON is the registration.

draft-ietf-oauth-client-id-metadata-document; MCP 2025-11-25, authorization. What was read is kept in memory.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import msgspec
import structlog
from mcp.server.auth.provider import RegistrationError
from pydantic import ValidationError

from bridge.text.plain_text import one_line
from console.oauth.document_address import DocumentError, host_of
from console.oauth.document_reader import Read
from console.oauth.registered import RegisteredClient, new_record

AT_ONCE = 2
A_MINUTE = 10  # look-ups, failed ones too
AN_HOUR = 20  # documents that were not known
MOST = 200  # kept; the oldest gives way
FAILED_S = 60.0  # for which a failure is remembered
LONGEST_NAME = 100  # characters
TOO_MANY = "was not read: too many were within the {}; try again later"

log = structlog.get_logger("console.oauth")


class DocumentClient(RegisteredClient):
    """A client whose id is the URL of its document."""

    @property
    def host(self) -> str:
        """The host that has the document, which its certificate proves."""
        return host_of(self.client_id)


class _Document(msgspec.Struct):
    """The fields of a document that count; any other has no effect."""

    client_id: str
    redirect_uris: Annotated[list[str], msgspec.Meta(min_length=1)]
    client_name: str | None = None
    token_endpoint_auth_method: str = "none"
    grant_types: tuple[str, ...] = ("authorization_code",)
    response_types: tuple[str, ...] = ("code",)
    client_secret: Any = None


class _CachedDocument(NamedTuple):
    client: DocumentClient
    until: float


class ClientDocuments:
    """The documents of one authorization server. read: as `DocumentReader.read`; now: seconds of a monotonic clock."""

    def __init__(self, read: Read, now: Callable[[], float] = time.monotonic) -> None:
        self._read_document = read
        self._now = now
        self._kept: dict[str, _CachedDocument] = {}
        self._failed: dict[str, tuple[str, float]] = {}
        self._lookups: deque[float] = deque()
        self._new: deque[float] = deque()
        self._turn = asyncio.Semaphore(AT_ONCE)

    def known(self, url: str) -> DocumentClient | None:
        """Return the client as its document was read last; None where it was not, or the last time failed."""
        kept = self._kept.get(url)
        return None if kept is None else kept.client

    async def read(self, url: str) -> DocumentClient:
        """Return the client of that document, which is read unless it was of late. Raises DocumentError."""
        host_of(url)
        if (found := self._remembered(url)) is not None:
            return found
        async with self._turn:
            if (found := self._remembered(url)) is not None:  # read by another meanwhile
                return found
            return await self._read(url)

    def _remembered(self, url: str) -> DocumentClient | None:
        now = self._now()
        self._failed = {each: (why, until) for each, (why, until) in self._failed.items() if until > now}
        if url in self._failed:
            raise DocumentError(self._failed[url][0])
        kept = self._kept.get(url)
        return kept.client if kept is not None and kept.until > now else None

    async def _read(self, url: str) -> DocumentClient:
        is_new = url not in self._kept
        self._count(is_new)
        try:
            answer = await self._read_document(url)
            client = client_of(url, answer.body)
        except DocumentError as error:
            self._kept.pop(url, None)
            self._failed[url] = (str(error), self._now() + FAILED_S)
            if is_new:
                self._new.pop()
            raise
        self._kept.pop(url, None)
        if len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[url] = _CachedDocument(client, self._now() + answer.lasts_s)
        name = one_line(client.client_name or "", LONGEST_NAME)
        log.info("oauth_document_read", client_id=url, name=name, lasts_s=answer.lasts_s)
        return client

    def _count(self, is_new: bool) -> None:
        """Count a look-up. Raises DocumentError where there were too many."""
        now = self._now()
        for times, span in ((self._lookups, 60.0), (self._new, 3600.0)):
            while times and times[0] <= now - span:
                times.popleft()
        if len(self._lookups) >= A_MINUTE:
            raise DocumentError(TOO_MANY.format("minute"))
        if is_new and len(self._new) >= AN_HOUR:
            raise DocumentError(TOO_MANY.format("hour"))
        self._lookups.append(now)
        if is_new:
            self._new.append(now)


def client_of(url: str, body: bytes) -> DocumentClient:
    """Return the client that a document describes. Raises DocumentError."""
    try:
        document = msgspec.json.decode(body, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(f"is no description of a client: {error}") from None
    if document.client_id != url:
        raise DocumentError("has another client_id than its URL")
    if document.client_secret is not None or document.token_endpoint_auth_method != "none":
        raise DocumentError("has a secret or a token_endpoint_auth_method, and none alone is possible here")
    if "code" not in document.response_types or "authorization_code" not in document.grant_types:
        raise DocumentError("has not the grant type authorization_code and the response type code")
    told = {
        "client_id": url,
        "redirect_uris": document.redirect_uris,
        "client_name": document.client_name,
        "token_endpoint_auth_method": "none",
    }
    try:
        return DocumentClient.model_validate_json(new_record(DocumentClient.model_validate(told)))
    except RegistrationError as error:
        raise DocumentError(f"is no good: {error.error_description}") from None
    except ValidationError as error:
        raise DocumentError(f"has a redirect that is no URL: {error.errors()[0]['msg']}") from None
