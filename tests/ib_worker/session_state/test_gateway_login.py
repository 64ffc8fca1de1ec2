"""Why nobody answers at a gateway, as the login guard's file tells it."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from ib_worker.session_state import state as standing
from ib_worker.session_state.gateway_login import STALE_S, reason_from_login_phase


def written(folder: Path, **figures: object) -> Path:
    file = folder / "phase"
    file.write_text(json.dumps({"since": 1, "rejections": 0, **figures}))
    return file


def test_a_file_that_its_guard_no_longer_touches_tells_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, phase="awaiting_2fa")
    age = file.stat().st_mtime - STALE_S - 1
    os.utime(file, (age, age))

    assert reason_from_login_phase(standing.CLOSES, file) is standing.CLOSES


@pytest.mark.parametrize("content", ["", "{}", '{"phase": 3}', "not json", '{"phase": "no such phase"}'])
def test_a_file_that_makes_no_sense_changes_nothing(content: str, tmp_path: Path) -> None:
    (tmp_path / "phase").write_text(content)

    assert reason_from_login_phase(standing.CLOSES, tmp_path / "phase") is standing.CLOSES


def test_without_a_file_nothing_changes(tmp_path: Path) -> None:
    assert reason_from_login_phase(standing.CLOSES, None) is standing.CLOSES
    assert reason_from_login_phase(standing.CLOSES, tmp_path / "none") is standing.CLOSES


def test_a_cause_that_the_socket_itself_told_stays(tmp_path: Path) -> None:
    assert reason_from_login_phase(standing.ID_IN_USE, written(tmp_path, phase="awaiting_2fa")) is standing.ID_IN_USE


@pytest.mark.trial("E9")
def test_a_session_that_somebody_else_has_is_named_with_the_way_to_take_it_back(tmp_path: Path) -> None:
    cause = reason_from_login_phase(standing.LOGIN_PENDING, written(tmp_path, phase="session_taken"))

    assert "one session a user" in cause.cause
    assert "IBKR Mobile and Client Portal" in cause.remedy
    assert "EXISTING_SESSION_DETECTED_ACTION=primary" in cause.remedy


@pytest.mark.trial("E9")
@pytest.mark.parametrize("phase", ["starting", "logging_in", "restarting"])
def test_a_login_that_takes_too_long_says_so(phase: str, tmp_path: Path) -> None:
    quick = reason_from_login_phase(standing.CLOSES, written(tmp_path, phase=phase, login_since=time.time() - 60))
    slow = reason_from_login_phase(standing.CLOSES, written(tmp_path, phase=phase, login_since=time.time() - 600))

    assert "too long" not in quick.cause
    assert re.search(r"since \d\d:\d\d UTC, which is too long", slow.cause)
    assert "VNC" in slow.remedy


@pytest.mark.trial("E15")
def test_a_second_factor_that_nobody_answers_is_counted_in_the_status(tmp_path: Path) -> None:
    cause = reason_from_login_phase(
        standing.CLOSES, written(tmp_path, phase="second_factor_missed", missed=3, again_at=1000)
    )

    assert "3 times in a row. The next request comes at 00:16 UTC." in cause.cause
