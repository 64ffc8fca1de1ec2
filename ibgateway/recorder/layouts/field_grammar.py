"""Names for the fields of a frame: layouts made of names, repetitions and conditions, and the walk that reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

FOREVER = 10_000


class LayoutMismatch(Exception):
    """A frame whose fields are not those of its layout."""


@dataclass(frozen=True)
class RepeatedParts:
    """A count field, followed by the parts that many times."""

    count: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class ConditionalParts:
    """Parts that are present if an earlier field has one of the required values."""

    name: str
    holds: Callable[[str], bool]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class VersionedParts:
    """Parts that are present from one version on, up to another."""

    first: int
    end: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class OptionalField:
    """A last field that some clients leave out."""

    name: str


Part = str | RepeatedParts | ConditionalParts | VersionedParts | OptionalField


def times(count: str, *parts: Part) -> RepeatedParts:
    return RepeatedParts(count, parts)


def when(name: str, is_any: Sequence[str], *parts: Part) -> ConditionalParts:
    return ConditionalParts(name, frozenset(is_any).__contains__, parts)


def given(name: str, *parts: Part) -> ConditionalParts:
    """Make parts that are there if the earlier field is not empty."""
    return ConditionalParts(name, bool, parts)


def since(version: int, *parts: Part) -> VersionedParts:
    return VersionedParts(version, FOREVER, parts)


def before(version: int, *parts: Part) -> VersionedParts:
    return VersionedParts(0, version, parts)


def between(first: int, end: int, *parts: Part) -> VersionedParts:
    return VersionedParts(first, end, parts)


@dataclass(frozen=True)
class Message:
    """A message's name and the fields that follow its id."""

    name: str
    parts: tuple[Part, ...]

    @cached_property
    def plain(self) -> bool:
        """The version alone decides which fields there are."""
        return _plain(self.parts)

    def names(self, version: int, texts: Sequence[str]) -> tuple[str, ...]:
        """Return a name for each of a frame's texts, the message id included; raise LayoutMismatch for other texts."""
        found = _plain_names(self, version) if self.plain else _Walk(version, texts).run(self.parts)
        if len(found) != len(texts):
            raise LayoutMismatch(f"{self.name} of version {version} has {len(found)} fields, not {len(texts)}")
        return found


def message(name: str, *parts: Part) -> Message:
    return Message(name, parts)


def _plain(parts: tuple[Part, ...]) -> bool:
    return all(isinstance(part, str) or (isinstance(part, VersionedParts) and _plain(part.parts)) for part in parts)


@lru_cache(maxsize=4096)
def _plain_names(of: Message, version: int) -> tuple[str, ...]:
    return _Walk(version, ()).run(of.parts)


class _Walk:
    """One frame being read; only repetitions and conditions look at the texts."""

    def __init__(self, version: int, texts: Sequence[str]) -> None:
        self._version = version
        self._texts = texts
        self._names = ["msgId"]
        self._at: dict[str, int] = {}

    def run(self, parts: tuple[Part, ...]) -> tuple[str, ...]:
        self._take(parts)
        return tuple(self._names)

    def _take(self, parts: tuple[Part, ...]) -> None:
        for part in parts:
            if isinstance(part, str):
                self._take_names(part)
            elif isinstance(part, RepeatedParts):
                self._repeat(part)
            elif isinstance(part, ConditionalParts):
                if part.holds(self._text(self._at[part.name])):
                    self._take(part.parts)
            elif isinstance(part, OptionalField):
                self._names += [part.name] if len(self._names) < len(self._texts) else []
            elif part.first <= self._version < part.end:
                self._take(part.parts)

    def _take_names(self, words: str) -> None:
        for word in words.split():
            self._at[word] = len(self._names)
            self._names.append(word)

    def _repeat(self, part: RepeatedParts) -> None:
        self._take_names(part.count)
        text = self._text(len(self._names) - 1) or "0"
        if not (text.isascii() and text.isdecimal() and len(text) < 7):
            raise LayoutMismatch(f"{part.count} is no count: {text[:20]!r}")
        for _ in range(int(text)):
            self._take(part.parts)
            if len(self._names) > len(self._texts):
                raise LayoutMismatch(f"{part.count} announces more fields than there are")

    def _text(self, at: int) -> str:
        if at >= len(self._texts):
            raise LayoutMismatch("fields are missing")
        return self._texts[at]
