"""Reads how far a gateway's login is, from the file that the login guard beside the gateway writes; and when IBKR wants
its weekly login."""

import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from ib_worker.session_state import state as standing
from ib_worker.session_state.state import StateReason

NEW_YORK = ZoneInfo("America/New_York")
SUNDAY = 6
LOGIN_AT = clock_time(1, 0)  # IBKR's tokens of the week end then; the gateway's next restart asks for a full login
NEAR = timedelta(hours=24)
STUCK_S = 300  # a start takes about a minute, a login some seconds; a second factor has a phase of its own
STALE_S = 60  # the guard touches its file every few seconds; one that it does not touch is of a gateway that is gone

NOBODY_ANSWERS = frozenset({standing.UNREACHABLE, standing.CLOSES, standing.LOGIN_PENDING})

AWAITING_2FA = StateReason(
    "login_pending",
    "gateway_login_pending",
    "The gateway at {host}:{port} waits for the second factor of its login.",
    "Approve the login in IBKR Mobile; a request is good for three minutes, then the next one comes. The worker keeps "
    "trying.",
)
THROTTLED = StateReason(
    "login_pending",
    "gateway_login_pending",
    "The gateway at {host}:{port} pauses after failed logins.",
    "Wait some minutes; the gateway tries again by itself. If it fails again, check user name and password.",
)
REJECTED = StateReason(
    "failed",
    "gateway_login_rejected",
    "Interactive Brokers rejected the login of the gateway at {host}:{port}.",
    "Check its user name, password and trading mode before it tries again: too many wrong tries lock the account. A "
    "gateway that was held for that says in its log how it is released.",
)
LOGGING_IN = StateReason(
    "login_pending",
    "gateway_login_pending",
    "The gateway at {host}:{port} is starting or logging in.",
    "Wait a minute or two; a second factor may be asked for. The worker keeps trying.",
)
SESSION_TAKEN = StateReason(
    "failed",
    "gateway_login_pending",
    "Another program is logged in with the user name of the gateway at {host}:{port}, and IBKR allows one session a "
    "user; the gateway has given way.",
    "Log out there: TWS, IBKR Mobile and Client Portal count. The gateway then logs in by itself within 15 minutes, or "
    "at once if its container is restarted. EXISTING_SESSION_DETECTED_ACTION=primary would end the other session.",
)
MISSED = StateReason(
    "login_pending",
    "gateway_login_pending",
    "Nobody answered the second factor of the gateway's login at {host}:{port}, {missed} times in a row.{again}",
    "Have IBKR Mobile at hand when the next request comes, or restart the gateway's container to get one at once.",
)
STUCK = StateReason(
    "login_pending",
    "gateway_login_pending",
    "The gateway at {host}:{port} has been starting or logging in since {began} UTC, which is too long.",
    "Check its log and its window (VNC): a dialog may be open there. Restarting its container starts the login anew.",
)
BY_PHASE = {
    "awaiting_2fa": AWAITING_2FA,
    "second_factor_missed": MISSED,
    "session_taken": SESSION_TAKEN,
    "throttled": THROTTLED,
    "login_rejected": REJECTED,
    "starting": LOGGING_IN,
    "logging_in": LOGGING_IN,
    "restarting": LOGGING_IN,
}

log = structlog.get_logger("ib_worker.session_state.gateway_login")


class _Told(BaseModel):
    """The guard's file: times are epoch seconds, 0 where there is none."""

    model_config = ConfigDict(extra="ignore")

    phase: str = ""
    missed: int = 0
    login_since: float = 0
    again_at: float = 0


def reason_from_login_phase(cause: StateReason, file: Path | None) -> StateReason:
    """Return why nobody answers as the gateway's own log tells it, or `cause` itself if that log does not say."""
    if file is None or cause not in NOBODY_ANSWERS:
        return cause
    told = _read(file)
    found = BY_PHASE.get(told.phase, cause)
    if found is LOGGING_IN and told.login_since and time.time() - told.login_since > STUCK_S:
        return _with(STUCK, began=_clock(told.login_since))
    if found is MISSED:
        again = f" The next request comes at {_clock(told.again_at)} UTC." if told.again_at else ""
        return _with(MISSED, missed=str(told.missed), again=again)
    return found


def _with(cause: StateReason, **figures: str) -> StateReason:
    """Fill in figures of the file; {host} and {port} stay for whoever knows them."""
    text = cause.cause
    for name, figure in figures.items():
        text = text.replace(f"{{{name}}}", figure)
    return cause._replace(cause=text)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M")


def _read(file: Path) -> _Told:
    try:
        fresh = time.time() - file.stat().st_mtime < STALE_S
        return _Told.model_validate_json(file.read_bytes()) if fresh else _Told()
    except FileNotFoundError:
        return _Told()  # the gateway was never started, or runs without a guard
    except (OSError, ValidationError) as problem:
        log.warning("phase_file_unreadable", file=str(file), error=type(problem).__name__)
        return _Told()


def weekly_login(now: datetime) -> datetime:
    """The next Sunday at one in New York."""
    today = now.astimezone(NEW_YORK).date()
    sunday = today + timedelta(days=(SUNDAY - today.weekday()) % 7)
    due = datetime.combine(sunday, LOGIN_AT, NEW_YORK)
    later = datetime.combine(sunday + timedelta(days=7), LOGIN_AT, NEW_YORK)
    return (due if due > now else later).astimezone(UTC)


def is_weekly_login(now: datetime) -> bool:
    """Return whether a gateway that waits for a login probably waits for the weekly one."""
    return weekly_login(now) - timedelta(days=7) > now - NEAR
