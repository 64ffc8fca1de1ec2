"""The recorded request that equals a client's request, and its replies with the client's own ids."""

from __future__ import annotations

from collections.abc import Iterable

from ibgateway.recorder.replay.recorded_connection import ACTS, RecordedConnection, RecordedRequest, id_of
from ibgateway.recorder.replay.request_equality import Facts, exact, facts, loose, unmasked
from ibgateway.recorder.transcript.correlation import CANCEL_ORDER, PLACE_ORDER
from ibgateway.recorder.transcript.transcript import TranscriptFrame

ENDS = {13: 12, 64: 61}  # cancels without an id, and what they cancel


class RequestLookup:
    """One client's progress in a recorded connection: the requests that it has sent, and their ids."""

    def __init__(self, script: RecordedConnection, clientId: str) -> None:
        self.script = script
        self._clientId = clientId
        self._sent: dict[int, float] = {}  # the index of a recorded request → when the client sent it last
        self._ids: dict[int, str] = {}  # the same → the client's id for it
        self._orders: dict[str, str] = {}  # recorded orderId → the client's

    def sent(self, index: int) -> float | None:
        """Return the time at which the client sent a recorded request; None if it has not."""
        return self._sent.get(index)

    @property
    def complete(self) -> bool:
        """Report if the client has sent every recorded request."""
        return len(self._sent) == self.script.number

    def find(self, request: TranscriptFrame) -> RecordedRequest | None:
        """Find the next equal recorded request; else the next that is equal but for times and masked fields."""
        candidates = self._about_the_same(request, self.script.of_kind(request.msgId))
        fresh = [one for one in candidates if one.index not in self._sent]
        again = [] if request.msgId in ACTS else [one for one in reversed(candidates) if one.index in self._sent]
        said = facts(request)
        whole, rest = exact(said), loose(said)
        same = (one for one in [*fresh, *again] if one.exact == whole)
        similar = (one for one in [*fresh, *again] if one.loose == rest)
        return next(same, None) or next(similar, None)

    def _about_the_same(self, request: TranscriptFrame, candidates: list[RecordedRequest]) -> list[RecordedRequest]:
        """Keep the candidates about the same order or request: a cancel or a changed order continues its own one."""
        own = id_of(request)
        if request.msgId in {PLACE_ORDER, CANCEL_ORDER}:
            recorded = next((was for was, now in self._orders.items() if now == own), None)
            if recorded is None and request.msgId == PLACE_ORDER:
                return [one for one in candidates if one.id not in self._orders]
            return [one for one in candidates if one.id == (recorded or own)]
        if is_cancel(request) and own is not None:
            ids = {one.id for one in self._known_as(own)} or {own}
            return [one for one in candidates if one.id in ids]
        return candidates

    def _known_as(self, own: str) -> Iterable[RecordedRequest]:
        return (one for one in self.script.asked if self._ids.get(one.index) == own)

    def matched(self, request: TranscriptFrame, asked: RecordedRequest, now: float) -> None:
        """Note the client's ids for the recorded ones."""
        self._sent[asked.index] = now
        own = id_of(request)
        if own is None:
            return
        self._ids[asked.index] = own
        if request.msgId == PLACE_ORDER and asked.id is not None:
            self._orders[asked.id] = own

    def ended_by(self, request: TranscriptFrame) -> set[int]:
        """Return the indices of the client's requests that a cancel ends."""
        own = id_of(request)
        if not is_cancel(request) or request.msgId == CANCEL_ORDER:
            return set()
        if own is None:
            return {one.index for one in self.script.of_kind(ENDS.get(request.msgId, -1)) if one.index in self._sent}
        return {one.index for one in self._known_as(own) if one.entry.msgId not in ACTS and not is_cancel(one.entry)}

    def payload(self, asked: RecordedRequest, answer: TranscriptFrame) -> bytes:
        """Return a recorded frame with this client's ids."""
        fields, own = list(answer.fields), self._ids.get(asked.index)
        for at, name in enumerate(answer.names):
            if name in {"reqId", "id"} and own is not None and fields[at] == asked.id:
                fields[at] = own
            elif name in {"orderId", "parentId", "id"}:
                fields[at] = self._orders.get(fields[at], fields[at])
            elif name == "clientId" and fields[at] == self.script.clientId:
                fields[at] = self._clientId
        return "".join(f"{each}\0" for each in fields).encode("utf-8", "surrogateescape")

    def nearest(self, request: TranscriptFrame) -> str:
        """Describe the nearest request of the script."""
        others, said = self.script.of_kind(request.msgId), exact(facts(request))
        if not others:
            return "it has none of its kind"
        near = min(others, key=lambda one: len(one.exact.items() ^ said.items()))
        return f"the nearest has {_difference(near.exact, said) or 'been answered already'}"


def is_cancel(request: TranscriptFrame) -> bool:
    return request.message.startswith("cancel")


def shifted(request: TranscriptFrame, asked: RecordedRequest) -> str:
    """Describe the difference of a client's request to the recorded one, masked fields aside."""
    return _difference(unmasked(asked.exact), unmasked(exact(facts(request))))


def _difference(recorded: Facts, said: Facts) -> str:
    names = sorted(name for name in recorded.keys() | said.keys() if recorded.get(name) != said.get(name))
    return ", ".join(f"{name} {recorded.get(name)!r}, not {said.get(name)!r}" for name in names[:5])
