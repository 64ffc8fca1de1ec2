"""The Protocol of the simulator as its sockets and its control port see it."""

from __future__ import annotations

from typing import Protocol, TypeVar

from ibgateway.simulator.faults import FaultEngine
from ibgateway.simulator.gateway.connection import Connection
from ibgateway.simulator.gateway.gateway import Gateway
from ibgateway.simulator.server.journal import Journal

Socket = TypeVar("Socket")


class Host(Protocol[Socket]):
    """A running simulator: one gateway, and the sockets of its clients."""

    gateway: Gateway
    faults: FaultEngine
    journal: Journal
    sockets: dict[Connection, Socket]
    ports: list[int]
    fragment_size: int | None

    @property
    def now(self) -> float: ...
    def flush(self) -> None: ...
