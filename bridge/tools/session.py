"""Tools that steer and show the session's connection to its gateway."""

from datetime import date, datetime
from typing import Literal

from bridge.tool import Effect, Model, ToolRequest, tool
from bridge.tools.types import Count, Port, Text

State = Literal[
    "disconnected",  # asked for, by ibkr_disconnect
    "connecting",
    "login_pending",  # the port is open but silent: login or second factor is awaited
    "syncing",  # connected; positions, orders and executions are being read
    "ready",
    "link_down",  # the gateway answers, but has lost IBKR's servers (1100, 2110)
    "failed",  # see cause
    "no_worker",  # said by the front: nobody holds the session
    "bus_down",  # said by the front: Redis does not answer
]


class Connected(Model):
    status: Literal["connected"] = "connected"
    host: str
    port: int
    clientId: int
    serverVersion: int
    accounts: list[str]
    message: str = ""


class Disconnected(Model):
    status: Literal["disconnected"] = "disconnected"
    message: str = ""
    recent_clients: list[str] = []


class SessionWarning(Model):
    """What leaves the session ready and still matters, and what to do about it. `due`: the day by which, if one is
    named."""

    what: str
    remedy: str
    due: date | None = None


class SessionStatus(Model):
    """The session as it is now. `is_connected` is true only in state ready: reads and orders are then answered.

    `as_of`: when TWS last told all of what is kept here (positions, orders …); changes since then are included.
    `waiting`: messages to TWS that wait for their turn. All times are the gateway's, which `simulated` says is none of
    IBKR's: prices and money are made up then, and `gateway_time` may lie in the past.
    """

    is_connected: bool
    state: State
    cause: str | None = None
    remedy: str | None = None
    since: datetime | None = None
    host: str | None = None
    port: int | None = None
    clientId: int | None = None
    serverVersion: int | None = None
    simulated: bool | None = None  # nobody knows without a worker
    gateway_time: datetime | None = None
    accounts: list[str] = []
    mode: str | None = None
    halted: str | None = None  # the kill switch: who set it, when and why
    worker: str | None = None
    worker_version: str | None = None
    heartbeat_age_ms: int | None = None
    market_data_lines: int | None = None
    farms: dict[str, str] = {}
    recent_clients: list[str] = []
    concerns: list[SessionWarning] = []
    as_of: dict[str, datetime] = {}
    waiting: dict[str, int] = {}
    weekly_login_due: datetime | None = None


@tool(returns=Connected, toolset="session", effect=Effect.SESSION, deadline_s=30)
class Connect(ToolRequest):
    """Connect the shared session to TWS or IB Gateway. It connects by itself at start-up; use this after
    ibkr_disconnect or to retry at once. Arguments left out are the configured gateway's; other hosts are refused, and
    all clients share one session, whose fixed clientId is answered. Connecting twice is harmless."""

    host: Text | None = None
    port: Port | None = None
    clientId: Count | None = None


@tool(returns=Disconnected, toolset="session", effect=Effect.SESSION)
class Disconnect(ToolRequest):
    """Disconnect the shared session, for every client, until ibkr_connect. Orders at IBKR stay as they are."""


@tool(returns=SessionStatus, toolset="session", composed=True, deadline_s=5, relieves=True)
class GetStatus(ToolRequest):
    """Whether the session is ready, and if not, why and what to do. Always answers, also when the gateway, the worker
    or Redis is missing. Ask this first when another tool fails."""
