"""One handler for each request; importing these modules fills `connection.HANDLERS`."""

from ibgateway.simulator.handlers import (
    account,
    advisor,
    contracts,
    depth,
    history,
    market_data,
    orders,
    research,
    session,
    streams,
)

__all__ = [
    "account",
    "advisor",
    "contracts",
    "depth",
    "history",
    "market_data",
    "orders",
    "research",
    "session",
    "streams",
]
