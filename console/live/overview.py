"""The session's status as the pages show it, read from Redis: state, mode, kill switch, waiting orders."""

from dataclasses import dataclass, field

import msgspec

from bridge.bus.client.client import BusClient
from bridge.bus.controls.approvals import Approval, waiting_approvals
from bridge.bus.controls.kill_switch import read_halt
from bridge.bus.halt import Halt
from bridge.text.plain_text import one_line

STALE_MS = 5_000  # a worker writes its status every second
LONGEST = 400  # characters of one of the status's texts


class Concern(msgspec.Struct):
    """A problem that does not stop the session, and its fix."""

    what: str
    remedy: str = ""
    due: str | None = None


class WorkerStatus(msgspec.Struct):
    """The parts of `bridge.tools.session.SessionStatus` that the pages show; later releases may have more."""

    state: str = "unknown"
    cause: str | None = None
    remedy: str | None = None
    mode: str | None = None
    simulated: bool | None = None
    accounts: list[str] = []
    since: str | None = None
    host: str | None = None
    port: int | None = None
    clientId: int | None = None
    serverVersion: int | None = None
    gateway_time: str | None = None
    worker: str | None = None
    worker_version: str | None = None
    market_data_lines: int | None = None
    farms: dict[str, str] = {}
    concerns: list[Concern] = []
    as_of: dict[str, str] = {}
    waiting: dict[str, int] = {}
    weekly_login_due: str | None = None


@dataclass(frozen=True)
class Overview:
    """The session's status for a page. `state` is `unknown` where no worker writes its status."""

    session: str
    state: str
    cause: str
    remedy: str
    mode: str
    simulated: bool | None
    accounts: list[str]
    halt: Halt | None
    waiting: list[Approval]
    status: WorkerStatus = field(default_factory=WorkerStatus)

    @property
    def money(self) -> str:
        """Return the word for the money that an order moves: it colours the page."""
        return "simulated" if self.simulated else self.mode or "unknown"


async def overview(bus: BusClient) -> Overview:
    """Return the session's status from Redis. Raises ToolError bus_down, and BusError."""
    status, why = await _status(bus)
    return Overview(
        session=bus.keys.session,
        state=status.state,
        cause=one_line(why or status.cause or "", LONGEST),
        remedy=one_line(for_operators(status.remedy or ""), LONGEST),
        mode=one_line(status.mode or "", LONGEST),
        simulated=status.simulated,
        accounts=[one_line(each, LONGEST) for each in status.accounts],
        halt=await read_halt(bus.pipe, bus.keys),
        waiting=await waiting_approvals(bus.pipe, bus.keys),
        status=status,
    )


def for_operators(text: str) -> str:
    """Return the worker's text with the page's own step in place of a client's."""
    return text.replace("Call ibkr_connect.", "Connect it on the page Session.")


async def _status(bus: BusClient) -> tuple[WorkerStatus, str]:
    """Return the status, and why it is none."""
    beat = await bus.status()
    if beat is None:
        return WorkerStatus(), "No worker has served this session yet."
    if beat.age_ms > STALE_MS or not beat.receivers:
        return WorkerStatus(), f"No worker serves this session; the last status is {beat.age_ms // 1000} s old."
    try:
        return msgspec.json.decode(beat.status, type=WorkerStatus), ""
    except msgspec.DecodeError:
        return WorkerStatus(), "The worker's status can't be read. Update console and worker together."
