"""Masks that replace secrets in a transcript: the same mask for the same text, of its length and character classes."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator

# DU1234567, U1234567, DF1234567A: the letters tell paper from live and advisor from client, and are kept.
ACCOUNT = re.compile(r"(D?[UFI][A-Z]{0,2})([0-9]{4,9})([A-Z]?)")
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
_HEXADECIMAL = re.compile(r"(?=.*[0-9])[0-9a-f.]+")  # such as the first parts of an execId
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_MAX_INT = 2147483646  # one less than the unset integer
_MAX_LONG = 9223372036854775806
_ATTEMPTS = 200  # one-letter texts may have no free mask left; two of them then share one


def plain(text: str) -> str:
    """Return the plain spelling: gateways write é as \\u00e9, clients as é, and a secret is the same in both."""
    return _ESCAPES.sub(_unescape, text)


def _unescape(match: re.Match[str]) -> str:
    units = bytes.fromhex(match[0].replace("\\u", ""))
    return units.decode("utf-16-be", "surrogatepass")


class Masks:
    """One recording's masks. Without the key nobody can find an account by trying all of them."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._of: dict[str, str] = {}
        self._given: set[str] = set()

    def mask(self, text: str) -> str:
        """The mask of a secret, in whichever spelling it comes."""
        secret = plain(text)
        if secret not in self._of:
            self._of[secret] = self._new(secret)
            self._given.add(self._of[secret])
        return self._of[secret]

    def is_mask(self, text: str) -> bool:
        return text in self._given

    def _new(self, secret: str) -> str:
        account = ACCOUNT.fullmatch(secret)
        if account and account[3]:  # an advisor's account of all accounts: the advisor's own, and a letter
            return self.mask(account[1] + account[2]) + account[3]
        for attempt in range(_ATTEMPTS):
            candidate = self._draw(secret, attempt)
            if candidate != secret and candidate not in self._given and candidate not in self._of:
                break
        return candidate

    def _draw(self, secret: str, attempt: int) -> str:
        stream = self._stream(secret, attempt)
        if secret.isascii() and secret.isdecimal() and not secret.startswith("0"):
            return _number_like(secret, stream)
        if account := ACCOUNT.fullmatch(secret):
            return account[1] + _number_like(account[2], stream) + account[3]
        letters = _LOWER[:6] if _HEXADECIMAL.fullmatch(secret) else _LOWER
        drawn = "".join(_like(character, letters, stream) for character in secret)
        return drawn if drawn != secret else "".join(letters[next(stream) % len(letters)] for _ in secret)

    def _stream(self, secret: str, attempt: int) -> Iterator[int]:
        """Yield numbers that depend on the key, the secret and the attempt alone."""
        block = 0
        while True:
            seed = f"{attempt}:{block}:{secret}".encode("utf-8", "surrogatepass")
            digest = hmac.digest(self._key, seed, "sha256")
            yield from (int.from_bytes(digest[at : at + 2]) for at in range(0, len(digest), 2))
            block += 1


def _number_like(digits: str, stream: Iterator[int]) -> str:
    """Return a number of as many digits; it fits an int or a long if the original did."""
    low = 10 ** (len(digits) - 1)
    high = 10 * low - 1
    if digits.startswith("0"):
        low = 0
    if len(digits) in {10, 19}:
        most = _MAX_INT if len(digits) == 10 else _MAX_LONG
        high = min(high, most) if int(digits) <= most else high
    drawn = 0
    for _ in range(len(digits) // 4 + 2):
        drawn = drawn << 16 | next(stream)
    return str(low + drawn % (high - low + 1)).zfill(len(digits))


def _like(character: str, letters: str, stream: Iterator[int]) -> str:
    if not character.isascii() or character.islower():
        return letters[next(stream) % len(letters)]
    if character.isupper():
        return letters[next(stream) % len(letters)].upper()
    return str(next(stream) % 10) if character.isdigit() else character
