"""A recorded connection: its requests, what answers each when, and how it ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ibgateway.recorder.replay.recorded_connection import scripts
from ibgateway.recorder.transcript.transcript import (
    CLOSED_BY_CLIENT,
    CLOSED_BY_GATEWAY,
    BadTranscript,
    ConnectionEvent,
)
from tests.stacks.ibgateway.recorded_lines import EXECUTED, STATUS, asked, place, session, told
from tests.stacks.ibgateway.replay_client import NOW, Client


def test_what_an_order_changed_waits_for_the_order() -> None:
    held = f"61 3 DU7654321 {EXECUTED} 1 1.0"
    client = Client(session(asked("61 1"), told("62 1"), place(17), told(held), told(f"3 17 Filled {STATUS}")))

    before = client.hears(asked("61 1"))
    after = client.hears(place(70))

    assert before == ["62 1"]
    assert [line.split()[0] for line in after] == ["61", "3"]


def test_what_an_order_changed_keeps_its_pause_after_the_order() -> None:
    held = f"61 3 DU7654321 {EXECUTED} 1 1.0"
    lines = session(asked("61 1", 1.0), told("62 1", 1.0), place(17, 5.0), told(held, 7.0))
    prompt, late = Client(lines, speed=1.0), Client(lines, speed=1.0)

    prompt.send(asked("61 1"), place(70))
    late.send(asked("61 1"))
    late.send(place(70), at=NOW + 100)

    assert prompt.told(NOW + 5) == ["62 1"]  # the position came six seconds after it had been asked for
    assert prompt.told(NOW + 6.1) == [held]
    assert late.told(NOW + 101) == ["62 1"]  # and two seconds after the order
    assert late.told(NOW + 102.1) == [held]


def test_what_a_global_cancel_did_waits_for_it() -> None:
    client = Client(session(place(17), asked("58 1"), told(f"3 17 Cancelled {STATUS}")))

    assert client.hears(place(70)) == []
    assert [line.split()[:3] for line in client.hears(asked("58 1"))] == [["3", "70", "Cancelled"]]


def test_a_gateway_that_closed_because_its_client_did_closes_nothing() -> None:
    client = Client(session(ConnectionEvent(0.1, 1, CLOSED_BY_CLIENT), ConnectionEvent(0.2, 1, CLOSED_BY_GATEWAY)))

    assert client.start[-1] == "9 1 1"
    assert not client.replay.closing


def test_a_transcript_without_a_session_cannot_be_replayed() -> None:
    with pytest.raises(BadTranscript):
        scripts([ConnectionEvent(0.0, 1, "connected")])


def test_a_connection_is_known_by_its_client_id_and_its_version() -> None:
    (script,) = scripts(session(asked("61 1"), told("62 1"), version=178, clientId=8))

    assert (script.clientId, script.version, script.greeting.fields[0]) == ("8", 178, "178")
    assert [one.entry.message for one in script.asked] == ["startApi", "reqPositions"]
    assert script.number == 2


def test_a_request_of_which_only_classes_were_kept_can_not_be_asked_again() -> None:
    (script,) = scripts(session(asked("61 1"), replace(asked("49 1"), known=False)))

    assert script.of_kind(49) == []
    assert script.number == 2


def test_an_answer_has_its_pause_after_the_request() -> None:
    (script,) = scripts(session(asked("61 1", 2.0), told("62 1", 3.5)))

    (answer,) = script.of_kind(61)[0].answers
    assert (answer.pause, answer.after) == (1.5, None)


def test_a_gateways_close_counts_from_the_last_request() -> None:
    (script,) = scripts(session(asked("61 1", 2.0), ConnectionEvent(5.0, 1, CLOSED_BY_GATEWAY)))

    assert script.closes_after == 3.0
