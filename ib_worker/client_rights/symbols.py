"""The symbols of a call's contracts, against those that its client has a right to."""

from collections.abc import Awaitable, Callable, Iterator

import ib_async

from bridge.bus.identity.rights import Rights
from bridge.text.contract_name import bare_name
from bridge.tool import ToolError, ToolRequest
from bridge.tools.events import OF_A_CONTRACT, WaitCondition
from bridge.tools.market.options import OptionArguments, UnderlyingArguments
from bridge.tools.types import ContractArguments
from ib_worker.client_rights.current import current_rights

Resolve = Callable[[ContractArguments], Awaitable[ib_async.Contract]]


async def require_own_symbols(request: ToolRequest, resolve: Resolve) -> None:
    """Check every contract that the arguments name. Raises ToolError forbidden, or that of a contract that is not known
    by its symbol."""
    rights = current_rights()
    if not rights.symbols:
        return
    for each in named_contracts(request):
        if isinstance(each, str):
            require_own_symbol(each)
        else:
            require_own_symbol(await _symbol(each, resolve))


def require_own_symbol(symbol: str) -> None:
    """Raise ToolError forbidden for an underlying that the client of this call has no right to."""
    rights = current_rights()
    if rights.symbols and not _has(rights, symbol):
        raise ToolError(
            "forbidden",
            f"symbol: your token has no right to {symbol}. It has a right to {', '.join(sorted(rights.symbols))}. The "
            "operator can change that.",
            symbols=sorted(rights.symbols),
        )


def named_contracts(request: ToolRequest) -> Iterator[ContractArguments | str]:
    """Return the contracts that a request's arguments name, and the symbols of underlyings that stand alone."""
    if isinstance(request, ContractArguments):
        yield request
    elif isinstance(request, (UnderlyingArguments, OptionArguments)):
        yield request.symbol
    elif isinstance(request, WaitCondition):
        if request.event in OF_A_CONTRACT:
            yield request.contract()
    else:
        for name in type(request).model_fields:
            value = getattr(request, name)
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, ToolRequest):
                    yield from named_contracts(each)


async def _symbol(asked: ContractArguments, resolve: Resolve) -> str:
    """Return the contract's symbol as TWS has it; the given one where several contracts have it."""
    try:
        return (await resolve(asked)).symbol
    except ToolError:
        if not asked.symbol or (asked.conId or asked.localSymbol or asked.secId):
            raise
        return asked.symbol


def _has(rights: Rights, symbol: str) -> bool:
    """Compare as people write symbols: BRK.B is TWS's `BRK B`."""
    return bare_name(symbol) in {bare_name(each) for each in rights.symbols}
