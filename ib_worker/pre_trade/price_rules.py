"""Checks an order's prices and quantity by TWS's market rules and the sizes in the contract's details.

A contract's `marketRuleIds` stand in the order of its `validExchanges`, and each rule gives the increment from a price
on. `minTick` alone tells nothing: it is the smallest of them all. Source: IBKR's page on minimum price increments.
What is not known is left to TWS, so that nothing is refused here that TWS would take.
"""

import asyncio
from collections.abc import Iterable
from decimal import Decimal

import ib_async

from bridge.text.contract_name import contract_name
from bridge.tool import ToolError
from bridge.tools.order_terms import AUX_PRICE, OrderTerms
from bridge.tools.orders import ModifyOrder, PlaceBracketOrder
from ib_worker.market_data.contract_agreement import OLD_NAMES
from ib_worker.pacing.message_pacer import Priority
from ib_worker.pre_trade.changes import refused, require_price_sold
from ib_worker.pre_trade.order_facts import details_of
from ib_worker.session.session import Session
from ib_worker.tws.errors import ConnectionLost, TwsError
from ib_worker.tws.values import unset
from ib_worker.tws.values.text import comma_list

Rule = tuple[tuple[float, float], ...]  # from which price on, and its increment, in rising order; () where not known
Named = tuple[str, float | None]  # an argument and its price

RULE_S = 3.0  # TWS answers at once, or never
KEPT_S = 6 * 3600.0
UNKNOWN_KEPT_S = 600.0
OFFSETS = ("TRAIL", "REL")  # whose auxPrice is a distance


def prices_of(request: OrderTerms | PlaceBracketOrder) -> list[Named]:
    """The arguments of an order that are prices in the market."""
    if isinstance(request, OrderTerms):
        is_price = request.orderType in AUX_PRICE and request.orderType not in OFFSETS
        return [("lmtPrice", request.lmtPrice), ("auxPrice", request.auxPrice if is_price else None)]
    return [(name, getattr(request, name)) for name in ("lmtPrice", "takeProfitPrice", "stopLossPrice")]


def prices_of_change(request: ModifyOrder, orderType: str) -> list[Named]:
    return [("lmtPrice", request.lmtPrice), ("auxPrice", None if orderType in OFFSETS else request.auxPrice)]


async def require_takeable(
    session: Session, contract: ib_async.Contract, prices: Iterable[Named], totalQuantity: float | None
) -> None:
    """Raise ToolError invalid_arguments for a price off the increments of its exchange, with the two nearest that TWS
    takes, or for a fraction of what is traded whole."""
    if contract.secType == "BAG":
        return
    named = [(name, price) for name, price in prices if price is not None]
    for name, price in named:
        if name == "lmtPrice":
            require_price_sold(price, contract)
    details = await details_of(session, contract)
    if details is None:
        return
    if totalQuantity is not None:
        require_size(details, contract, totalQuantity)
    rule = await rule_of(session, details, contract.exchange) if named else ()
    for name, price in named:
        require_on_grid(rule, contract, name, price)


async def rule_of(
    session: Session, details: ib_async.ContractDetails, exchange: str, lane: Priority = Priority.ORDERS
) -> Rule:
    """The market rule of a contract on an exchange, () where TWS does not tell it."""
    ruleId = rule_id(details, exchange)
    if ruleId is None:
        return ()
    now = asyncio.get_running_loop().time()
    known = session.caches.market_rules.get(ruleId)
    if known is not None and now < known[0]:
        return known[1]
    try:
        rule: Rule = await session.tws.share_at_length(
            ("market rule", ruleId), lambda: request_rule(session, ruleId, lane)
        )
    except (TwsError, TimeoutError):
        rule = ()
    except ConnectionLost:
        return ()
    session.caches.market_rules[ruleId] = (now + (KEPT_S if rule else UNKNOWN_KEPT_S), rule)
    return rule


async def request_rule(session: Session, ruleId: int, lane: Priority = Priority.ORDERS) -> Rule:
    """Ask TWS for a market rule. Raise RequestRefused, LinkLost or TimeoutError where it gives none."""
    await session.tws.pacer.wait_turn(lane)
    wire = session.tws.require_connection()
    with session.tws.requests.expect(("market rule", ruleId)) as pending:
        wire.reqMarketRule(ruleId)  # type: ignore[no-untyped-call]
        async with asyncio.timeout(RULE_S):
            told: list[ib_async.PriceIncrement] = await pending.answer
    return tuple(sorted((each.lowEdge, each.increment) for each in told if each.increment > 0))


def rule_id(details: ib_async.ContractDetails, exchange: str) -> int | None:
    """The rule of an exchange: the two lists are of one length."""
    exchanges, ids = comma_list(details.validExchanges), comma_list(details.marketRuleIds)
    names = [OLD_NAMES.get(each, each) for each in exchanges]
    wanted = OLD_NAMES.get(exchange, exchange)
    if len(names) != len(ids) or wanted not in names:
        return None
    return int(ids[names.index(wanted)])


def increment_at(rule: Rule, price: float) -> float | None:
    """The increment in the band of a price; bands are of its size, whichever its sign."""
    below = [increment for lowEdge, increment in rule if lowEdge <= abs(price)]
    return below[-1] if below else (rule[0][1] if rule else None)


def neighbours(price: float, increment: float) -> tuple[Decimal, Decimal] | None:
    """The nearest prices below and above, None for a price that is one."""
    exact, step = Decimal(str(price)), Decimal(str(increment))
    steps = exact / step
    if abs(steps - steps.to_integral_value()) < Decimal("1e-6"):  # a price that was worked out in binary
        return None
    below = (steps.to_integral_value("ROUND_FLOOR")) * step
    return below, below + step


def require_on_grid(rule: Rule, contract: ib_async.Contract, name: str, price: float) -> None:
    increment = increment_at(rule, price)
    near = neighbours(price, increment) if increment is not None else None
    if increment is None or near is None:
        return
    takes = [each for each in near if each != 0]
    nearest = f"nearest {'are' if len(takes) > 1 else 'is'} {' and '.join(_plain(each) for each in takes)}"
    raise ToolError(
        "invalid_arguments",
        f"{name}: {_written(price)} lies between two prices. The increment of {contract_name(contract)} is "
        f"{_written(increment)} there on {contract.exchange}; the {nearest}. Nothing was sent.",
        fields=[name],
        increment=increment,
        nearest=[float(each) for each in takes],
    )


def require_size(details: ib_async.ContractDetails, contract: ib_async.Contract, totalQuantity: float) -> None:
    """A fraction must be a multiple of the contract's size increment; whole quantities are TWS's to judge."""
    if float(totalQuantity).is_integer():
        return
    increment = unset.value("contractDetails.positive", details.sizeIncrement)
    if increment is None:
        return
    near = neighbours(totalQuantity, increment)
    if near is None:
        return
    takes = " or ".join(_plain(each) for each in near if each != 0)
    steps = "whole units" if increment == 1 else f"steps of {_written(increment)}"
    raise refused(f"totalQuantity: {contract_name(contract)} is traded in {steps}: give {takes}")


def _written(value: float) -> str:
    """A number in digits, however small: 0.00005."""
    return _plain(Decimal(str(value)))


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
