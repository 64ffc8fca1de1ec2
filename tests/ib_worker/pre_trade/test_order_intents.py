"""An order of TWS as the checks use it, and the digest of its terms."""

import sys
from dataclasses import replace
from decimal import Decimal

import ib_async
import pytest

from bridge.tool import ToolError
from ib_worker.pre_trade.order_intents import intent_of, near_price, terms_digest
from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.risk.limit_settings import Limits
from ib_worker.risk.limits import check

QUOTE = (99.0, 100.0, 99.5)
UNSET = sys.float_info.max
INPUTS = RiskInputs(*QUOTE, 0.0, Decimal(10), Decimal(10), 0, 0.0, base="USD")
CLOSE = OrderIntent("NVDA", "STK", "USD", Decimal(1), "SELL", Decimal(10), "MKT")


@pytest.mark.trial("A1", "A2")
def test_an_order_that_tws_tells_back_without_a_cap_counts_at_the_market() -> None:
    contract = ib_async.Stock("MSFT", "SMART", "USD")
    told = ib_async.Order(action="BUY", totalQuantity=9999, orderType="REL", lmtPrice=0.0, auxPrice=0.01)
    limits = Limits().or_paper_defaults()

    with pytest.raises(ToolError) as refused:
        check(intent_of(contract, told), RiskInputs(*QUOTE, 0.0, Decimal(0), Decimal(0), 0, 0.0, base="USD"), limits)

    assert refused.value.details["limit"] == "max_order_value"
    assert refused.value.details["value"] == pytest.approx(999_900.0)
    unset = replace(told, lmtPrice=UNSET)
    assert terms_digest(contract, told) == terms_digest(contract, unset)  # equal orders, whichever way it is written


def test_the_near_side_of_the_quote_is_where_an_order_trades() -> None:
    assert near_price(CLOSE, INPUTS) == 99.0
    assert near_price(replace(CLOSE, action="BUY"), INPUTS) == 100.0
    assert near_price(CLOSE, replace(INPUTS, bid=None)) == 99.5


def test_an_order_as_the_checks_see_it_has_what_its_contract_tells() -> None:
    bond = ib_async.Contract(symbol="IBCID1", secType="BOND", currency="USD")
    details = ib_async.ContractDetails(contract=bond, cusip="912810TM0", maturity="20530215", minTick=0.001)
    order = ib_async.Order(action="SELL", totalQuantity=2000, orderType="LMT", lmtPrice=98.5, outsideRth=True)

    intent = intent_of(bond, order, details)

    assert (intent.action, intent.totalQuantity, intent.lmtPrice) == ("SELL", Decimal(2000), 98.5)
    assert (intent.minTick, intent.outsideRth) == (0.001, True)
    assert intent.described == "CUSIP 912810TM0, matures 20530215"


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "SELL"},
        {"totalQuantity": 2},
        {"lmtPrice": 99.0},
        {"tif": "GTC"},
        {"account": "DU2"},
        {"modelCode": "Growth"},
    ],
)
def test_orders_of_other_terms_are_not_equal(changes: dict[str, object]) -> None:
    contract = ib_async.Stock("MSFT", "SMART", "USD")
    order = ib_async.Order(action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=100.0, tif="DAY", account="DU1")

    assert terms_digest(contract, order) == terms_digest(contract, replace(order))
    assert terms_digest(contract, order) != terms_digest(contract, replace(order, **changes))  # type: ignore[arg-type]
