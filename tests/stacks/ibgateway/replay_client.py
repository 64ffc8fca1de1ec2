"""A client of a replay, without a socket: what it sends, and what it is told."""

from __future__ import annotations

from ibgateway.recorder.replay.recorded_connection import scripts
from ibgateway.recorder.replay.replayed_client import ReplayedClient
from ibgateway.recorder.transcript.transcript import Line, TranscriptFrame, fields_of
from ibgateway.simulator.wire.frames import HELLO, frame
from tests.stacks.ibgateway.recorded_lines import asked

NOW = 1_800_000_000.0
BARS = "0 AAPL STK - 0.0 - - SMART - USD - - 0 {end} 1~day 1~M 1 TRADES 1 0 -"
QUOTE = "0 AAPL STK - 0.0 - - SMART - USD - - 0 - 0 0 -"


class Client:
    """What a client sends, and what it has been told."""

    def __init__(
        self, lines: list[Line], *, speed: float | None = None, clientId: int = 3, used: set[int] | None = None
    ) -> None:
        self.replay = ReplayedClient(scripts(lines), set() if used is None else used, speed)
        self.replay.receive(HELLO + frame(b"v100..200"), NOW)
        self.send(asked(f"71 2 {clientId} -"))
        self.start = self.told()

    def send(self, *requests: Line, at: float = NOW) -> None:
        for request in requests:
            assert isinstance(request, TranscriptFrame)
            self.replay.receive(frame(request.payload), at)

    def told(self, at: float = NOW) -> list[str]:
        return [" ".join(text or "-" for text in fields_of(payload)) for payload in self.replay.take(at)]

    def hears(self, *requests: Line) -> list[str]:
        self.send(*requests)
        return self.told()
