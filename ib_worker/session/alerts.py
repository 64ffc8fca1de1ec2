"""Tells people of a session that is not ready, in the log and by a webhook: again while it lasts, and of its end."""

import asyncio
import http.client
import json
import logging
import urllib.request
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NoReturn

import structlog

from bridge.redaction import mask_accounts
from ib_worker.session.session import Session, utcnow
from ib_worker.session_state.state import SessionState

ALERT_CHECK_S = 1.0
POST_S = 5.0

log = structlog.get_logger("ib_worker.session.alerts")


@dataclass(frozen=True)
class Alert:
    """One alert to people. `since` is the time when the session was last ready, or began."""

    text: str
    session: str
    state: str
    cause: str | None
    remedy: str | None
    since: str
    over: bool


class AlertSchedule:
    """The schedule of alerts: when one is due, and its content. Pure."""

    def __init__(self, session: str, after_s: float, every_s: float) -> None:
        self._session = session
        self._after = timedelta(seconds=after_s)
        self._every = timedelta(seconds=every_s)
        self._red_since: datetime | None = None
        self._told: datetime | None = None

    def look(self, standing: SessionState, now: datetime) -> Alert | None:
        """The alert that is due. A session that was disconnected on request worries nobody."""
        if standing.state in ("ready", "disconnected"):
            since, was_told = self._red_since, self._told is not None
            self._red_since = self._told = None
            return self._over(standing, since, now) if since is not None and was_told else None
        self._red_since = self._red_since or standing.since
        due = self._red_since + self._after if self._told is None else self._told + self._every
        if now < due:
            return None
        self._told = now
        minutes = (now - self._red_since).total_seconds() / 60
        why = f"{standing.cause} {standing.remedy}"
        text = f"Session {self._session} has not been ready for {minutes:.0f} minutes: {why}"
        return self._alert(text, standing, self._red_since, over=False)

    def _over(self, standing: SessionState, since: datetime, now: datetime) -> Alert:
        minutes = (now - since).total_seconds() / 60
        text = f"Session {self._session} is {standing.state} again, after {minutes:.0f} minutes."
        return self._alert(text, standing, since, over=True)

    def _alert(self, text: str, standing: SessionState, since: datetime, over: bool) -> Alert:
        return Alert(text, self._session, standing.state, standing.cause, standing.remedy, since.isoformat(), over)


async def run_alerts(session: Session) -> NoReturn:
    """For ever: look at the standing, and tell when it is time."""
    settings = session.settings
    alarm = AlertSchedule(settings.ibkr_session, settings.alert_after_s, settings.alert_every_s)
    url = settings.alert_webhook.get_secret_value() if settings.alert_webhook else None
    while True:
        alert = alarm.look(session.state.standing, utcnow())
        if alert is not None:
            log.log(logging.INFO if alert.over else logging.ERROR, "alert", text=alert.text)
            if url is not None:
                await asyncio.to_thread(_post, url, alert)
        await asyncio.sleep(ALERT_CHECK_S)


def _post(url: str, alert: Alert) -> None:
    """`text` is what Slack, Mattermost and Teams show. The address may be a secret: no message of a failure has it."""
    body = mask_accounts(json.dumps(asdict(alert))).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=POST_S):
            pass
    except (OSError, ValueError, http.client.HTTPException) as problem:  # the last where the answer is no HTTP
        log.warning("webhook_failed", error=type(problem).__name__)
