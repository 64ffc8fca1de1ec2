"""A contract is its client's by the symbol that TWS has for it, however the call names it."""

from collections.abc import Mapping

import ib_async
import pytest

from bridge.bus.identity.clients import Client
from bridge.bus.identity.rights import Rights
from bridge.tool import ToolError, ToolRequest
from bridge.tools.account import GetPositions
from bridge.tools.events import CreateAlert
from bridge.tools.market.options import GetOptionChain
from bridge.tools.market.quotes import GetQuotes
from bridge.tools.types import ContractArguments
from ib_worker.client_rights.current import acting_as
from ib_worker.client_rights.symbols import named_contracts, require_own_symbols

CLIENT = Client("claude", Rights(symbols=frozenset({"BRK B", "ES"})))
KNOWN: Mapping[object, str] = {265598: "AAPL", 72063691: "BRK B", "ESZ6": "ES"}


async def resolve(asked: ContractArguments) -> ib_async.Contract:
    """TWS, which knows three contracts."""
    name = asked.conId or asked.localSymbol
    if name not in KNOWN:
        raise ToolError("not_found", "no such contract")
    return ib_async.Contract(symbol=KNOWN[name])


async def is_own(request: ToolRequest) -> bool:
    with acting_as(CLIENT):
        try:
            await require_own_symbols(request, resolve)
        except ToolError:
            return False
    return True


@pytest.mark.parametrize(
    ("arguments", "own"),
    [
        ({"conId": 72063691}, True),
        ({"conId": 265598}, False),
        ({"conId": 1}, False),
        ({"localSymbol": "ESZ6"}, True),
        ({"symbol": "BRK.B"}, True),
        ({"symbol": "ES", "secType": "FUT"}, True),
        ({"symbol": "AAPL"}, False),
        ({"symbol": "ES", "conId": 265598}, False),
        ({"symbol": "ES", "conId": 1}, False),
    ],
)
async def test_a_contract_is_known_by_its_symbol_at_tws(arguments: dict[str, object], own: bool) -> None:
    assert await is_own(ContractArguments.model_validate(arguments)) is own


async def test_lists_conditions_and_underlyings_are_looked_into() -> None:
    price = {"event": "price", "symbol": "AAPL", "above": 1}
    alert = CreateAlert.model_validate({"events": [{"event": "halt"}, price]})
    quotes = GetQuotes.model_validate({"contracts": ["ES", "AAPL"]})

    assert not await is_own(alert)
    assert not await is_own(quotes)
    assert not await is_own(GetOptionChain(symbol="AAPL"))
    assert await is_own(GetPositions(symbol="AAPL"))  # of an account, not of the market
    assert len(list(named_contracts(quotes))) == 2
