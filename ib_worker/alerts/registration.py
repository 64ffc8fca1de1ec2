"""From the conditions that a client gives to a watch: contracts and accounts by name become the ones that are meant."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import ib_async
import msgspec

from bridge.bus.events.watches import Mark, Watch, WatchMode
from bridge.tools.events import OF_A_CONTRACT, WaitCondition
from ib_worker.alerts.clocks import due_mark, milliseconds
from ib_worker.market_data.contracts import contract_of_symbol
from ib_worker.session.session import Session, utcnow
from ib_worker.tws.values import convert

FIRST_PRICE_S = 3.0  # TWS sends the first prices within a second, and its refusals as well
FIGURES_OF_AN_ACCOUNT = frozenset({"daily_pnl", "position_pnl", "account_value"})


async def new_watch(
    session: Session, id: str, principal: str, mode: WatchMode, asked: Sequence[WaitCondition], **more: Any
) -> Watch:
    """Return the watch, not kept yet. Raises ToolError for what is not there, and while the session can't tell."""
    known = [await _resolved(session, each) for each in asked]
    return Watch(
        id=id,
        principal=principal,
        mode=mode,
        conditions=[msgspec.json.decode(each.model_dump_json(exclude_none=True)) for each, _ in known],
        created_ms=milliseconds(utcnow()),
        marks=[mark for _, mark in known],
        **more,
    )


async def _resolved(session: Session, condition: WaitCondition) -> tuple[WaitCondition, Mark]:
    if condition.event == "time":
        if session.clock.last_read[0] == float("-inf"):
            session.require_ready()  # a simulator's date is not known before
        return condition, due_mark(condition, session)
    if condition.event in FIGURES_OF_AN_ACCOUNT:
        session.require_ready()
        return condition.model_copy(update={"account": session.account(condition.account)}), Mark()
    if condition.event in OF_A_CONTRACT:
        session.require_ready()
        contract = await contract_of_symbol(session.contracts, condition.contract(), session.now())
        if condition.event == "price":
            await _priced(session, contract)
            base = _first_price(session, contract) if condition.changePercent is not None else None
            return condition.model_copy(update={"conId": convert.contract(contract).conId}), Mark(base=base)
        named = convert.contract(contract)
        return condition.model_copy(update={"conId": named.conId}), Mark()
    return condition, Mark()


def _first_price(session: Session, contract: ib_async.Contract) -> float | None:
    """Return the price that a change is measured from, None where no price has come yet."""
    line = session.quotes.known(contract.conId)
    return None if line is None else line.values.level


async def _priced(session: Session, contract: ib_async.Contract) -> None:
    """Open the contract's line. Raises ToolError where there is no room, or TWS gives no data: nothing would fire.
    Outside trading hours there may be no price at all, which is no error."""
    line = await session.quotes.open(contract)
    if not line.quiet:
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_PRICE_S):
                await session.tws.while_connected(line.settled.wait())
    if line.problem is not None:
        raise line.problem
