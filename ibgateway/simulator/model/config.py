"""The settings of a simulator, and its gateway's identity; imports nothing that takes time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

START = 1749652200.0  # Wednesday 2025-06-11 10:30:00 US/Eastern, in an open session
START_NOTICES = (
    (2104, "Market data farm connection is OK:simulator"),  # no real gateway has it: so a client can tell
    (2104, "Market data farm connection is OK:usfarm.nj"),
    (2104, "Market data farm connection is OK:usfuture"),
    (2104, "Market data farm connection is OK:cashfarm"),
    (2104, "Market data farm connection is OK:usfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefil"),
)
LINK_LOST = (1100, "Connectivity between IBKR and Trader Workstation has been lost.")


@dataclass
class Identity:
    """A gateway's own settings, such as its time zone; faults change them."""

    zone: str = "US/Eastern"
    zone_name: str = "US/Eastern"  # a gateway on Windows says "Central European Standard Time"
    masterClientId: int | None = None  # sees every client's orders
    readOnly: bool = False
    bindManualOrders: bool = False  # asked for by client 0
    entitlement: str = "live"  # or delayed, or none: what market data the login may see
    competing: bool = False  # the same user is logged in elsewhere
    nextOrderId: int | None = None  # what nextValidId says, where it is not what the world counts
    orderIdShift: int = 0
    announcedVersion: int | None = None  # in the handshake, where it is not what was agreed on
    notices: tuple[tuple[int, str], ...] = START_NOTICES
    linked: bool = True  # to IBKR's servers: who comes while it is not is told that, and of no farm


@dataclass(frozen=True)
class SimulatorConfig:
    """The settings of `python -m ibgateway.simulator`."""

    host: str = "127.0.0.1"
    ports: tuple[int, ...] = (0,)  # 0 is any free port
    seed: int = 1
    start: float = START
    time_factor: float = 1.0
    accounts: tuple[str, ...] = ("DU1234567",)
    data: Path | None = None
    first_perm_id: int | None = None  # the seed's own where it is not said
    journal: Path | None = None  # a file that every frame is added to, a line of JSON each
    faults: str = ""  # a script, see ibgateway.simulator.faults
    control_port: int | None = None
    strict: bool = False  # a frame with fields missing is refused and ends the connection
    base_currency: str = "USD"  # of every account
    price_levels: str = "recorded"  # or "2025": recorded series scaled to what the symbols cost then
    identity: Identity = field(default_factory=Identity)
