"""`doctor`: each finding is a line with its cure below, and the status says whether there is a fault."""

import pytest

from cli.__main__ import main
from cli.commands import doctor
from cli.diagnostics.finding import Finding, Place


def findings(monkeypatch: pytest.MonkeyPatch, *found: Finding) -> list[Place]:
    """Let the examination find these; the places that were examined."""
    places: list[Place] = []

    async def examine(place: Place) -> list[Finding]:
        places.append(place)
        return list(found)

    monkeypatch.setattr(doctor, "examine", examine)
    return places


def test_a_fault_is_told_with_its_cure_and_is_the_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    findings(monkeypatch, Finding("front", "ok", "answers"), Finding("worker", "fault", "is gone", "Start the worker."))

    assert main(["doctor"]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == [["✓", "front", "answers"], ["✗", "worker", "is", "gone"], ["→", "Start", "the", "worker."]]
    assert lines[-1] == ["1", "fault", "found"]


def test_notes_are_no_faults(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    findings(monkeypatch, Finding("clock", "note", "a simulator's"))

    assert main(["doctor"]) == 0
    assert "no faults found" in capsys.readouterr().out


def test_the_place_is_what_was_named_and_the_token_comes_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    places = findings(monkeypatch)
    monkeypatch.setenv("FRONT_TOKEN", "secret")
    named = ("--url", "http://front:8000/api/v1", "--gateway", "gateway:4003", "--redis", "redis://r", "--project", "p")

    main(["doctor", *named])

    assert places == [Place("http://front:8000/api/v1", "secret", "gateway:4003", "redis://r", "p")]
