"""A front with one more tool, which does nothing: what a call costs before we have done anything."""

import uvloop

from bridge.bus.client.client import BusClient
from mcp_front.__main__ import assemble, front_id, serve
from mcp_front.logging_setup import configure_logs
from mcp_front.settings import load_settings
from mcp_front.tools.known_tools import KnownTools

NOOP = "noop"


def main() -> None:
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    bus_client = BusClient(settings.redis_url, settings.ibkr_session, front_id())
    front = assemble(settings, bus_client)
    front.mcp.tool(noop, name=NOOP)
    known = next(each for each in front.mcp.middleware if isinstance(each, KnownTools))
    known.offered.append(NOOP)
    uvloop.run(serve(settings, bus_client, front))


async def noop() -> str:
    """Does nothing."""
    return "ok"


if __name__ == "__main__":
    main()
