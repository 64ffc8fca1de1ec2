"""The connection to TWS: ib_async's client and decoder, with frames bounded, checked and never lost in silence."""
# ib_async's client and decoder are not annotated:
# mypy: disable-error-code="no-untyped-call"

import asyncio
import logging
import math
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Protocol

import ib_async
import structlog
from ib_async.client import Client
from ib_async.decoder import Decoder

from ib_worker.tws.errors import ConnectionLost, InvalidField
from ib_worker.tws.fencing import ConnectionFence
from ib_worker.tws.ticks import TickReceiver, took_tick
from ib_worker.tws.transport import DrainableTransport
from ib_worker.tws.values import unset
from ib_worker.tws.values.text import cleaned
from ib_worker.tws.values.time_zones import TIME_FORMAT, utc_time

FRAME_LIMIT = 16 * 1024 * 1024  # TWS's largest (the scanner's parameters) has two million bytes; more is not TWS
SLICE_S = 0.005  # of the loop's thread in one step: an order's answer waits for a long list; shorter ones prolong it
READ_CHUNK = 32 * 1024  # ib_async copies what is left of a read for each message in it: quadratic in the read's size
CLOSE_S = 1.0  # a peer that is there closes its side in a round trip
RESETS = struct.pack("ii", 1, 0)  # lingers for no time: what was written and not taken yet dies with the socket
NO_TIME = f"{unset.NO_TIME:{TIME_FORMAT}} UTC"
ZONE_CHARS, ZONES_KEPT = 64, 5
# Their readers clean them beside the loop: historicalData, numbers of up to a hundred thousand bars; the scanner's
# parameters, two million characters; an article, whose lines are kept.
LONG_TEXTS = frozenset({"17", "19", "83"})
COMPLETED_PERM_ID = 23  # the field of completedOrder that holds the permId
EXECUTION_TIME = 15  # the field of execDetails that holds the time

_PRINTABLE = re.compile(r"[\x20-\x7e]*")

log = structlog.get_logger("ib_worker.tws.connection")
_LOG = logging.getLogger("ib_worker.tws.connection")  # asked whether a line is written at all: there is one a frame


class MessageReceiver(Protocol):
    """The attributes that ib_async's client and decoder use beside one method for each message."""

    def connectAck(self) -> None: ...  # noqa: N802  # ib_async's names

    def setEventsDone(self) -> None: ...  # noqa: N802

    def connectionClosed(self) -> None: ...  # noqa: N802

    def undecoded(self, fields: list[str]) -> None:
        """A message came that could not be read: what it said is missing from the session's view."""

    def historicalBars(self, reqId: int, texts: list[str]) -> None:  # noqa: N802
        """All bars of one answer came, as texts."""

    def histogram(self, reqId: int, rows: list[tuple[str, str]]) -> None:
        """A histogram came, its prices and sizes as texts."""

    def forgottenOrder(self, permId: str) -> bool:  # noqa: N802
        """An archived order came. Returns whether it was taken by its permId alone, and need not be decoded."""


