"""The simulator is asked what a transcript's clients asked, at the same moments, with nobody waiting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ibgateway.recorder.simulator_run import SimulatorSetup, drive, recorded_start
from ibgateway.recorder.transcript.transcript import (
    CLOSED_BY_CLIENT,
    HANDSHAKE,
    TO_CLIENT,
    ConnectionEvent,
    Line,
    TranscriptFrame,
)
from tests.stacks.ibgateway.recorded_lines import asked, session, told

START = 1749652200.0  # what the greeting of a recorded session says


def messages(lines: list[Line], direction: str = TO_CLIENT) -> list[str]:
    return [line.message for line in lines if isinstance(line, TranscriptFrame) and line.direction == direction]


def test_a_transcripts_requests_are_answered_by_the_simulator() -> None:
    lines = drive(session(asked("61 1", 1.0), told("62 1", 1.0)), SimulatorSetup(START))

    answers = messages(lines)
    assert answers[:3] == [HANDSHAKE, "managedAccounts", "nextValidId"]
    assert answers[-1] == "positionEnd"
    assert answers.count("position") == 3


def test_answers_come_at_the_transcripts_own_moments() -> None:
    lines = drive(session(asked("49 1", 2.5)), SimulatorSetup(START))

    (answer,) = [line for line in lines if isinstance(line, TranscriptFrame) and line.message == "currentTime"]
    assert answer.at == 2.5
    assert answer.fields[2] == str(int(START + 2.5))


def test_the_worlds_accounts_are_those_that_the_gateway_named() -> None:
    lines = drive(session(asked("17 1", 1.0)), SimulatorSetup(START))

    told = [line.fields[2] for line in lines if isinstance(line, TranscriptFrame) and line.message == "managedAccounts"]
    assert told == ["DU7654321"] * 2


def test_a_client_that_has_gone_is_asked_nothing_more() -> None:
    lines = drive(session(ConnectionEvent(1.0, 1, CLOSED_BY_CLIENT), asked("49 1", 2.0)), SimulatorSetup(START))

    assert "currentTime" not in messages(lines)


def test_a_request_of_which_only_classes_were_kept_is_not_asked() -> None:
    lines = drive(session(replace(asked("49 1", 1.0), known=False)), SimulatorSetup(START))

    assert "currentTime" not in messages(lines)


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ("20250611 10:30:00 US/Eastern", START),
        ("20250611 16:30:00 Europe/Berlin", START),
        ("20250611 10:30:00 Mitteleuropäische Zeit", None),
        ("soon", None),
    ],
)
def test_the_start_is_what_the_gateways_clock_said(said: str, start: float | None) -> None:
    greeting = TranscriptFrame(0.0, TO_CLIENT, 1, 0, HANDSHAKE, ("178", said))

    assert recorded_start([greeting]) == start


def test_the_start_lies_before_a_greeting_that_came_later() -> None:
    greeting = TranscriptFrame(4.0, TO_CLIENT, 1, 0, HANDSHAKE, ("178", "20250611 10:30:00 US/Eastern"))

    assert recorded_start([greeting]) == START - 4.0
    assert recorded_start([]) is None
