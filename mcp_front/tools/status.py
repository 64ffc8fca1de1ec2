"""The tool ibkr_get_status, composed from the session's heartbeat; it always answers, and names the fix."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from pydantic import ValidationError

from bridge.bus.client.client import BusClient
from bridge.bus.halt import RELEASE, Halt
from bridge.bus.identity.rights import LIMITS, Rights
from bridge.bus.messages import Heartbeat
from bridge.bus.transport.connection import BusError, refusing
from bridge.redaction import mask_url
from bridge.tool import ToolError
from bridge.tools.session import SessionStatus, State

ANSWER_S = 1.8  # the promise is two seconds, whatever hangs
MODE_S = 0.5  # a list of tools does not wait longer for what only narrows it
STALE_MS = 10_000  # a leader beats every second and loses its lease after eight: this one hangs, or is cut off
START_WORKER = (
    "Start the worker with this REDIS_URL and session: .venv/bin/python -m ib_worker, or in containers "
    "docker compose up -d worker (worker-paper, worker-live)."
)

DAMAGED = "The session's status in Redis is damaged."
MEND = "The leading worker rewrites it every second: retry. If it stays damaged, restart the worker."

TIMES = ("since", "gateway_time")
FRACTION = re.compile(r"\.\d+")
ALWAYS = ("is_connected", "state", "cause", "remedy", "simulated", "accounts", "halted")

Status = dict[str, Any]


async def session_mode(bus: BusClient) -> str | None:
    """The mode that the session's worker runs in, or ran in before it went; None where nobody knows at once."""
    try:
        async with asyncio.timeout(MODE_S):
            mode: str | None = (await session_status(bus))["mode"]
    except TimeoutError:
        return None
    return mode


async def session_status(bus: BusClient) -> Status:
    """The fields of bridge.tools.session.SessionStatus; never raises, and takes less than two seconds."""
    try:
        async with asyncio.timeout(ANSWER_S):
            beat, halt, refusal = await asyncio.gather(bus.status(), bus.halted(), bus.refusal())
    except TimeoutError:
        return _missing(
            "bus_down", f"Redis has not answered for {ANSWER_S} s.", "Check that Redis runs and is not stuck."
        )
    except ToolError as error:
        _, remedy = refusing(error.message) or ("", "Start Redis, or correct REDIS_URL")
        return _missing("bus_down", error.message, f"{remedy}; this front reconnects by itself.")
    if beat is None:
        said = _missing("no_worker", "No worker has served this session at this Redis.", START_WORKER)
    else:
        said = status_of(beat)
    return _halted(said | _refused(bus, refusal), halt)


def of_rights(status: Status, rights: Rights) -> Status:
    """Return the status as a client may see it: with its own limits, its own accounts, and without warnings about the
    orders of another."""
    status = status | {"limits": _tightened(status.get("limits") or {}, rights)} if rights.is_restricted else status
    if not rights.accounts:
        return status
    concerns = [each for each in status["concerns"] or () if _may_see(each, rights)]
    own = [each for each in status["accounts"] or () if rights.has_account(each)]
    return status | {"accounts": own, "concerns": concerns}


def _tightened(limits: dict[str, Any], rights: Rights) -> dict[str, Any]:
    """Return the session's limits with those of the client that are tighter, and the symbols that it may trade."""
    own = {name: getattr(rights, name) for name in LIMITS if getattr(rights, name) is not None}
    tighter = {name: most for name, most in own.items() if not most >= limits.get(name, float("inf"))}
    symbols = {"symbols": sorted(rights.symbols)} if rights.symbols else {}
    return limits | tighter | symbols


def _may_see(concern: Any, rights: Rights) -> bool:
    account = concern.get("account") if isinstance(concern, dict) else None
    return not account or rights.has_account(account)


def without_blanks(status: Status) -> Status:
    """Return the status without what there is none of, such as warnings, and without farms that are ok, but for the
    fields that are ALWAYS there; its times are to the second."""
    farms = {name: word for name, word in (status.get("farms") or {}).items() if word != "ok"}
    status = status | {"farms": farms}
    told = {name: value for name, value in status.items() if name in ALWAYS or value not in (None, "", [], {})}
    if "as_of" in told:
        told["as_of"] = {name: _to_the_second(at) for name, at in told["as_of"].items()}
    return told | {name: _to_the_second(told[name]) for name in TIMES if name in told}


def _to_the_second(at: Any) -> Any:
    return FRACTION.sub("", at) if isinstance(at, str) else at


def _refused(bus: BusClient, refusal: BusError | None) -> Status:
    """Return the status with Redis's refusal to take writes: then no order can go out, in any state."""
    if refusal is None:
        return {}
    what, remedy = refusing(refusal) or ("accepts no writes", "Read its log")
    cause = f"Redis at {mask_url(bus.pipe.url)} answers, but {what} ({refusal}): no order can be sent."
    return {"is_connected": False, "state": "bus_down", "since": None, "cause": cause, "remedy": f"{remedy}."}


def _halted(status: Status, halt: Halt | None) -> Status:
    """Return the status with the kill switch. A ready session has a cause then too, and every one the way back."""
    if halt is None:
        return status | {"halted": None}
    cause = status["cause"] or f"The kill switch is set: {halt.refuses()}."
    remedy = " ".join(filter(None, (status["remedy"], RELEASE)))
    return status | {"halted": halt.told(), "cause": cause, "remedy": remedy}


def status_of(beat: Heartbeat) -> Status:
    """Return the session's status from a heartbeat; no_worker if the heartbeat is stale or no worker takes requests."""
    said = _read(beat.status)
    if said is None:
        return _missing("failed" if beat.receivers else "no_worker", DAMAGED, MEND)
    if beat.receivers and beat.age_ms < STALE_MS:
        return said | {"heartbeat_age_ms": beat.age_ms}
    seconds = beat.age_ms / 1000
    cause = f"Worker {beat.worker} sent its last heartbeat {seconds:.1f} s ago, in state {said.get('state')}"
    cause += "." if not beat.receivers else ": it still listens, but it hangs or cannot write to Redis."
    return _missing("no_worker", cause, START_WORKER) | {
        "since": datetime.fromtimestamp(beat.written_ms / 1000, UTC).isoformat(),
        "worker": beat.worker,
        "heartbeat_age_ms": beat.age_ms,
        "mode": said.get("mode"),
        "recent_clients": said.get("recent_clients", []),
    }


def _read(status: bytes) -> Status | None:
    """The fields of a status, None where it is damaged. A worker of another release may know fewer or more fields, and
    what is of a wrong type counts as left out."""
    try:
        found = msgspec.json.decode(status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    whole = _missing("no_worker")
    said = {name: found.get(name, default) for name, default in whole.items()}
    try:
        SessionStatus.model_validate(said)
    except ValidationError as error:
        wrong = {str(fault["loc"][0]) for fault in error.errors(include_url=False) if fault["loc"]}
        if "state" in wrong:
            return None
        said |= {name: whole[name] for name in wrong}
    return said


def _missing(state: State, cause: str | None = None, remedy: str | None = None) -> Status:
    whole: Status = SessionStatus(is_connected=False, state=state, cause=cause, remedy=remedy).model_dump(mode="json")
    return whole
