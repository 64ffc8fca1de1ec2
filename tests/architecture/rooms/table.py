"""All rooms of the product in one table, as tests/test_architecture.py reads them."""

from tests.architecture.rooms import bridge, cli, console, ib_worker, ibgateway, mcp_front


def within(package: str, table: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the table with the package's name before each of its names."""
    return {f"{package}/{room}": {f"{package}/{below}" for below in allowed} for room, allowed in table.items()}


# A room is a folder without subpackages; where a folder has some, each module beside them is listed alone, as
# `world/world.py`. On the right a folder stands for everything below it.
ROOMS = {
    **within("bridge", bridge.ROOMS),
    **within("mcp_front", mcp_front.ROOMS),
    **within("console", console.ROOMS),
    **within("cli", cli.ROOMS),
    **within("ibgateway", ibgateway.ROOMS),
    **within("ib_worker", ib_worker.ROOMS),
}
ROOMED = tuple(sorted({room.split("/")[0] for room in ROOMS}))  # the packages that the table covers
