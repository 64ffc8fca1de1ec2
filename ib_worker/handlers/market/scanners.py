"""The handlers of the market scanner."""

import asyncio

import ib_async

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from bridge.tools.market.scanners import (
    MOST_PARAMETERS,
    MOST_ROWS,
    GetScannerParameters,
    ParameterKind,
    RunScanner,
    ScannerParameterTable,
    ScannerRows,
)
from bridge.tools.types import Cell
from ib_worker.handlers.dispatch import handles
from ib_worker.research.scanner_parameters import parameters_of, require_parameter
from ib_worker.research.scanner_search import of_words
from ib_worker.session.session import Session
from ib_worker.tws.errors import TwsError
from ib_worker.tws.requests import PendingRequest
from ib_worker.tws.values.text import tws_said, untrusted

SCAN_S = 15.0  # a scan takes TWS a second or two
REFUSED = 162  # also for codes that the scanner does not have
CODES: tuple[ParameterKind, ...] = ("scanCode", "locationCode", "instrument")
COLUMNS = ("rank", "name", "conId", "secType", "exchange", "currency")
OFTEN_EQUAL = ("secType", "exchange", "currency")  # told once where they are the same in all rows
NAME_CHARS = 64

Found = list[tuple[int, ib_async.Contract]]  # rank from 0
Scan = tuple[Found, str | None]  # and what TWS warns of


@handles(GetScannerParameters)
async def get_scanner_parameters(request: GetScannerParameters, session: Session) -> ScannerParameterTable:
    known = await parameters_of(session, request.kind)
    found = of_words(known, request.words or "")
    if not found:
        raise ToolError(
            "not_found",
            f"words: none of TWS's {len(known)} codes of kind {request.kind} has these words. Give fewer or "
            "other words, or another kind.",
        )
    columns = ("code", "name", "takes") if request.kind == "filter" else ("code", "name")
    shown = found[:MOST_PARAMETERS]
    cut = len(found) > len(shown)
    return ScannerParameterTable(
        count=len(shown),
        truncated=cut,
        of=len(found),
        simulated=session.simulated,
        next="Give words, or more of them, for those that match." if cut else None,
        columns=list(columns),
        rows=[[getattr(each, name) for name in columns] for each in shown],
    )


@handles(RunScanner)
async def run_scanner(request: RunScanner, session: Session) -> ScannerRows:
    for each in request.filters or ():
        await require_parameter(session, "filters", "filter", each.partition("=")[0])
    try:
        found, warning = await _scanned(session, request)
    except TwsError as error:
        if error.code == REFUSED:
            await _explain(session, request)
        raise
    session.require_ready()  # a session that broke since then has no ranking to tell
    return _table(request, session, found, warning)


async def _explain(session: Session, request: RunScanner) -> None:
    """Name the code that TWS does not have: its error does not."""
    for kind in CODES:
        await require_parameter(session, kind, kind, getattr(request, kind))


async def _scanned(session: Session, request: RunScanner) -> Scan:
    """Return the scan's first ranking. Every caller gets the longest, so that all share one subscription."""
    subscription = ib_async.ScannerSubscription(
        numberOfRows=MOST_ROWS,
        instrument=request.instrument,
        locationCode=request.locationCode,
        scanCode=request.scanCode,
    )
    filters = [ib_async.TagValue(*each.split("=", 1)) for each in request.filters or ()]
    scan: Scan = await session.tws.one_shot(
        session.scanners,
        (request.instrument, request.locationCode, request.scanCode, *sorted(request.filters or ())),
        (
            lambda wire, reqId: wire.reqScannerSubscription(reqId, subscription, [], filters),
            lambda wire, reqId: wire.cancelScannerSubscription(reqId),
        ),
        _settled,
        patience_s=SCAN_S - 1,
    )
    return scan


async def _settled(pending: PendingRequest) -> Scan:
    async with asyncio.timeout(SCAN_S):
        found: Found = await pending.answer
    return found, " ".join(tws_said(*each) for each in pending.warnings) or None


def _table(request: RunScanner, session: Session, found: Found, warning: str | None) -> ScannerRows:
    rows = [_row(rank, contract) for rank, contract in found[: request.limit]]
    same = {name: rows[0][name] for name in OFTEN_EQUAL if rows and len({row[name] for row in rows}) == 1}
    columns = [name for name in COLUMNS if name not in same]
    return ScannerRows(
        count=len(rows),
        truncated=len(found) > len(rows),
        simulated=session.simulated,
        time=session.now().replace(microsecond=0),
        scanCode=request.scanCode,
        locationCode=request.locationCode,
        warning=warning,
        same=same,
        columns=columns,
        rows=[[row[name] for name in columns] for row in rows],
    )


def _row(rank: int, contract: ib_async.Contract) -> dict[str, Cell]:
    return {
        "rank": rank + 1,
        "name": untrusted(contract_name(contract), NAME_CHARS),
        "conId": contract.conId,
        "secType": contract.secType,
        "exchange": contract.exchange or None,
        "currency": contract.currency or None,
    }
