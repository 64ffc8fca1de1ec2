"""The doctor's checks of a running stack, from its containers to its gateway."""

import asyncio

from cli.diagnostics.containers import check_containers
from cli.diagnostics.finding import Finding, Place
from cli.diagnostics.front import check_front
from cli.diagnostics.gateway import check_gateway
from cli.diagnostics.redis import check_redis
from cli.diagnostics.session import check_session


async def examine(place: Place) -> list[Finding]:
    """Everything that can be seen from here; a part that cannot be looked at is a note that says why."""
    found = [*await check_containers(place.project), *await asyncio.to_thread(check_front, place.url)]
    if any(each.part == "front" and each.kind == "fault" for each in found):
        return [*found, *await check_redis(place, {})]
    status, told = await check_session(place)
    found += told
    bus_down = status.get("state") == "bus_down"
    found += await check_redis(place, status, needed=bus_down)
    found += await check_gateway(place, status)
    return found
