"""Option calls on a session at the simulator, and the cells of their answers."""

from typing import Any

from bridge.tools.market.options import (
    GetOptionChain,
    GetOptionQuotes,
    OptionChain,
    OptionQuotes,
)
from ib_worker.handlers.market.options import (
    get_option_chain,
    get_option_quotes,
)
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Stand

REQUEST, CANCEL, PLACE, DETAILS, PARAMETERS = 1, 2, 3, 9, 78  # TWS's message ids
JULY = "20250718"
OPTION: dict[str, Any] = {
    "symbol": "SPY", "lastTradeDateOrContractMonth": JULY, "strike": 400, "right": "P", "underPrice": 390,
}  # fmt: skip


async def chain_of(stand: Stand, **arguments: Any) -> OptionChain:
    return await get_option_chain(GetOptionChain(**arguments), stand.session)


async def quotes_of(stand: Stand, **arguments: Any) -> OptionQuotes:
    return await get_option_quotes(GetOptionQuotes(**arguments), stand.session)


def cells(told: OptionQuotes, column: str) -> list[Any]:
    if column in told.same:
        return [told.same[column]] * told.count
    return [row[told.columns.index(column)] for row in told.rows]


def sent(sim: Simulator, message: int) -> int:
    return len(sim.journal.entries("in", message))
