"""Decoding of clients' frames: each request class declares its fields in the wire's order, once.

A field's annotation says how its text is read; `Annotated[str, since(176)]` says from which version on it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

from ibgateway.simulator.wire.encoding import text

T = TypeVar("T")
FOREVER = 10_000


class BadFields(Exception):
    """A frame whose fields are not those of its message; `reqId` is its request id where that could be read."""

    def __init__(self, msgId: int, reason: str, reqId: int = -1) -> None:
        super().__init__(reason)
        self.msgId = msgId
        self.reason = reason
        self.reqId = reqId


class UnknownMessage(Exception):
    """A message id that this protocol version does not have."""

    def __init__(self, msgId: int) -> None:
        super().__init__(f"unknown message id {msgId}")
        self.msgId = msgId


@dataclass(frozen=True)
class VersionRange:
    """The versions that have a field: from `first` on, before `end`."""

    first: int = 0
    end: int = FOREVER

    def has(self, version: int) -> bool:
        return self.first <= version < self.end


ALWAYS = VersionRange()


def since(version: int) -> VersionRange:
    return VersionRange(first=version)


def before(version: int) -> VersionRange:
    return VersionRange(end=version)


class Fields:
    """A frame's texts, taken one after the other. Beyond the last one all are unset, as gateways read a frame of a
    client that leaves fields out; `strict` refuses such a frame."""

    def __init__(self, texts: list[str], version: int, strict: bool = False) -> None:
        self._texts = texts
        self._at = 0
        self.version = version
        self._strict = strict or not texts

    def take(self, unset: str = "") -> str:
        """Return the next text, or what stands for unset beyond the last."""
        if self._at < len(self._texts):
            self._at += 1
            return self._texts[self._at - 1]
        if self._strict:
            raise text.BadText("fields are missing")
        return unset

    @property
    def left(self) -> int:
        return len(self._texts) - self._at

    def end(self) -> None:
        if self.left:
            raise text.BadText(f"{self.left} fields too many")


Reader = Callable[[Fields], Any]


@dataclass(frozen=True)
class reads:  # noqa: N801 - it is written in annotations, like since and before
    """In an annotation: how a field of several texts is read."""

    reader: Reader


@dataclass(frozen=True)
class Layout:
    """One message's fields: (name, reader, versions)."""

    msgId: int
    build: Callable[..., Any]
    versioned: VersionRange | None
    fields: tuple[tuple[str, Reader, VersionRange], ...]

    def decode(self, fields: Fields) -> Any:
        values: dict[str, Any] = {}
        try:
            if self.versioned is not None and self.versioned.has(fields.version):
                text.integer(fields.take())
            for name, reader, span in self.fields:
                if span.has(fields.version):
                    values[name] = reader(fields)
            fields.end()
        except text.BadText as error:
            raise BadFields(self.msgId, str(error), values.get("reqId", values.get("orderId", -1))) from error
        return self.build(**values)


LAYOUTS: dict[int, Layout] = {}

_READERS: dict[Any, Reader] = {
    str: Fields.take,
    int: lambda fields: text.integer(fields.take("0")),
    int | None: lambda fields: text.integer_or_none(fields.take()),
    float: lambda fields: text.number(fields.take("0")),
    float | None: lambda fields: text.number_or_none(fields.take()),
    bool: lambda fields: text.flag(fields.take()),
    Decimal: lambda fields: text.quantity(fields.take("0")),
}


@dataclass_transform(frozen_default=True)
def request(msgId: int, *, versioned: VersionRange | None = None) -> Callable[[type[T]], type[T]]:
    """Make a class the request of `msgId`; `versioned` when an obsolete version number comes before its fields."""

    def declare(cls: type[T]) -> type[T]:
        made = dataclass(frozen=True)(cls)
        hints = get_type_hints(made, include_extras=True)
        fields = tuple((name, *_reader_of(hint)) for name, hint in hints.items())
        LAYOUTS[msgId] = Layout(msgId, made, versioned, fields)
        return made

    return declare


def _reader_of(hint: Any) -> tuple[Reader, VersionRange]:
    kind, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    reader = next((extra.reader for extra in extras if isinstance(extra, reads)), None) or _READERS[kind]
    span = next((extra for extra in extras if isinstance(extra, VersionRange)), ALWAYS)
    return reader, span


def decode(payload: bytes, version: int, strict: bool = False) -> Any:
    """Return the request in a frame's payload; raise BadFields or UnknownMessage when there is none."""
    try:
        texts = payload.decode("utf-8").split("\0")
        msgId = text.integer(texts[0])
    except ValueError as error:
        raise BadFields(-1, "the frame is not text that begins with a message id") from error
    if texts.pop() != "":
        raise BadFields(msgId, "the last field does not end in a zero byte")
    layout = LAYOUTS.get(msgId)
    if layout is None:
        raise UnknownMessage(msgId)
    return layout.decode(Fields(texts[1:], version, strict))
