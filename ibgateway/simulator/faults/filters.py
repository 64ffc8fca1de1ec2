"""Filters that faults apply to outgoing frames: drop, delay, repeat, reverse, change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Sending = tuple[float, bytes]  # seconds to wait, payload


def msg_id(payload: bytes) -> int | None:
    head = payload.partition(b"\0")[0]
    return int(head) if head.isdigit() else None


@dataclass
class FrameFilter:
    """A filter for one message id (None: all), one client (None: all), and a number of frames (None: all)."""

    msgId: int | None
    client: int | None
    left: int | None

    def concerns(self, clientId: int | None, payload: bytes) -> bool:
        if self.left == 0 or self.client not in {None, clientId}:
            return False
        if self.msgId is not None and msg_id(payload) != self.msgId:
            return False
        if self.left is not None:
            self.left -= 1
        return True

    def apply(self, sending: list[Sending], clientId: int | None) -> list[Sending]:
        """Return the frames that replace those of one write."""
        return [
            one
            for wait, payload in sending
            for one in (self.change(wait, payload) if self.concerns(clientId, payload) else [(wait, payload)])
        ]

    def change(self, wait: float, payload: bytes) -> Iterator[Sending]:
        """Return the frames that replace one frame."""
        yield wait, payload


@dataclass
class Swallow(FrameFilter):
    def change(self, wait: float, payload: bytes) -> Iterator[Sending]:
        yield from ()


@dataclass
class Delay(FrameFilter):
    seconds: float = 0.0

    def change(self, wait: float, payload: bytes) -> Iterator[Sending]:
        yield wait + self.seconds, payload


@dataclass
class Duplicate(FrameFilter):
    times: int = 2

    def change(self, wait: float, payload: bytes) -> Iterator[Sending]:
        yield from [(wait, payload)] * self.times


@dataclass
class Rewrite(FrameFilter):
    """Put another text into one field; the message id is field 0."""

    field: int = 0
    text: str = ""

    def change(self, wait: float, payload: bytes) -> Iterator[Sending]:
        fields = payload.split(b"\0")
        if self.field < len(fields) - 1:
            fields[self.field] = self.text.encode("ascii", "replace")
        yield wait, b"\0".join(fields)


@dataclass
class Truncate(FrameFilter):
    """Keep so many fields, the message id included."""

    fields: int = 1

    def change(self, wait: float, payload: bytes) -> Iterator[Sending]:
        yield wait, b"\0".join(payload.split(b"\0")[:-1][: self.fields]) + b"\0"


@dataclass
class Reverse(FrameFilter):
    """Reverse the order of the filtered frames within one write."""

    def apply(self, sending: list[Sending], clientId: int | None) -> list[Sending]:
        places = [place for place, (_, payload) in enumerate(sending) if self.concerns(clientId, payload)]
        turned = list(sending)
        for place, other in zip(places, reversed(places), strict=True):
            turned[place] = sending[other]
        return turned
