"""What clients ask: one dataclass for each message id. Importing them all here fills `layout.LAYOUTS`."""

from ibgateway.simulator.wire.requests import (
    account,
    contracts,
    history,
    market_data,
    orders,
    place_order,
    research,
    session,
)

__all__ = ["account", "contracts", "history", "market_data", "orders", "place_order", "research", "session"]
