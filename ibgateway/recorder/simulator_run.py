"""A run of the simulator with a transcript's requests, at the recorded moments, without sockets or waiting."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import ibgateway.simulator.handlers  # noqa: F401 - fills connection.HANDLERS
from ibgateway.recorder.layouts.field_grammar import LayoutMismatch
from ibgateway.recorder.transcript.transcript import (
    CLOSED_BY_CLIENT,
    CLOSED_BY_GATEWAY,
    HANDSHAKE,
    TO_CLIENT,
    TO_GATEWAY,
    UNKNOWN,
    ConnectionEvent,
    Line,
    TranscriptFrame,
    fields_of,
    layout_of,
)
from ibgateway.simulator.gateway.connection import Connection
from ibgateway.simulator.gateway.gateway import Gateway
from ibgateway.simulator.wire.frames import HELLO, frame
from ibgateway.simulator.world.world import World, WorldConfig

STEP_S = 0.1  # how often the simulator's time moves between two requests
MANAGED_ACCOUNTS = 15

log = logging.getLogger("ibgateway.recorder")


@dataclass(frozen=True)
class SimulatorSetup:
    """The settings of the simulator that answers."""

    start: float  # epoch seconds at the transcript's beginning
    seed: int = 1
    data: Path | None = None


def recorded_start(lines: Sequence[Line]) -> float | None:
    """Return the gateway's time at the start of the recording; None if its time zone is unknown here."""
    for line in lines:
        if isinstance(line, TranscriptFrame) and line.message == HANDSHAKE and line.direction == TO_CLIENT:
            try:
                day, time, zone = line.fields[1].split(" ", 2)
                at = datetime.strptime(f"{day} {time}", "%Y%m%d %H:%M:%S").replace(tzinfo=ZoneInfo(zone))
            except (ValueError, ZoneInfoNotFoundError):
                return None
            return at.timestamp() - line.at
    return None


def drive(lines: Sequence[Line], setting: SimulatorSetup) -> list[Line]:
    """Send the recorded requests to a simulator; return them with its answers."""
    run = _Run(lines, setting)
    for line in sorted(lines, key=lambda one: one.at):
        run.until(line.at)
        run.happen(line)
    return run.lines


class _Run:
    """One simulator during its run."""

    def __init__(self, lines: Sequence[Line], setting: SimulatorSetup) -> None:
        self._start = setting.start
        self._versions = _versions(lines)
        config = WorldConfig(setting.seed, setting.start, data=setting.data)
        self._gateway = Gateway(World(replace(config, accounts=_accounts(lines) or config.accounts)))
        self._connections: dict[int, Connection] = {}
        self._at = 0.0
        self.lines: list[Line] = []

    def until(self, at: float) -> None:
        """Move the simulator's clock."""
        while self._at < at:
            self._at = min(at, self._at + STEP_S)
            try:
                self._gateway.advance(self._start + self._at)
                for connection in self._connections.values():
                    connection.finish()
            except Exception:  # the comparison's broad except: a defect of the simulator is a difference to report
                log.exception("the simulator failed to advance")
            self._collect()

    def happen(self, line: Line) -> None:
        if isinstance(line, ConnectionEvent):
            if line.event in {CLOSED_BY_CLIENT, CLOSED_BY_GATEWAY}:
                self._leave(line.client)
        elif line.direction == TO_GATEWAY and line.known:  # of others only the classes of their fields were kept
            self.lines.append(line)
            self._ask(line)
            self._collect()

    def _leave(self, client: int) -> None:
        connection = self._connections.pop(client, None)
        if connection is not None:
            self._gateway.disconnect(connection)

    def _ask(self, request: TranscriptFrame) -> None:
        if request.message == HANDSHAKE:
            self._greet(request.client)
            return
        connection = self._connections.get(request.client)
        if connection is None or connection.closing:
            return
        try:
            connection.receive(frame(request.payload))
            connection.finish()
        except Exception:
            log.exception("the simulator failed to answer %s", request.message)
            connection.error(-1, 320, "Server error when processing an API client request.")

    def _greet(self, client: int) -> None:
        connection = self._gateway.connect()
        version = self._versions.get(client)
        if connection is not None and version is not None:
            self._connections[client] = connection
            connection.receive(HELLO + frame(b"v%d..%d" % (version, version)))
            connection.finish()

    def _collect(self) -> None:
        for client, connection in self._connections.items():
            for payload in connection.take():
                self.lines.append(_entry(client, connection.version, payload, self._at))


def _entry(client: int, version: int, payload: bytes, at: float) -> TranscriptFrame:
    texts = tuple(fields_of(payload))
    if len(texts) == 2 and texts[0] == str(version):
        return TranscriptFrame(at, TO_CLIENT, client, 0, HANDSHAKE, texts)
    layout = layout_of(TO_CLIENT, int(texts[0]))
    try:
        known = layout is not None and bool(layout.names(version, texts))
    except LayoutMismatch:
        known = False
    return TranscriptFrame(at, TO_CLIENT, client, version, layout.name if layout else UNKNOWN, texts, known)


def _accounts(lines: Sequence[Line]) -> tuple[str, ...]:
    for line in lines:
        if isinstance(line, TranscriptFrame) and line.direction == TO_CLIENT and line.msgId == MANAGED_ACCOUNTS:
            return tuple(name for name in (line.get("accountsList") or "").split(",") if name)
    return ()


def _versions(lines: Sequence[Line]) -> dict[int, int]:
    return {
        line.client: int(line.fields[0])
        for line in lines
        if isinstance(line, TranscriptFrame) and line.message == HANDSHAKE and line.direction == TO_CLIENT
    }
