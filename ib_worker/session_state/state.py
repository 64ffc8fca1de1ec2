"""The session's state, its cause, its time and the fix, and the errors that follow. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from bridge.tool import ToolError
from bridge.tools.session import State

FARM_NEWS = {
    2103: "broken", 2104: "ok", 2105: "broken", 2106: "ok", 2107: "idle", 2108: "idle", 2119: "connecting",
    2157: "broken", 2158: "ok",
}  # fmt: skip
QUOTES_BROKEN = 2103
LINK_LOST = frozenset({1100, 2110})
DATA_LOST = 1101
DATA_KEPT = 1102
CLIENT_ID_IN_USE = 326

_FARM = re.compile(r"(?::|demand\.)\s*(\S+)$")


class StateReason(NamedTuple):
    """The reason why the session is not ready. Its texts may contain {host}, {port}, {clientId} and {detail}."""

    state: State
    code: str  # of the error that calls get meanwhile
    cause: str
    remedy: str


STARTING = StateReason(
    "connecting", "not_ready", "The worker is connecting to {host}:{port}.", "Retry in a few seconds."
)
SYNCING = StateReason(
    "syncing", "not_ready", "Positions, orders and executions are being read.", "Retry in a few seconds."
)
ASKED = StateReason(
    "disconnected", "not_ready", "The session was disconnected on request of {detail}.", "Call ibkr_connect."
)
LENT = StateReason(
    "disconnected",
    "not_ready",
    "The operator has lent the session to a person: {detail}.",
    "It connects by itself then. The operator can take it back earlier at the console.",
)
UNREACHABLE = StateReason(
    "failed",
    "gateway_unreachable",
    "Nothing accepts connections at {host}:{port} ({detail}).",
    "Start TWS or IB Gateway and enable its API, or correct GATEWAY_HOST and GATEWAY_PORT. The worker keeps trying.",
)
CLOSES = StateReason(
    "failed",
    "gateway_unreachable",
    "{host}:{port} accepts connections and closes them at once: the gateway behind it is down or restarting, or does "
    "not trust this address.",
    "A restart takes a minute or two. If this persists, check the gateway and its trusted addresses. The worker "
    "keeps trying.",
)
LOGIN_PENDING = StateReason(
    "login_pending",
    "gateway_login_pending",
    "{host}:{port} is open but silent: the gateway has not finished its login.",
    "Approve the second factor on the phone, or check the gateway's window. The worker keeps trying.",
)
WEEKLY_LOGIN = StateReason(
    "login_pending",
    "gateway_login_pending",
    "{host}:{port} is open but silent: the gateway waits for a login, and IBKR's weekly one is due since Sunday 01:00 "
    "in New York.",
    "Approve the second factor in IBKR Mobile, or log in at the gateway's window. The worker keeps trying.",
)
INCOMPLETE = StateReason(
    "login_pending",
    "gateway_login_pending",
    "{host}:{port} speaks TWS's protocol (server version {detail}) but gives no account or order id.",
    "Check the gateway's window: a dialog may be open there. The worker keeps trying.",
)
ID_IN_USE = StateReason(
    "failed",
    "client_id_in_use",
    "Another program is connected to {host}:{port} with client id {clientId}. This worker never takes another id: two "
    "workers on one session could place an order twice.",
    "End the other program, or wait until the gateway has noticed that an earlier connection is gone.",
)
WRONG_VERSION = StateReason(
    "failed",
    "unsupported_gateway",
    "The gateway at {host}:{port} uses version {detail} of the protocol, which this worker does not support.",
    "Use a release of TWS or IB Gateway from 10.19 on that still supports the text protocol.",
)
WRONG_ACCOUNT = StateReason(
    "failed",
    "wrong_account",
    "TRADING_MODE is paper, but the login at {host}:{port} holds accounts that are not paper accounts: {detail}.",
    "Log the gateway in to the paper account, or set TRADING_MODE=read_only to read this one.",
)
NO_SYNC = StateReason(
    "failed",
    "not_ready",
    "The gateway at {host}:{port} has not sent its {detail}, so they are unknown.",
    "The worker reconnects by itself. If this persists, restart the gateway.",
)
BROKEN = StateReason(
    "connecting",
    "not_ready",
    "The connection to {host}:{port} broke: {detail}.",
    "The worker is reconnecting. Retry in a few seconds.",
)
HALF_OPEN = StateReason(
    "connecting",
    "not_ready",
    "{host}:{port} has stopped answering.",
    "The worker is reconnecting. If this persists, check the gateway.",
)
LINK_DOWN = StateReason(
    "link_down",
    "link_down",
    "The gateway has lost its connection to IBKR's servers ({detail}). Orders at IBKR stay open.",
    "The gateway reconnects by itself, also after IBKR's nightly reset. If not, check its network.",
)
STOPPED = StateReason("disconnected", "not_ready", "The worker was stopped.", "Start the worker again.")


class ConnectFailed(Exception):
    """A connection that failed or was closed."""

    def __init__(self, cause: StateReason, detail: object = "") -> None:
        super().__init__(cause.code)
        self.cause = cause
        self.detail = detail


@dataclass(frozen=True)
class SessionState:
    """The state as of `since`. Without a cause the session is ready."""

    state: State
    since: datetime
    code: str = ""
    cause: str | None = None
    remedy: str | None = None

    @property
    def ready(self) -> bool:
        return self.state == "ready"

    def error(self) -> ToolError:
        """Return the error for a call that needs the session to be ready."""
        return ToolError(
            self.code or "not_ready", f"{self.cause or 'The session is not ready.'} {self.remedy or ''}".strip()
        )


class StateTracker:
    """The current state, and the listener for each new one."""

    def __init__(
        self, host: str, port: int, clientId: int, now: Callable[[], datetime], changed: Callable[[SessionState], None]
    ) -> None:
        self.host, self.port, self.clientId = host, port, clientId
        self._now = now
        self._changed = changed
        self.standing = self._of(STARTING, "")

    def set(self, cause: StateReason, detail: object = "") -> None:
        """Set the state. The same state and cause again is no change: `since` is the time of the first."""
        self._take(self._of(cause, detail))

    def ready(self) -> None:
        self._take(SessionState("ready", self._now()))

    def _of(self, cause: StateReason, detail: object) -> SessionState:
        told = cause.cause.format(host=self.host, port=self.port, clientId=self.clientId, detail=detail)
        return SessionState(cause.state, self._now(), cause.code, told, cause.remedy)

    def _take(self, standing: SessionState) -> None:
        was = self.standing
        if (was.state, was.cause) == (standing.state, standing.cause):
            return
        self.standing = standing
        self._changed(standing)


def farm_of(text: str) -> str:
    """Return the farm that a notice names at its end: "… connection is OK:usfarm", "… available upon demand.usfarm"."""
    found = _FARM.search(text)
    return found[1] if found else text
