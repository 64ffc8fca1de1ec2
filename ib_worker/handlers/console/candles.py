"""The handler of the console's candles."""

import asyncio
from contextlib import suppress

from bridge.text.contract_name import contract_name
from bridge.tools.console.candles import ContractCandles, GetCandles
from bridge.tools.types import ContractArguments
from ib_worker.candles.live_candles import SPANS
from ib_worker.handlers.dispatch import handles
from ib_worker.market_data.contracts import routed
from ib_worker.session.session import Session

FIRST_S = 4.0  # TWS answers within a second or two; what comes later is in the next answer


@handles(GetCandles)
async def get_candles(request: GetCandles, session: Session) -> ContractCandles:
    found = await session.contracts.by_conId(request.conId)
    contract = routed(found, ContractArguments(conId=request.conId))
    series = session.live_candles.look(contract, request.span)
    with suppress(TimeoutError):
        async with asyncio.timeout(FIRST_S):
            await session.tws.while_connected(series.settled.wait())
    session.require_ready()
    now = session.now()
    return ContractCandles(
        conId=request.conId,
        name=contract_name(contract),
        currency=contract.currency or None,
        span=request.span,
        barSizeSetting=SPANS[request.span].barSizeSetting,
        whatToShow=series.whatToShow,
        time=now.replace(microsecond=0),
        age_s=None if series.told is None else max(round((now - series.told).total_seconds()), 0),
        problem=series.problem,
        rows=series.rows,
    )
