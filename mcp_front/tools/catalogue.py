"""The tools that this front offers, and the hints that an MCP client reads beside each."""

from collections.abc import Iterable

from mcp_types import ToolAnnotations

from bridge.tool import TOOLS, Effect, ToolSpec
from bridge.tools import account, account_history, events, orders, portfolio, previews, streams
from bridge.tools import order_queries as blotter
from bridge.tools import session as gateway
from bridge.tools.market import (
    charts,
    contracts,
    depth,
    history,
    market_data,
    news,
    options,
    performance,
    quotes,
    scanners,
    search,
)
from bridge.toolsets import ALL, chosen_toolsets

DOMAINS = (
    gateway,
    contracts,
    search,
    quotes,
    options,
    depth,
    market_data,
    history,
    performance,
    account,
    portfolio,
    account_history,
    charts,
    orders,
    previews,
    blotter,
    events,
    streams,
    scanners,
    news,
)  # importing one registers its tools

# Every tool speaks with a broker and a market (open world). A session change ends or moves what all clients share, and
# doing it twice changes nothing more; a write may trade, and a second call without the key may trade again.
HINTS: dict[Effect, ToolAnnotations] = {
    Effect.READ: ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
    ),
    Effect.OWN: ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
    ),
    Effect.SESSION: ToolAnnotations(
        read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
    ),
    Effect.WRITE: ToolAnnotations(
        read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
    ),
    Effect.HALT: ToolAnnotations(
        read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
    ),
}


def offered_tools(toolsets: Iterable[str] = (ALL,)) -> list[ToolSpec]:
    """The tools of the toolsets that FRONT_TOOLSETS names, in the order of DOMAINS and of declaration.

    Raises ValueError for a name that is no toolset.
    """
    tools = [each for domain in DOMAINS for each in TOOLS.values() if each.request.__module__ == domain.__name__]
    chosen = chosen_toolsets(toolsets)
    return [declared for declared in tools if declared.toolset in chosen]
