"""The tools that this front offers, and the hints that an MCP client reads beside each."""

from collections.abc import Iterable

from mcp_types import ToolAnnotations

from bridge.tool import TOOLS, Effect, ToolSpec
from bridge.tools import account, events, orders, previews, streams
from bridge.tools import order_queries as blotter
from bridge.tools import session as gateway
from bridge.tools.market import contracts, market_data, quotes

DOMAINS = (
    gateway,
    contracts,
    quotes,
    market_data,
    account,
    orders,
    previews,
    blotter,
    events,
    streams,
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


def offered_tools(toolsets: Iterable[str] = ()) -> list[ToolSpec]:
    """The tools of the named toolsets, of all where none is named, in the order of DOMAINS and of declaration.

    Raises ValueError for a name that is no toolset.
    """
    tools = [each for domain in DOMAINS for each in TOOLS.values() if each.request.__module__ == domain.__name__]
    wanted = set(toolsets)
    known = list(dict.fromkeys(declared.toolset for declared in tools))
    unknown = wanted - set(known)
    if unknown:
        raise ValueError(f"FRONT_TOOLSETS: no such toolset: {', '.join(sorted(unknown))}. There are {', '.join(known)}")
    return [declared for declared in tools if not wanted or declared.toolset in wanted]
