"""The handler of the search for contracts."""

from collections.abc import Iterable

import ib_async

from bridge.text.contract_forms import share_class
from bridge.text.security_ids import security_id_type
from bridge.tool import ToolError
from bridge.tools.market.search import SearchSymbols, SymbolTable
from bridge.tools.types import Cell
from ib_worker.handlers.dispatch import handles
from ib_worker.market_data.contracts import NOT_FOUND, once_each
from ib_worker.pacing.message_pacer import Priority
from ib_worker.session.session import Session
from ib_worker.tws.errors import TwsError
from ib_worker.tws.values import convert
from ib_worker.tws.values.text import message

COLUMNS = ("conId", "symbol", "secType", "primaryExchange", "currency", "name", "derivatives")
OFTEN_EQUAL = ("secType", "currency")
MOST_OF_TWS = 16  # rows that TWS tells of one search
NUMBERED = ("STK", "BOND", "FUND")  # types that are looked up by ISIN and CUSIP, one after the other

Row = dict[str, Cell]


@handles(SearchSymbols)
async def search_symbols(request: SearchSymbols, session: Session) -> SymbolTable:
    kind = security_id_type(request.pattern)
    if kind is not None:
        rows, age_s = await _by_number(session, kind, request), 0.0
    else:
        found, age_s = await session.symbols.matching(share_class(request.pattern) or request.pattern)
        rows = [_described(each) for each in found if each.contract is not None]
    fitting = [row for row in rows if request.secType is None or _has(row, request.secType)]
    if not fitting:
        raise _nothing(rows)
    return _table(request, session, fitting, age_s, whole=kind is not None or len(rows) < MOST_OF_TWS)


async def _by_number(session: Session, kind: str, request: SearchSymbols) -> list[Row]:
    """The listings of a security in every currency, each once."""
    for secType in (request.secType,) if request.secType else NUMBERED:
        wanted = ib_async.Contract(secType=secType, secIdType=kind, secId=request.pattern.strip().upper())
        try:
            found = await session.tws.contract_details(wanted, Priority.READS)
        except TwsError as refused:
            if refused.code != NOT_FOUND:
                raise
            continue
        return [_of_details(each) for each in once_each(found) if each.contract is not None]
    return []


def _described(found: ib_async.ContractDescription) -> Row:
    contract = found.contract or ib_async.Contract()
    return _row(contract, contract.description, found.derivativeSecTypes)


def _of_details(found: ib_async.ContractDetails) -> Row:
    return _row(found.contract or ib_async.Contract(), found.longName, ())


def _row(contract: ib_async.Contract, name: str, derivatives: Iterable[str]) -> Row:
    return {
        "conId": contract.conId if contract.conId > 0 else None,  # an issuer of bonds has none
        "symbol": contract.symbol,
        "secType": contract.secType,
        "primaryExchange": convert.text(contract.primaryExchange or contract.exchange),
        "currency": convert.text(contract.currency),
        "name": convert.text(message(name)),
        "derivatives": ",".join(derivatives) or None,
    }


def _has(row: Row, secType: str) -> bool:
    return row["secType"] == secType or secType in str(row["derivatives"] or "").split(",")


def _nothing(rows: list[Row]) -> ToolError:
    if rows:
        types = ", ".join(sorted({str(row["secType"]) for row in rows}))
        return ToolError("not_found", f"secType: {len(rows)} contracts match, of type {types}. Leave secType out.")
    return ToolError(
        "not_found",
        "pattern: TWS knows no such symbol, name or number. Give the beginning of the symbol, or one word of the name; "
        "a currency pair or a future is found by ibkr_get_contract_details, such as EUR/USD or ES SEP26.",
    )


def _table(request: SearchSymbols, session: Session, rows: list[Row], age_s: float, *, whole: bool) -> SymbolTable:
    shown = rows[: request.limit]
    same = {name: shown[0][name] for name in OFTEN_EQUAL if len({row[name] for row in shown}) == 1}
    if not any(row["derivatives"] for row in shown):
        same["derivatives"] = None
    columns = [name for name in COLUMNS if name not in same]
    cut = len(rows) > len(shown)
    more = f"Give limit {len(rows)}." if cut else f"TWS tells {MOST_OF_TWS} at most: give a longer pattern."
    return SymbolTable(
        count=len(rows),
        truncated=cut or not whole,
        simulated=session.simulated,
        time=session.now(),
        age_s=round(age_s, 1),
        next=more if cut or not whole else None,
        same=same,
        columns=columns,
        rows=[[row[name] for name in columns] for row in shown],
    )
