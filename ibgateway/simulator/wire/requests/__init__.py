"""The clients' requests: one dataclass for each message id. Importing them here fills `layout.LAYOUTS` for `decode`."""

from ibgateway.simulator.wire.encoding.layout import BadFields, UnknownMessage, decode
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

__all__ = [
    "BadFields",
    "UnknownMessage",
    "account",
    "contracts",
    "decode",
    "history",
    "market_data",
    "orders",
    "place_order",
    "research",
    "session",
]