class TwsConnection(Client):
    """One connection. It is used once: a new connection is a new Wire, so nothing of an old one lives on."""

    MaxRequests = 0  # its throttle is one queue, in which an order waits behind quotes: the session paces instead

    def __init__(self, receiver: MessageReceiver, guard: ConnectionFence | None = None) -> None:
        super().__init__(receiver)
        self._guard = guard
        self.conn: DrainableTransport = DrainableTransport()
        self.conn.hasData += self._onSocketHasData
        self.conn.disconnected += self._onSocketDisconnected
        self.decoder: StrictDecoder = StrictDecoder(receiver)
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = loop.create_future()  # why nothing more will come
        self.closed: asyncio.Future[None] = loop.create_future()  # the socket is gone
        self.heard_at = time.monotonic()
        self.heard = asyncio.Event()  # something came; whoever waits for it clears it first
        self.reached = False  # somebody accepted the connection
        self.greeted = 0  # the version that the peer announced
        self.greeted_at = ""  # its time then, such as 20260302 09:00:00 US/Eastern
        self.too_old = False  # as ib_async judges it
        self._together: list[bytes] | None = None  # frames that wait for the rest of their group
        self._resting: asyncio.Handle | None = None  # the next step that decodes
        self._reading = True
        self._gone: str | None = None  # the socket ended, as ib_async words it, while messages wait to be decoded

    async def open(self, host: str, port: int, clientId: int) -> None:
        """Connect and start the API; the caller keeps the deadline. Raises OSError (nobody listens there) or LinkLost
        (the peer hung up)."""
        self.host, self.port, self.clientId = host, port, clientId
        self.connState = Client.CONNECTING
        ready = asyncio.get_running_loop().create_future()
        self.apiStart += lambda: None if ready.done() else ready.set_result(None)
        await self.conn.connectAsync(host, port)
        self.reached = True
        if self.conn.transport is not None:
            raw: socket.socket = self.conn.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
            if self._guard is not None:
                self._guard.watch(raw)
        self.conn.sendMsg(b"API\0" + self._prefix(b"v%d..%d" % (self.MinClientVersion, self.MaxClientVersion)))
        await asyncio.wait({ready, self.lost}, return_when=asyncio.FIRST_COMPLETED)
        if self.lost.done():
            raise ConnectionLost(self.lost.result())

    async def close(self, why: str) -> None:
        """Hang up, and return when the socket is gone. The caller fails first whoever awaits an answer.

        A peer that has read everything closes its side. One that does not is reset, which it may never hear of, but
        what it has not taken yet goes nowhere: closed in the common way, the system would go on delivering an order for
        minutes, long after two looks have shown that the gateway does not have it.
        """
        self._lose(why)
        transport = self.conn.transport
        if transport is None:
            return
        self.disconnect()
        await asyncio.wait({self.closed}, timeout=CLOSE_S)
        transport.abort()  # else this does nothing
        await asyncio.wait({self.closed}, timeout=CLOSE_S)

    def getReqId(self) -> int:  # noqa: N802
        """The next id of the one sequence. Raises LinkLost."""
        if self.lost.done():
            raise ConnectionLost(self.lost.result())
        number: int = super().getReqId()
        return number

    def skip_ids(self, orderId: int) -> None:
        """Requests and orders share one sequence of ids, so that an error's id tells what it is about."""
        self.updateReqId(orderId + 1)

    @property
    def unknown_zones(self) -> frozenset[str]:
        """Zones in which the gateway has written times, and that nobody knows."""
        return frozenset(self.decoder.unknown_zones)

    async def drained(self) -> None:
        """Return when the operating system has taken every byte written so far."""
        await self.conn.writable.wait()

    def send(self, *fields: Any, makeEmpty: bool = True) -> None:
        """Encode a message. Raises Unsendable before a byte is written if a field could be read as something else."""
        if self.lost.done():
            raise ConnectionLost(self.lost.result())
        for each in fields:
            _check(each)
        super().send(*fields, makeEmpty=makeEmpty)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Send the block's messages at its end in one write; if one message can't be encoded, none is sent.
        Await nothing inside."""
        frames = self._together = []
        try:
            yield
        finally:
            self._together = None
        self.conn.sendMsg(b"".join(frames))

    def sendMsg(self, msg: str) -> None:  # noqa: N802
        """Write the frame that `send` has encoded."""
        if _LOG.isEnabledFor(logging.DEBUG):  # its fields may hold an account and an order's terms
            log.debug("frame_sent", message_type=msg.partition("\0")[0], characters=len(msg))
        if self._together is None:
            super().sendMsg(msg)
        else:
            self._together.append(self._prefix(msg.encode()))

    def placeOrder(self, orderId: int, contract: ib_async.Contract, order: ib_async.Order) -> None:  # noqa: N802
        if not 0 < order.totalQuantity < math.inf:
            raise InvalidField(f"totalQuantity: {order.totalQuantity} is not a positive number")
        super().placeOrder(orderId, contract, order)

    def _onSocketHasData(self, data: bytes) -> None:  # noqa: N802
        if self.lost.done():
            return  # the session has given the connection up
        self.heard_at = time.monotonic()
        self.heard.set()
        if self._apiReady:
            self._data += data
            self._go_on()
        else:
            self._greet(data)

    def _greet(self, data: bytes) -> None:
        """The handshake is ib_async's, which forgets the time that the greeting ends with, and its zone."""
        if not self.greeted and data.count(b"\0") >= 2:  # version and time have come
            _, greeted_at, *_ = data[4:].decode(errors="backslashreplace").split("\0")
            self.greeted_at = greeted_at
            self.decoder.zone = " ".join(greeted_at.split(maxsplit=2)[2:])
        for start in range(0, len(data), READ_CHUNK):
            super()._onSocketHasData(data[start : start + READ_CHUNK])
            self.greeted = self.greeted or self._serverVersion
            if self.lost.done() or self._is_foreign():
                return

    def _go_on(self) -> None:
        """Decode what has come; the rest of a long answer follows in the next steps of the loop, in between which
        others have theirs. Nothing more is read from the socket until then."""
        if self._resting is not None:
            return
        if self._decode_some():
            self._resting = asyncio.get_running_loop().call_soon(self._rested)
        self._read_on(self._resting is None)

    def _rested(self) -> None:
        self._resting = None
        if not self.lost.done():
            self._go_on()
        if self._resting is None and self._gone is not None:
            self._onSocketDisconnected(self._gone)

    def _decode_some(self) -> bool:
        """Decode whole messages for SLICE_S of the thread's time. Returns whether some are left."""
        began, start, data = time.thread_time(), 0, self._data
        rest = False
        while (end := _frame_end(data, start)) <= len(data) and not rest:
            self.decoder.take(data[start + 4 : end])
            if self.lost.done():
                return False
            rest = time.thread_time() - began >= SLICE_S  # takes a hundredth of a short message's time
            start = end
        self._data = data[start:]
        if self._tcpDataProcessed:
            self._tcpDataProcessed()
        return not self._is_foreign() and rest and _frame_end(self._data, 0) <= len(self._data)

    def _read_on(self, wanted: bool) -> None:
        transport = self.conn.transport
        if transport is None or transport.is_closing() or self._reading is wanted:
            return
        self._reading = wanted
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def _is_foreign(self) -> bool:
        """Return whether a message is announced that is longer than any of TWS's; the connection is ended then."""
        if len(self._data) < 4 or int.from_bytes(self._data[:4]) <= FRAME_LIMIT:
            return False
        self._lose("the peer sent what is not TWS's protocol")
        if self.conn.transport is not None:
            self.conn.transport.abort()
        return True

    def _onSocketDisconnected(self, message: str) -> None:  # noqa: N802
        """The socket is gone, or ib_async has found the peer's version too old. What came before is decoded first."""
        if self._resting is not None and not self.lost.done():
            self._gone = message
            return
        super()._onSocketDisconnected(message)
        self.too_old = self.too_old or message.startswith("TWS/gateway version")
        self._lose(message or "the gateway closed the connection")
        if self.conn.transport is None and not self.closed.done():
            self.closed.set_result(None)
            if self._guard is not None:
                self._guard.let_go()

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)


