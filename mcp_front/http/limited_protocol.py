"""An HTTP/1.1 protocol for uvicorn whose requests have limits; httptools' parser has none of its own.

Without them one header without an end, from anybody who can connect, grows a copy of itself for each read and holds the
one thread for minutes.
"""

import asyncio
import json
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mcp_front.admission.fair_queueing import AUTHENTICATED, CALLER
from mcp_front.admission.intake import Claim, Intake, claim_of
from mcp_front.http.address_shares import AddressShares
from mcp_front.timing import USUAL, FrontTiming

HEAD_LIMIT = 64 * 1024  # bytes of request line and headers
MOST_HEADERS = 100
MESSAGE_LIMIT = 16 * 1024 * 1024  # bytes of a whole request, which a chunked body's extensions can outgrow
INTERIM = b"HTTP/1.1 100"  # how a response begins that only lets the client go on
LONGEST_NAME = 64  # characters of a tool's name (SEP-986)
MOST_HELD = 64 * 1024  # bytes that wait for their turn: a connection with more is not read meanwhile
WRITE_NOW = "ibkr.write_now"  # in the ASGI scope: writes a part of the response in one step, see `_written_now`
OPTIONAL_WHITESPACE = b" \t"  # around a header's value, and no part of it (RFC 9110, 5.5); httptools leaves the end

HEAD_FIELDS, LATE = "431 Request Header Fields Too Large", "408 Request Timeout"
TOO_LARGE = HEAD_FIELDS, "head_too_large", f"A request's head has at most {HEAD_LIMIT // 1024} KiB."
TOO_MANY = HEAD_FIELDS, "too_many_headers", f"A request has at most {MOST_HEADERS} headers."
TOO_LONG = "413 Content Too Large", "too_large", f"A request has at most {MESSAGE_LIMIT // 1024 // 1024} MiB."
TOO_MANY_CONNECTIONS = (
    "503 Service Unavailable",
    "too_many_connections",
    "Too many connections of this address have sent no valid token yet. Close some, or send requests on them.",
)

Refusal = tuple[str, str, str]  # the status line, a code for programs, a text for people


