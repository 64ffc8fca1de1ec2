"""The public keys of an OpenID Connect provider (RFC 7517): read from the provider, or from a file where the worker has
no way out."""

import asyncio
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import IO, Any, NoReturn

import msgspec
import structlog

from bridge.bus.identity.oidc import DISCOVERY
from bridge.bus.identity.oidc_settings import jwks_uri_of

KEPT_S = 3_600.0  # so old the keys are read again: a key that the provider withdrew counts no longer
LASTS_S = 24 * 3_600.0  # so long the last keys count while the provider is away
LOOK_S = 30.0  # between two looks at their age
ASK_S = 5.0  # for each step of a document
WHOLE_S = 10.0  # for a whole document
LARGEST = 256 * 1024  # bytes of a document
MOST = 100  # keys

Jwk = dict[str, Any]

log = structlog.get_logger("ib_worker.oidc")


class KeysUnavailable(Exception):
    """There are no keys to verify with, for the reason that it names."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the keys are where the issuer's own metadata say."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


class ProviderKeys:
    """The keys as last read. `path`: a file of them, in place of the provider. `again_s`: between two looks for a key
    that is not among them, or after a failure. `changed` is called when they change."""

    def __init__(self, issuer: str, path: Path | None, again_s: float) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.again_s = again_s
        self._issuer = issuer
        self._path = path
        self._kept_s = KEPT_S if path is None else LOOK_S
        self._keys: list[Jwk] = []
        self._read_at = float("-inf")  # these times by the monotonic clock
        self._asked_at = float("-inf")
        self._fault = "they were not read yet"
        self._reading = asyncio.Lock()

    async def run(self) -> NoReturn:
        """Keep them ready for ever, so that no first call waits for the provider."""
        while True:
            await self._refreshed(self._kept_s)
            await asyncio.sleep(LOOK_S)

    async def of(self, kid: str) -> list[Jwk]:
        """Return the keys that may have signed a token: those of this id, all where it names none.

        They are read anew if none has the id. For a known one nobody waits: somebody else may have made an id up, and
        the provider be slow. Raises KeysUnavailable.
        """
        found = self._of(kid)
        if not found:
            await self._refreshed(self.again_s)
            found = self._of(kid)
        if time.monotonic() - self._read_at > LASTS_S:
            raise KeysUnavailable(self._fault)
        return found

    def _of(self, kid: str) -> list[Jwk]:
        return [each for each in self._keys if not kid or each.get("kid", kid) == kid]

    async def _refreshed(self, age_s: float) -> None:
        """Read the keys if they are so old, and nobody has tried of late."""
        async with self._reading:
            now = time.monotonic()
            if now - self._read_at < age_s or now - self._asked_at < self.again_s:
                return
            self._asked_at = now
            try:
                self._take(await asyncio.to_thread(self._read))
            except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
                self._fault = str(error) or repr(error)
                log.error("oidc_unreachable", issuer=self._issuer, error=self._fault)

    def _take(self, keys: list[Jwk]) -> None:
        has_changed = keys != self._keys
        self._keys, self._read_at = keys, time.monotonic()
        if has_changed:
            log.info("oidc_keys_read", issuer=self._issuer, count=len(keys))
            self.changed()

    def _read(self) -> list[Jwk]:
        if self._path is not None:
            with self._path.open("rb") as file:
                return keys_in(file.read(LARGEST + 1))
        told = msgspec.json.decode(_fetched(self._issuer.rstrip("/") + DISCOVERY))
        return keys_in(_fetched(jwks_uri_of(told, self._issuer)))


def keys_in(document: bytes) -> list[Jwk]:
    """Return the keys of a JWK set. Raises ValueError for what is none."""
    if len(document) > LARGEST:
        raise ValueError(f"a document of more than {LARGEST} bytes")
    told = msgspec.json.decode(document)
    keys = told.get("keys") if isinstance(told, dict) else None
    if not isinstance(keys, list) or not keys:
        raise ValueError("a JSON object with a list `keys` is expected (RFC 7517), and has one key at least")
    return [each for each in keys[:MOST] if isinstance(each, dict)]


def _fetched(address: str) -> bytes:
    """Return a document. It blocks. Raises OSError, ValueError or HTTPException."""
    request = urllib.request.Request(address, headers={"Accept": "application/json"})
    ends, parts = time.monotonic() + WHOLE_S, [b""]
    try:
        with _OPENER.open(request, timeout=ASK_S) as answer:
            while part := answer.read1(64 * 1024):
                parts.append(part)
                if time.monotonic() > ends or sum(map(len, parts)) > LARGEST:
                    raise ValueError(f"not read within {WHOLE_S:g} s and {LARGEST} bytes")
    except urllib.error.HTTPError as refused:
        refused.close()
        raise OSError(f"HTTP {refused.code}") from None
    return b"".join(parts)