def _frame_end(data: bytes, start: int) -> int:
    """Return the end of the frame that begins at `start`; beyond all data while its length has not arrived."""
    if len(data) - start < 4:
        return len(data) + 1
    return start + 4 + int.from_bytes(data[start : start + 4])


def _fields(frame: bytes) -> list[str]:
    return frame.decode(errors="backslashreplace").split("\0")[:-1]


def _check(field: Any) -> None:
    """Refuse what would end a field early, shift the ones after it, or be no number."""
    if isinstance(field, str):
        if not _PRINTABLE.fullmatch(field):
            raise InvalidField("text: only printable ASCII characters can be sent to TWS")
    elif isinstance(field, float | Decimal):
        if not math.isfinite(field):
            raise InvalidField(f"number: {field} can't be sent to TWS")
    elif isinstance(field, ib_async.Contract):
        for each in vars(field).values():
            _check(each)
    elif isinstance(field, list):
        for each in field:
            _check(getattr(each, "tag", ""))
            _check(getattr(each, "value", ""))


class StrictDecoder(Decoder):
    """Reports what it can't decode instead of only logging it, and reads every zone name that TWS may write."""

    def __init__(self, receiver: MessageReceiver) -> None:
        super().__init__(receiver, 0)  # type: ignore[arg-type]  # it wants a Wrapper, and calls only what we have
        self.logger = _Undecoded(receiver.undecoded)  # type: ignore[assignment]
        self.zone = ""  # the gateway's, as its greeting names it
        self.unknown_zones: set[str] = set()  # in which it writes times, and nobody knows them
        self._forgotten: Callable[[str], bool] = receiver.forgottenOrder
        self._bars: Callable[[int, list[str]], None] = receiver.historicalBars
        self._histogram: Callable[[int, list[tuple[str, str]]], None] = receiver.histogram
        self._ticks: TickReceiver = receiver  # type: ignore[assignment]  # one method for each message

    def take(self, frame: bytes) -> None:
        """Decode one message."""
        try:
            taken = took_tick(frame, self._ticks)
        except Exception:  # as ib_async does: a fault of one message ends no other
            self.logger.fields = _fields(frame)  # type: ignore[attr-defined]
            self.logger.exception("")
            return
        if not taken:
            self.interpret(_fields(frame))

    def interpret(self, fields: list[str]) -> None:
        """Clean the message's texts here, at the edge, so that none reaches anybody with characters that are not seen.
        Long texts are cleaned by who reads them."""
        fields = fields if fields and fields[0] in LONG_TEXTS else cleaned(fields)
        self.logger.fields = fields  # type: ignore[attr-defined]
        super().interpret(unset.plain_fields(fields))

    def parse(self, obj: Any) -> None:
        """As ib_async does; but a bond's coupon has a fraction, at which the library loses the whole message."""
        written = getattr(obj, "coupon", None)
        if isinstance(written, str):
            obj.coupon = ""
        super().parse(obj)
        if isinstance(written, str):
            obj.coupon = float(written) if written else None

    def historicalData(self, fields: list[str]) -> None:  # noqa: N802
        """Bars as texts, eight for each: who asked makes numbers of them, off the loop."""
        self._bars(int(fields[1]), fields[5:])

    def histogramData(self, fields: list[str]) -> None:  # noqa: N802
        """Prices and sizes as texts: at a size with a fraction ib_async loses the whole message."""
        rows = fields[3:]
        self._histogram(int(fields[1]), list(zip(rows[::2], rows[1::2], strict=True)))

    def completedOrder(self, fields: list[str]) -> None:  # noqa: N802
        """Most orders of a busy day are known to have ended, and a hundred fields of each cost the loop a second."""
        if not self._forgotten(fields[COMPLETED_PERM_ID]):
            super().completedOrder(fields)

    def execDetails(self, fields: list[str]) -> None:  # noqa: N802
        """With its time told in UTC: of a zone that Python does not know, ib_async drops the whole execution."""
        written = fields[EXECUTION_TIME]
        told = utc_time(written, self.zone)
        if told is None:
            self._note_unknown(written)
            told = NO_TIME
        super().execDetails([*fields[:EXECUTION_TIME], told, *fields[EXECUTION_TIME + 1 :]])

    def _note_unknown(self, written: str) -> None:
        name = (written.split(maxsplit=2)[2:] or [self.zone or "(none)"])[0][:ZONE_CHARS]
        if name not in self.unknown_zones and len(self.unknown_zones) < ZONES_KEPT:
            log.warning("time_zone_unknown", zone=name)
            self.unknown_zones.add(name)


class _Undecoded:
    """Stands where the decoder expects its logger: ib_async catches every fault of a message and only logs it."""

    def __init__(self, report: Callable[[list[str]], None]) -> None:
        self._report = report
        self.fields: list[str] = []

    def exception(self, *_: object) -> None:
        log.exception("message_undecodable", message_type="".join(self.fields[:1]))
        self._report(self.fields)
