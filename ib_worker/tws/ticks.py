"""Ticks of the commonest kinds, read without ib_async's general way: they are nearly all messages of a busy session.

A frame in any other form than the usual one is left to ib_async's decoder, and so are all other messages.
"""

import re
from collections.abc import Callable
from typing import Protocol

# tickPrice (1): version, request, tick type, price, size, attributes. tickSize (2): version, request, tick type, size.
_PRICE = re.compile(rb"1\0\d+\0(\d{1,9})\0(\d{1,9})\0(-?\d{1,12}(?:\.\d{1,12})?)\0(\d{1,15}(?:\.\d{1,12})?)\0-?\d*\0")
_SIZE = re.compile(rb"2\0\d+\0(\d{1,9})\0(\d{1,9})\0(\d{1,15}(?:\.\d{1,12})?)\0")
_STRING = b"46\0"  # tickString: times and texts, one with most trades, that nobody reads


class TickReceiver(Protocol):
    """The methods that ticks are handed to."""

    def priceSizeTick(self, reqId: int, tickType: int, price: float, size: float) -> None: ...  # noqa: N802

    def tickSize(self, reqId: int, tickType: int, size: float) -> None: ...  # noqa: N802


def _price(frame: bytes, receiver: TickReceiver) -> bool:
    found = _PRICE.fullmatch(frame)
    if found is None:
        return False
    reqId, tickType, price, size = found.groups()
    receiver.priceSizeTick(int(reqId), int(tickType), float(price), float(size))
    return True


def _size(frame: bytes, receiver: TickReceiver) -> bool:
    found = _SIZE.fullmatch(frame)
    if found is None:
        return False
    reqId, tickType, size = found.groups()
    receiver.tickSize(int(reqId), int(tickType), float(size))
    return True


def _string(frame: bytes, receiver: TickReceiver) -> bool:
    return frame[:3] == _STRING


_READERS: dict[bytes, Callable[[bytes, TickReceiver], bool]] = {b"1\0": _price, b"2\0": _size, b"46": _string}


def took_tick(frame: bytes, receiver: TickReceiver) -> bool:
    """Hand a frame's tick to the receiver; return False, and do nothing, for a frame that is not read here."""
    reader = _READERS.get(frame[:2])
    return reader is not None and reader(frame, receiver)
