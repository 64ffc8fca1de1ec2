"""One client of a replay, sans I/O: its requests are looked up in a recorded connection and answered as recorded."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from ibgateway.recorder.replay.recorded_connection import (
    START_API,
    RecordedConnection,
    RecordedReply,
    RecordedRequest,
    id_of,
)
from ibgateway.recorder.replay.request_lookup import RequestLookup, shifted
from ibgateway.recorder.transcript.transcript import TO_GATEWAY, UNKNOWN, TranscriptFrame, fields_of, layout_of
from ibgateway.simulator.wire.frames import BadFrame, FrameReader, VersionOffer, parse_offer
from ibgateway.simulator.wire.messages import session

NOT_FOUND = "Error validating request.-'bW' : cause - This request is not in the transcript"
AT_ONCE_S = 2.0  # a gateway that closes so soon after a request closes because of it, as after error 326
FIRST, LAST = -1, 1 << 62  # before and after everything that was recorded


@dataclass(order=True)
class _Due:
    """Something to send; None closes the connection."""

    at: float
    index: int
    payload: bytes | None = field(compare=False)
    asked: int = field(compare=False, default=FIRST)


class ReplayedClient:
    """`receive` takes bytes, `take` returns frames that are due, `closing` asks for a close, `notes` go to the log."""

    def __init__(self, scripts: Sequence[RecordedConnection], used: set[int], speed: float | None = None) -> None:
        self._scripts = scripts
        self._used = used  # which scripts other clients are being answered from
        self._speed = speed  # None: everything at once
        self._reader = FrameReader()
        self._version = 0
        self._lookup: RequestLookup | None = None
        self._due: list[_Due] = []
        self._waiting: list[tuple[RecordedRequest, RecordedReply]] = []
        self.notes: list[str] = []
        self.closing = False

    # --- bytes ---------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Take a client's bytes; `now` is in epoch seconds."""
        try:
            for payload in self._reader.feed(data):
                if self.closing:
                    return
                self._receive(payload, now)
        except BadFrame as error:
            self.notes.append(f"the client's bytes are not frames: {error}")
            self.closing = True

    @property
    def next_due(self) -> float | None:
        return self._due[0].at if self._due else None

    def take(self, now: float) -> list[bytes]:
        """Take the frames that are due, in the recorded order."""
        payloads: list[bytes] = []
        while self._due and self._due[0].at <= now:
            payload = heapq.heappop(self._due).payload
            if payload is None:
                self.closing = True
                break
            payloads.append(payload)
        return payloads

    # --- requests ------------------------------------------------------------------------------------------------

    def _receive(self, payload: bytes, now: float) -> None:
        if not self._version:
            self._greet(parse_offer(payload), now)
            return
        request = _entry(payload, self._version)
        if self._lookup is None or request.msgId == START_API:
            clientId = request.get("clientId") or ""
            self._lookup = RequestLookup(self._choose(clientId), clientId)
        self._answer(self._lookup, request, now)

    def _greet(self, offer: VersionOffer, now: float) -> None:
        """Require the recorded version: the recorded frames cannot be turned into another version's layout."""
        script = next((one for one in self._scripts if offer.minVersion <= one.version <= offer.maxVersion), None)
        if script is None:
            recorded = ", ".join(sorted({str(one.version) for one in self._scripts}))
            said = f"the transcript has version {recorded}, the client speaks {offer.minVersion} to {offer.maxVersion}"
            self.notes.append(said)
            self._push(now, session.error(offer.maxVersion, -1, 506, f"Unsupported Version: {said}", now))
            self._push(now, None, LAST)
            return
        self._version = script.version
        self._push(now, script.greeting.payload)

    def _choose(self, clientId: str) -> RecordedConnection:
        """Choose the recorded client of the same id, else one that is still free."""
        able = [number for number, one in enumerate(self._scripts) if one.version == self._version]
        chosen = min(able, key=lambda number: (self._scripts[number].clientId != clientId, number in self._used))
        self._used.add(chosen)
        return self._scripts[chosen]

    def _answer(self, lookup: RequestLookup, request: TranscriptFrame, now: float) -> None:
        ended = lookup.ended_by(request)
        if ended:
            self._due = [one for one in self._due if one.asked not in ended]
            heapq.heapify(self._due)
            self._waiting = [one for one in self._waiting if one[0].index not in ended]
        asked = lookup.find(request)
        if asked is None:
            if not ended:
                self._miss(lookup, request, now)
            return
        if said := shifted(request, asked):
            self.notes.append(f"{request.message} is answered as recorded, with {said}")
        lookup.matched(request, asked, now)
        self._play(lookup, asked, now)

    def _miss(self, lookup: RequestLookup, request: TranscriptFrame, now: float) -> None:
        asked = f"{request.message} {list(request.fields[1:])}"
        self.notes.append(f"answered with error 321: the transcript lacks {asked}; {lookup.nearest(request)}")
        own = id_of(request) or ""
        reqId = int(own) if own.isascii() and own.isdecimal() else -1
        self._push(now, session.error(self._version, reqId, 321, f"{NOT_FOUND}: {request.message}", now))

    # --- answers -------------------------------------------------------------------------------------------------

    def _push(self, at: float, payload: bytes | None, index: int = FIRST, asked: int = FIRST) -> None:
        heapq.heappush(self._due, _Due(at, index, payload, asked))

    def _play(self, lookup: RequestLookup, asked: RecordedRequest, now: float) -> None:
        """Schedule a request's replies, and the replies of other requests that waited for it."""
        candidates = [*self._waiting, *((asked, answer) for answer in asked.answers)]
        self._waiting = []
        for whose, answer in candidates:
            if answer.after is not None and lookup.sent(answer.after) is None:
                self._waiting.append((whose, answer))
            else:
                self._schedule(lookup, whose, answer, now)
        after = lookup.script.closes_after
        if after is not None and lookup.complete and (self._speed or after < AT_ONCE_S):
            self._push(now + self._scaled(after), None, LAST)

    def _schedule(self, lookup: RequestLookup, asked: RecordedRequest, answer: RecordedReply, now: float) -> None:
        if not answer.entry.known:
            self.notes.append(
                f"not sent: {answer.entry.message}, since the transcript has only the classes of its fields"
            )
            return
        at = (lookup.sent(asked.index) or now) + self._scaled(answer.pause)
        if answer.after is not None:
            at = max(at, (lookup.sent(answer.after) or now) + self._scaled(answer.after_pause))
        self._push(at, lookup.payload(asked, answer.entry), answer.index, asked.index)

    def _scaled(self, pause: float) -> float:
        return pause / self._speed if self._speed else 0.0


def _entry(payload: bytes, version: int) -> TranscriptFrame:
    """Return a client's frame as a transcript has it."""
    texts = fields_of(payload)
    if not (texts[0].isascii() and texts[0].isdecimal() and len(texts[0]) < 5):
        raise BadFrame("a frame that does not begin with a message id")
    layout = layout_of(TO_GATEWAY, int(texts[0]))
    return TranscriptFrame(0.0, TO_GATEWAY, 0, version, layout.name if layout else UNKNOWN, tuple(texts))