class LimitedProtocol(HttpToolsProtocol):
    """Counts each request's bytes, headers and seconds, and ends the connection of one that goes beyond."""

    def __init__(
        self,
        *args: Any,
        timing: FrontTiming = USUAL,
        shares: AddressShares | None = None,
        intake: Intake | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._intake = Intake() if intake is None else intake
        self._held = b""  # has come, and waits for its turn
        self._claim: Claim = None  # of the last request
        self._timing = timing
        self._shares = shares  # None: without tokens no client is ever authenticated
        self._share: str | None = None  # the address that this connection counts for
        self._in_head = True
        self._size = 0  # of the request that is coming
        self._requests = 0  # whole ones so far
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None
        self._wanted: tuple[float, Refusal] | None = None  # of a timer, set when the step is over

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()
        self._set_timer()
        address = self.client[0] if self.client else ""
        if self._shares is None:
            return
        if self._shares.take(address):
            self._share = address
        else:
            self._refuse(TOO_MANY_CONNECTIONS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._give_share_back()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hold what begins a request until its turn has come."""
        if self._held:
            self._hold(data)
            return
        if self._is_between_requests:
            self._claim = claim_of(data)
            if not self._intake.may_begin():
                self._unset_keepalive_if_required()
                self._intake.add(self._claim, self.client[0] if self.client else "", self._release)
                self._hold(data)
                return
        self._take(data)

    def eof_received(self) -> None:
        self._release()  # a call that reduces risk is begun also where its client has gone
        super().eof_received()

    def shutdown(self) -> None:
        self._release()
        super().shutdown()

    def _hold(self, data: bytes) -> None:
        self._held += data
        if self._intake.is_urgent(self._held[-len(data) - LONGEST_NAME :]):  # a name may come in two pieces
            self._release()
        elif len(self._held) >= MOST_HELD:
            self.flow.pause_reading()

    def _release(self) -> None:
        held, self._held = self._held, b""
        if held and not self._is_over:
            if len(held) >= MOST_HELD:
                self.flow.resume_reading()
            self._take(held)

    def _take(self, data: bytes) -> None:
        """Give the parser what has come, and set the timer of what has still to come: most requests come whole."""
        self._parse(data)
        self._set_timer()

    def _parse(self, data: bytes) -> None:
        """Give the parser no more of a head than is left of its limit."""
        while data and self._in_head and not self._is_over:
            left = HEAD_LIMIT - self._size
            self._feed(data[:left])
            data = data[left:]
            if self._in_head and self._size >= HEAD_LIMIT:
                self._refuse(TOO_LARGE)
        if data and not self._is_over:
            self._feed(data)
            if self._size > MESSAGE_LIMIT:
                self._refuse(TOO_LONG)

    @property
    def is_waiting(self) -> bool:
        """Return whether a request, or the beginning of one, waits for its turn."""
        return bool(self._held) and not self._is_over

    @property
    def _is_over(self) -> bool:
        return self._refused or self.transport.is_closing()

    @property
    def _is_between_requests(self) -> bool:
        return self._in_head and not self._size

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.transport = _ResponseTransport(cycle.transport, self.loop)  # type: ignore[assignment] # it only writes
        cycle.scope[WRITE_NOW] = partial(_written_now, cycle)  # type: ignore[literal-required]
        super()._start_asgi_task(cycle, app)

    def _feed(self, data: bytes) -> None:
        before = self._requests
        super().data_received(data)
        if self._in_head and self._timer is None and self._wanted is None and self._is_idle:
            self._await_head()  # for line ends between requests: uvicorn's own timer has stopped
        # Pipelined requests end and begin within one piece: the next is counted from the next piece on.
        self._size = self._size + len(data) if self._requests == before else 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[AUTHENTICATED] = self._give_share_back  # type: ignore[literal-required]
        self.scope[CALLER] = partial(self._intake.confirm, self._claim)  # type: ignore[literal-required]
        self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value.strip(OPTIONAL_WHITESPACE))
        if len(self.headers) > MOST_HEADERS:
            self._refuse(TOO_MANY)

    def on_headers_complete(self) -> None:
        if not self._refused:
            self._in_head = False
            body_s = self._timing.body_s
            self._wait(body_s, (LATE, "body_timeout", f"A request must be whole {body_s:g} s after its head."))
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop_waiting()
        if not self._refused:
            self._in_head, self._requests = True, self._requests + 1
            super().on_message_complete()

    def _await_head(self) -> None:
        head_s = self._timing.head_s
        self._wait(head_s, (LATE, "head_timeout", f"A request's head must be whole within {head_s:g} s."))

    def _wait(self, seconds: float, refusal: Refusal) -> None:
        self._stop_waiting()
        self._wanted = seconds, refusal

    def _set_timer(self) -> None:
        if self._wanted is not None:
            (seconds, refusal), self._wanted = self._wanted, None
            self._timer = self.loop.call_later(seconds, self._late, refusal)

    def _late(self, refusal: Refusal) -> None:
        timer = self._timer
        self._release()  # what has come is not late
        if self._timer is timer:
            self._refuse(refusal)

    def _stop_waiting(self) -> None:
        self._wanted = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, refusal: Refusal) -> None:
        """Answer where no answer has begun, and end the connection."""
        if self._is_over:
            return
        self._refused = True
        self._stop_waiting()
        if self._is_idle:
            self.transport.write(_response(refusal))
        self.loop.call_later(self._timing.linger_s, self.transport.close)

    def _give_share_back(self) -> None:
        if self._shares is not None and self._share is not None:
            self._shares.give_back(self._share)
            self._share = None


class _ResponseTransport:
    """The transport as one response sees it. Its head waits for the body, where that follows in the same step of the
    loop: the client's socket then has one write, and the client wakes up once."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self._begun = False

    def write(self, data: bytes) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.writelines((head, data))
        elif self._begun or data.startswith(INTERIM):
            self._transport.write(data)
        else:
            self._begun, self._head = True, data
            self._loop.call_soon(self._send_head)

    def close(self) -> None:
        self._send_head()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _send_head(self) -> None:
        head, self._head = self._head, None
        if head is not None and not self._transport.is_closing():
            self._transport.write(head)


def _written_now(cycle: RequestResponseCycle, body: bytes) -> bool:
    """Write a part of a response whose length was not told. Returns False, and writes nothing, where ASGI's `send`
    would wait for the client, or has anything else to do first."""
    if cycle.flow.write_paused or cycle.disconnected or cycle.response_complete or not cycle.response_started:
        return False
    if not cycle.chunked_encoding or not body:
        return False
    cycle.transport.write(b"%x\r\n%b\r\n" % (len(body), body))
    return True


def _response(refusal: Refusal) -> bytes:
    status, code, text = refusal
    error = {"code": -32000, "message": text, "data": {"code": code}}
    body = json.dumps({"jsonrpc": "2.0", "id": None, "error": error})
    head = (
        f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    )
    return f"{head}\r\n{body}".encode()
