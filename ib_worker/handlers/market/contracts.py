"""Handlers about contracts."""

import asyncio
from dataclasses import replace

import ib_async

from bridge.tools.market.contracts import ContractDetails, GetContractDetails, PriceIncrement
from ib_worker.answers.bounds import kept
from ib_worker.answers.shapes import ListSource
from ib_worker.handlers.dispatch import handles
from ib_worker.market_data.contracts import Found, details_of_symbol, routed
from ib_worker.pacing.message_pacer import Priority
from ib_worker.pre_trade.price_rules import Rule, rule_id, rule_of
from ib_worker.session.session import Session
from ib_worker.tws.values import convert

MOST_RULES = 8  # market rules that one answer asks TWS for; contracts of one kind share one


@handles(GetContractDetails)
async def get_contract_details(request: GetContractDetails, session: Session) -> ListSource[list[ContractDetails]]:
    found = await details_of_symbol(session.contracts, request, session.now())
    rows = kept("get_contract_details", found, request)
    if request.format == "summary" or not (request.fields is None or "priceIncrements" in request.fields):
        return ListSource(rows, convert.details, of=len(found))
    rules = await _rules(session, request, rows)
    if not all(rules.values()):  # an answer is kept with its rows: one that lacks a rule must not be
        copies = [replace(row) for row in rows]
        rules = {id(copy): rules.get(id(row), ()) for row, copy in zip(rows, copies, strict=True)}
        rows = copies

    def detailed(row: ib_async.ContractDetails) -> ContractDetails:
        told = [PriceIncrement(lowEdge=lowEdge, increment=increment) for lowEdge, increment in rules.get(id(row), ())]
        return convert.details(row).model_copy(update={"priceIncrements": told or None})

    return ListSource(rows, detailed, of=len(found))


async def _rules(session: Session, request: GetContractDetails, rows: Found) -> dict[int, Rule]:
    """Return by row the market rule of the exchange that its orders go to, () where TWS does not tell it."""
    places = {id(row): (row, routed(row, request).exchange) for row in rows}
    ids = {key: rule_id(*place) for key, place in places.items()}
    first = {ruleId: key for key, ruleId in reversed(ids.items()) if ruleId is not None}
    wanted = list(first)[-MOST_RULES:]
    told = await asyncio.gather(*(rule_of(session, *places[first[each]], Priority.READS) for each in wanted))
    rules = dict(zip(wanted, told, strict=True))
    return {key: rules.get(ruleId, ()) for key, ruleId in ids.items() if ruleId is not None}
