"""The phase of a gateway's login, read from the lines of its log. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PHRASES = Path(__file__).with_name("phrases.tsv")


class Phase(StrEnum):
    """One step between a gateway's start and its login."""

    STARTING = "starting"
    LOGGING_IN = "logging_in"
    AWAITING_2FA = "awaiting_2fa"
    SECOND_FACTOR_MISSED = "second_factor_missed"
    SESSION_TAKEN = "session_taken"
    THROTTLED = "throttled"
    LOGIN_REJECTED = "login_rejected"
    LOGGED_IN = "logged_in"
    RESTARTING = "restarting"
    UNKNOWN = "unknown"


PASSING = {Phase.STARTING, Phase.LOGGING_IN, Phase.RESTARTING}  # on the way to a word of more weight
ATTEMPTS = {Phase.LOGGING_IN, Phase.AWAITING_2FA}  # what comes between two rejections that count as two

ADVICE = {
    Phase.STARTING: "Wait: a gateway takes about a minute to show its login.",
    Phase.LOGGING_IN: "Wait: a login takes some seconds.",
    Phase.AWAITING_2FA: "Approve the login in IBKR Mobile; the request is good for three minutes.",
    Phase.SECOND_FACTOR_MISSED: "Have IBKR Mobile at hand: the request was not answered, and the next one comes.",
    Phase.SESSION_TAKEN: "Log out where the same user is logged in (TWS, IBKR Mobile, Client Portal), then wait.",
    Phase.THROTTLED: "Wait some minutes: after several failed logins the gateway pauses before the next.",
    Phase.LOGIN_REJECTED: "Check user name, password and trading mode: more wrong tries lock the account.",
    Phase.LOGGED_IN: "Nothing to do: the login is complete.",
    Phase.RESTARTING: "Wait: the gateway restarts, which takes about a minute, and perhaps a second factor.",
    Phase.UNKNOWN: "Read the gateway's log: nothing in it tells how far the login is.",
}


@dataclass(frozen=True)
class Login:
    """The latest phase of a login in a log; rejected logins and missed second factors since the last success."""

    phase: Phase
    rejections: int
    missed: int = 0


@dataclass(frozen=True)
class Phrase:
    phase: Phase
    pattern: re.Pattern[str]


def read_phrases(text: str) -> tuple[Phrase, ...]:
    """Read the phrases of a file such as phrases.tsv; ValueError names the first invalid line."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        phase, tab, pattern = line.partition("\t")
        if not tab:
            raise ValueError(f"line {number} is not a phase, a tab and a regular expression")
        found.append(Phrase(Phase(phase), re.compile(pattern, re.IGNORECASE)))
    return tuple(found)


def phase_of(line: str, phrases: Iterable[Phrase]) -> Phase | None:
    """Return the phase that one line names; None for a line about something else."""
    return next((each.phase for each in phrases if each.pattern.search(line)), None)


def read_login(lines: Iterable[str], phrases: tuple[Phrase, ...]) -> Login:
    """Read a log, oldest line first. One rejection fills several lines, and counts once for each attempt."""
    phase, rejections, missed, attempted = Phase.UNKNOWN, 0, 0, True
    for line in lines:
        said = phase_of(line.rstrip("\r\n"), phrases)
        if said is None:
            continue
        if said is Phase.LOGIN_REJECTED:
            rejections += attempted
            attempted = False
        elif said in ATTEMPTS:
            attempted = True
        elif said is Phase.SECOND_FACTOR_MISSED:
            missed += 1
        elif said is Phase.LOGGED_IN:
            rejections = missed = 0
        if phase is not Phase.SESSION_TAKEN or said not in PASSING:
            phase = said
    return Login(phase, rejections, missed)
