"""A login's phase is the last thing its log says, and every rejected try is counted once."""

import pytest

from ibgateway.probe.phase import ADVICE, PHRASES, Phase, read_login, read_phrases
from tests.stacks.ibgateway import gateway_logs as logs

KNOWN = read_phrases(PHRASES.read_text(encoding="utf-8"))
FAILED = logs.ATTEMPT + logs.REJECTED

STORIES = [
    pytest.param([], Phase.UNKNOWN, id="no log yet"),
    pytest.param(["socat[12] N listening", ""], Phase.UNKNOWN, id="nothing about a login"),
    pytest.param(logs.START, Phase.STARTING, id="started"),
    pytest.param(logs.START + logs.ATTEMPT, Phase.LOGGING_IN, id="logging in"),
    pytest.param(logs.ATTEMPT + logs.SECOND_FACTOR, Phase.AWAITING_2FA, id="second factor asked for"),
    pytest.param(logs.SECOND_FACTOR + logs.SECOND_FACTOR_MISSED, Phase.SECOND_FACTOR_MISSED, id="second factor missed"),
    pytest.param(logs.ATTEMPT + logs.SESSION_TAKEN, Phase.SESSION_TAKEN, id="session taken"),
    pytest.param(logs.SESSION_TAKEN + logs.START + logs.ATTEMPT, Phase.SESSION_TAKEN, id="session still taken"),
    pytest.param(logs.SESSION_TAKEN + logs.START + logs.LOGGED_IN, Phase.LOGGED_IN, id="session given back"),
    pytest.param(FAILED + logs.THROTTLED, Phase.THROTTLED, id="paused after failures"),
    pytest.param(FAILED, Phase.LOGIN_REJECTED, id="wrong password"),
    pytest.param(FAILED + logs.COLD_RESTART, Phase.RESTARTING, id="tries again by itself"),
    pytest.param(logs.START + logs.ATTEMPT + logs.LOGGED_IN, Phase.LOGGED_IN, id="logged in"),
    pytest.param(logs.LOGGED_IN + logs.DAILY_RESTART, Phase.RESTARTING, id="daily restart"),
    pytest.param(logs.LOGGED_IN + logs.LOGGED_OUT, Phase.RESTARTING, id="logged out by the daily log-off"),
    pytest.param(logs.LAUNCHER_START, Phase.STARTING, id="launcher: started"),
    pytest.param(logs.LAUNCHER_ATTEMPT, Phase.LOGGING_IN, id="launcher: logging in"),
    pytest.param(logs.LAUNCHER_ATTEMPT + logs.LAUNCHER_CHALLENGE, Phase.AWAITING_2FA, id="launcher: challenged"),
    pytest.param(logs.LAUNCHER_ATTEMPT + logs.LAUNCHER_REJECTED, Phase.LOGIN_REJECTED, id="launcher: wrong password"),
    pytest.param(logs.LAUNCHER_CHALLENGE + logs.LAUNCHER_LOGGED_IN, Phase.LOGGED_IN, id="launcher: logged in"),
    pytest.param(logs.LAUNCHER_START + logs.LAUNCHER_AUTO_RESTART, Phase.RESTARTING, id="launcher: daily restart"),
]


@pytest.mark.parametrize(("lines", "phase"), STORIES)
def test_the_last_word_of_a_log_is_its_phase(lines: list[str], phase: Phase) -> None:
    assert read_login(lines, KNOWN).phase is phase


def test_a_rejection_told_in_four_lines_counts_once() -> None:
    assert read_login(FAILED, KNOWN).rejections == 1


def test_each_rejected_attempt_counts() -> None:
    again = FAILED + logs.COLD_RESTART + logs.START

    assert read_login(again * 3, KNOWN).rejections == 3


def test_a_login_that_goes_through_forgets_the_rejections_before_it() -> None:
    login = read_login(FAILED + logs.COLD_RESTART + logs.ATTEMPT + logs.LOGGED_IN, KNOWN)

    assert (login.phase, login.rejections) == (Phase.LOGGED_IN, 0)


def test_line_ends_of_any_kind_are_read() -> None:
    assert read_login([line + "\r\n" for line in logs.LAUNCHER_CHALLENGE], KNOWN).phase is Phase.AWAITING_2FA


def test_another_controllers_phrases_can_take_the_place_of_these() -> None:
    other = read_phrases("# another controller\nlogged_in\tsession is (up|ready)$\n")

    assert read_login(["2026-03-02 the session is ready"], other).phase is Phase.LOGGED_IN


@pytest.mark.parametrize("text", ["logged_in session is up", "no_such_phase\tup", "logged_in\t(up"])
def test_a_line_that_is_no_phrase_is_named_and_refused(text: str) -> None:
    with pytest.raises(Exception, match=r"line 1|no_such_phase|missing \)"):
        read_phrases(text)


def test_every_phase_has_advice_and_every_phase_but_unknown_has_a_phrase() -> None:
    assert set(ADVICE) == set(Phase)
    assert {each.phase for each in KNOWN} == set(Phase) - {Phase.UNKNOWN}
