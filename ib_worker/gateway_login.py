"""Reads how far a gateway's login is, from the file that the login guard beside the gateway writes."""

import logging
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ib_worker import standing
from ib_worker.standing import Cause

STALE_S = 60  # the guard touches its file every few seconds; one that it does not touch is of a gateway that is gone

NOBODY_ANSWERS = frozenset({standing.UNREACHABLE, standing.CLOSES, standing.LOGIN_PENDING})

AWAITING_2FA = Cause(
    "login_pending",
    "gateway_login_pending",
    "The gateway at {host}:{port} waits for the second factor of its login.",
    "Approve the login in IBKR Mobile; a request is good for three minutes, then the next one comes. The worker keeps "
    "trying.",
)
THROTTLED = Cause(
    "login_pending",
    "gateway_login_pending",
    "The gateway at {host}:{port} pauses after failed logins.",
    "Wait some minutes; the gateway tries again by itself. If it fails again, check user name and password.",
)
REJECTED = Cause(
    "failed",
    "gateway_login_rejected",
    "Interactive Brokers rejected the login of the gateway at {host}:{port}.",
    "Check its user name, password and trading mode before it tries again: too many wrong tries lock the account. A "
    "gateway that was held for that says in its log how it is released.",
)
LOGGING_IN = Cause(
    "login_pending",
    "gateway_login_pending",
    "The gateway at {host}:{port} is starting or logging in.",
    "Wait a minute or two; a second factor may be asked for. The worker keeps trying.",
)
BY_PHASE = {
    "awaiting_2fa": AWAITING_2FA,
    "throttled": THROTTLED,
    "login_rejected": REJECTED,
    "starting": LOGGING_IN,
    "logging_in": LOGGING_IN,
    "restarting": LOGGING_IN,
}

log = logging.getLogger(__name__)


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore")

    phase: str


def explain(cause: Cause, file: Path | None) -> Cause:
    """Why nobody answers, as the gateway's own log tells it; `cause` itself where that says nothing of it."""
    if file is None or cause not in NOBODY_ANSWERS:
        return cause
    return BY_PHASE.get(_phase(file), cause)


def _phase(file: Path) -> str:
    try:
        fresh = time.time() - file.stat().st_mtime < STALE_S
        return _Told.model_validate_json(file.read_bytes()).phase if fresh else ""
    except FileNotFoundError:
        return ""  # the gateway was never started, or runs without a guard
    except (OSError, ValidationError) as problem:
        log.warning("%s tells nothing of the gateway's login: %s", file, type(problem).__name__)
        return ""
