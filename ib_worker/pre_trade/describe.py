"""Describes orders in plain words, for clients and people. Pure."""

from collections.abc import Sequence

import ib_async

from bridge.redaction import mask_accounts
from bridge.text.contract_name import contract_name
from bridge.text.numbers import digits
from bridge.tools.order_terms import AUX_PRICE, LMT_PRICE
from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.risk.limit_settings import variable
from ib_worker.risk.limits import only_reduces_position
from ib_worker.risk.position_effect import position_effect, warnings
from ib_worker.risk.short_options import known_count
from ib_worker.risk.worth import known_worth
from ib_worker.tws.values import unset

MONEY = {True: "SIMULATED, no real money", False: "LIVE, real money"}  # by the gateway's own word that it simulates
# Which order types have which price: TWS tells a 0 or its unset value for the others.
PRICES = (("lmtPrice", LMT_PRICE), ("auxPrice", AUX_PRICE), ("trailingPercent", ("TRAIL",)))


def describe_order(intent: OrderIntent, contract: ib_async.Contract, order: ib_async.Order) -> str:
    """Return the order in one plain line."""
    return f"{_what(intent, contract)} as {_how(order)}, account {order.account}{_model(order)}"


def approval_text(
    intent: OrderIntent,
    facts: RiskInputs,
    contract: ib_async.Contract,
    order: ib_async.Order,
    changes: int | None = None,
    exits: Sequence[ib_async.Order] = (),
    collar: float | None = None,
    simulated: bool = False,
) -> str:
    """Return the approval text: all that decides the order's effect and worth, with a masked account. `simulated`: the
    connected gateway has said that it is a simulator."""
    act = "Place" if changes is None else f"Change order {changes} to"
    parts = [f"{MONEY[simulated]}. {act}: {_what(intent, contract)} ({named(contract)}) as {_how(order)}"]
    parts += [f"with an exit {each.action} as {_how(each)}" for each in exits]
    parts.append(f"account {mask_accounts(order.account)}{_model(order)}")
    text = ", ".join(parts)
    return " ".join([f"{text}.", _worth(intent, facts, collar), *_effects(intent, facts)])


def named(contract: ib_async.Contract) -> str:
    """The contract without a doubt, in one line of printable characters."""
    told = (
        contract.exchange,
        contract.primaryExchange,
        contract.currency,
        contract.lastTradeDateOrContractMonth,
        digits(contract.strike) if contract.strike else "",
        contract.right,
        f"x{contract.multiplier}" if contract.multiplier else "",
    )
    words = [" ".join("".join(filter(str.isprintable, each)).split()) for each in told if each]
    return " ".join([*words, f"conId {contract.conId}"])


def _what(intent: OrderIntent, contract: ib_async.Contract) -> str:
    terms = f" ({intent.described})" if intent.described else ""
    return f"{intent.action} {intent.totalQuantity.normalize():f} {contract_name(contract)}{terms}"


def _model(order: ib_async.Order) -> str:
    return f" model {order.modelCode}" if order.modelCode else ""


def _how(order: ib_async.Order) -> str:
    told = [
        f"{name} {digits(value)}"
        for name, types in PRICES
        if order.orderType in types and (value := unset.order_price(name, order)) is not None
    ]
    when = ["outside regular hours too"] if order.outsideRth else []
    return ", ".join([order.orderType, *told, order.tif or "DAY", *when])


def _effects(intent: OrderIntent, facts: RiskInputs) -> list[str]:
    only = " It only reduces the position." if only_reduces_position(intent, facts) else ""
    rest = (each[:1].upper() + each[1:] + "." for each in [*short_text(intent, facts), *warnings(intent, facts)])
    return [f"It {position_effect(intent, facts)}.{only}", *rest]


def _worth(intent: OrderIntent, facts: RiskInputs, collar: float | None) -> str:
    quoted = "/".join("-" if price is None else digits(price) for price in (facts.bid, facts.ask, facts.last))
    return f"{worth_text(intent, facts, collar)} (bid/ask/last {quoted})."


def short_text(intent: OrderIntent, facts: RiskInputs) -> list[str]:
    """Return, in words, the possible loss of short options, which their premium does not show."""
    found = known_count(intent, facts)
    if found is None:
        return []
    counted = f"with it and the open orders, the short options on {intent.symbol} count {found:,.2f} {facts.base}"
    return [f"{counted} against {variable('max_short_option_value')}, whatever their premium"]


def worth_text(intent: OrderIntent, facts: RiskInputs, collar: float | None) -> str:
    """Return the order's worth in the account's base currency, in words, and whether it is an estimate."""
    found = known_worth(intent, facts, collar)
    if found is None:
        return "Its worth is not known: there is no fresh quote, or no rate of exchange"
    if found.estimate:
        return f"Worth about {found}, an estimate from the last close"
    if found.bounded:
        return f"Worth at most about {found}"
    return f"Worth {found} by the quote, with no bound: at the market" if intent.lmtPrice is None else f"Worth {found}"
