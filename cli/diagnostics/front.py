"""The doctor's check of the front: whether it answers, its clock, and whether it accepts the token."""

import json
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from cli.diagnostics.finding import ANSWER_S, Finding, Place, clock_findings
from cli.http_client import send_request

OK, UNAUTHORIZED = 200, 401
LONGEST_REASON = 200  # of what another program at that port said
START_FRONT = "Start the stack: `make demo`, `docker compose up` or `make paper`; --url names another front."


def check_front(url: str) -> list[Finding]:
    """Check that the front answers, and compare its clock with this machine's."""
    where = urlsplit(url).netloc
    try:
        answer = send_request(url, "GET", "/healthz", ANSWER_S)
    except (OSError, HTTPException) as error:
        return [Finding("front", "fault", f"No answer at {where}: {str(error)[:LONGEST_REASON]}", START_FRONT)]
    if answer.status != OK:
        cure = "Check what listens there, or name the front with --url."
        return [Finding("front", "fault", f"{where}/healthz answers {answer.status}: it is not a front.", cure)]
    at = answer.headers["Date"]
    ahead = parsedate_to_datetime(at).timestamp() - time.time() if at else 0.0
    return [Finding("front", "ok", f"answers at {where}"), *clock_findings("the front's machine", ahead)]


def admits(place: Place) -> bool:
    """Return whether the front accepts the token. Raises OSError or HTTPException."""
    bearer = {"Authorization": f"Bearer {place.token}"} if place.token else {}
    answer = send_request(place.url, "POST", urlsplit(place.url).path, ANSWER_S, bearer)
    return answer.status != UNAUTHORIZED


def readiness_status(url: str) -> dict[str, Any]:
    """Return the part of the status that needs no token; empty where the front does not answer."""
    try:
        told: dict[str, Any] = json.loads(send_request(url, "GET", "/readyz", ANSWER_S).body)
    except (OSError, HTTPException, ValueError):
        return {}
    return told
