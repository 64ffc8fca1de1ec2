"""Tools that connect, disconnect and show the session."""

from datetime import date, datetime
from typing import ClassVar, Literal

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


LimitValue = int | float | str | list[str]


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
    """A problem that does not stop the session, and its fix. `due`: the deadline, if there is one. `account`: the one
    whose orders it is about, if any."""

    what: str
    remedy: str
    due: date | None = None
    account: str | None = None


class SessionStatus(Model):
    """The session's current state. `is_connected` is true only in state ready: reads and orders are then answered.

    `as_of`: when TWS last sent the complete list of each kind (positions, orders …); later changes are included.
    `waiting`: messages queued for TWS. `limits`: those on this client's orders, amounts in the account's base currency.
    `left`: how many more orders they allow on New York's day, and open at once. `farms`: data farms that are not ok.
    All times are by the gateway's clock. `simulated` true: the gateway is a
    simulator, prices and money are invented, and `gateway_time` may lie in the past.
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
    limits: dict[str, LimitValue] = {}
    left: dict[str, int] = {}


@tool(returns=Connected, toolset="session", effect=Effect.SESSION, deadline_s=30)
class Connect(ToolRequest):
    """Connect the shared session to Interactive Brokers' TWS or IB Gateway, after ibkr_disconnect or to retry at once:
    it connects by itself at start-up. Arguments left out are the configured gateway's; other hosts are rejected."""

    title: ClassVar = "connect to Interactive Brokers"
    search_words: ClassVar = "interactive brokers ibkr login reconnect"

    host: Text | None = None
    port: Port | None = None
    clientId: Count | None = None


@tool(returns=Disconnected, toolset="session", effect=Effect.SESSION)
class Disconnect(ToolRequest):
    """Disconnect the shared session, for every client, until ibkr_connect. Orders at IBKR stay unchanged."""

    title: ClassVar = "disconnect from TWS"
    search_words: ClassVar = "log out logout end session"


@tool(returns=SessionStatus, toolset="session", composed=True, deadline_s=5, relieves=True)
class GetStatus(ToolRequest):
    """Return the session's state; if not ready, the cause and the fix. Call this first when another tool fails. as_of:
    last complete lists."""

    title: ClassVar = "connection status"
    search_words: ClassVar = "interactive brokers ibkr is the broker connected online health paper live error"


class ServerTime(Model):
    """The gateway's time. `clock_ahead_s`: against the worker's clock, to the second, as told `age_s` ago."""

    time: datetime
    clock_ahead_s: float
    age_s: float
    simulated: bool


@tool(returns=ServerTime, toolset="research")
class GetServerTime(ToolRequest):
    """Get TWS's current time (UTC), and how far it is ahead of the worker's clock."""

    title: ClassVar = "server time"
    search_words: ClassVar = "what time is it now clock date at the broker"
