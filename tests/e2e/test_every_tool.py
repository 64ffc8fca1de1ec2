"""Every tool in every case: its happy path, bad input, no permission, no data, and a bound that is checked first.

A new tool without its cells, in its own test or in `cells.py`, fails here. `test_missing.py` has the cases in which a
part of the stack is away, for every tool.
"""

import asyncio
import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from bridge.tool import TOOLS, ToolSpec
from ibgateway.simulator.model.config import Identity, SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from mcp_front.protocol.results import ERROR_META
from mcp_front.tools.catalogue import offered_tools
from tests.e2e import cells as tables
from tests.e2e.cells import FAULTS, Cell, Exempt, own_cells
from tests.examples.__main__ import RECORDED, examples
from tests.stacks.front import RawClient, serving
from tests.stacks.whole import whole_stack
from tests.stacks.worker import caller, worker

OFFERED = offered_tools()
OWN = own_cells({declared.name for declared in OFFERED} - set(tables.BOUND))
NO_PERMISSION = tables.NO_PERMISSION | {name: own.permission for name, own in OWN.items()}
NO_DATA = tables.NO_DATA | {name: own.data for name, own in OWN.items()}
BOUND = tables.BOUND | {name: own.bound for name, own in OWN.items()}
AT_ONCE = 6  # calls


@pytest.mark.parametrize("cells", [NO_PERMISSION, NO_DATA, BOUND], ids=["permission", "data", "bound"])
def test_every_tool_has_its_cell_or_a_reason(cells: dict[str, Cell | Exempt]) -> None:
    assert set(cells) == {declared.name for declared in OFFERED}
    for declared in OFFERED:
        cell = cells[declared.name]
        assert isinstance(cell, Exempt) or set(cell.arguments) <= set(declared.request.model_fields), declared.name


@pytest.mark.timeout(120)
async def test_happy_path(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        found = await examples(stack.front.raw())

    assert set(found) == {declared.tool_name for declared in OFFERED}
    for tool, example in found.items():
        jsonschema.validate(example["answer"], TOOLS[tool].output_schema())


async def test_bad_input_is_refused_by_name_and_reaches_no_worker(redis_url: str, session: str) -> None:
    """Tools that reduce risk are never refused for their form: `test_risk_reduction_is_never_refused.py` has them."""
    async with serving(redis_url, session) as front:
        bad = {each.name: Cell("invalid_arguments", {"nonsense": 1}) for each in OFFERED if not each.relieves}
        assert await outcomes(front.raw(), bad) == dict.fromkeys(bad, "invalid_arguments")


async def test_a_bound_is_checked_before_anything_is_asked(redis_url: str, session: str) -> None:
    async with serving(redis_url, session) as front:
        assert await outcomes(front.raw(), BOUND) == expected(BOUND)


@pytest.mark.timeout(120)
async def test_no_permission_of_tws(redis_url: str, session: str) -> None:
    config = SimulatorConfig(identity=Identity(readOnly=True))
    async with (
        Simulator(config) as sim,
        worker(redis_url, session, sim.port),
        serving(redis_url, session) as front,
        caller(redis_url, session) as other,
    ):
        await other.reaches("ready")
        for fault in FAULTS:
            sim.fault(fault)
        assert await outcomes(front.raw(), NO_PERMISSION) == expected(NO_PERMISSION)


@pytest.mark.timeout(120)
async def test_no_data(redis_url: str, session: str) -> None:
    async with whole_stack(redis_url, session) as stack:
        assert await outcomes(stack.front.raw(), NO_DATA) == expected(NO_DATA)


def expected(cells: dict[str, Any]) -> dict[str, str]:
    return {name: cell.outcome for name, cell in cells.items() if isinstance(cell, Cell)}


async def outcomes(client: RawClient, cells: dict[str, Any]) -> dict[str, str]:
    """Return the outcome of each cell that applies, in the words of its cell."""
    places = asyncio.Semaphore(AT_ONCE)

    async def outcome(name: str, cell: Cell) -> tuple[str, str]:
        declared = next(each for each in OFFERED if each.name == name)
        async with places, asyncio.timeout(30):
            result = await client.call(declared.tool_name, **arguments(declared, cell))
        return name, told(result, cell)

    return dict(await asyncio.gather(*(outcome(name, cell) for name, cell in cells.items() if isinstance(cell, Cell))))


def arguments(declared: ToolSpec, cell: Cell) -> dict[str, Any]:
    recorded = json.loads((RECORDED / f"{declared.tool_name}.json").read_text(encoding="utf-8"))
    whole: dict[str, Any] = recorded["arguments"] | cell.arguments
    return whole


def told(result: dict[str, Any], cell: Cell) -> str:
    if result.get("isError"):
        code: str = result["_meta"][ERROR_META]["code"]
        return code
    field = cell.outcome.partition("=")[0]
    content = result["structuredContent"]
    return f"{field}={json.dumps(content[field])}" if field in content else f"answered: {json.dumps(content)[:120]}"
