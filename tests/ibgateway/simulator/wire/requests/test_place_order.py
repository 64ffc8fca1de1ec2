"""placeOrder and its echoes: what a client sends comes back in openOrder and completedOrder, field by field."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from ib_async import (
    ComboLeg,
    Contract,
    DeltaNeutralContract,
    ExecutionCondition,
    MarginCondition,
    Order,
    OrderComboLeg,
    PercentChangeCondition,
    PriceCondition,
    SoftDollarTier,
    Stock,
    TagValue,
    TimeCondition,
    VolumeCondition,
)
from ib_async.util import UNSET_DOUBLE

from ibgateway.simulator.model import contracts as model_contracts
from ibgateway.simulator.model import orders as model_orders
from ibgateway.simulator.model.orders import OpenOrder, OrderState
from ibgateway.simulator.wire import requests
from ibgateway.simulator.wire.messages import order_state
from tests.stacks.ibgateway.ib_async_codec import read_by_ib_async, sent_by_ib_async

AAPL = Stock("AAPL", "SMART", "USD")
COMBO = Contract(symbol="AAPL", secType="BAG", currency="USD", exchange="SMART")
COMBO.comboLegs = [ComboLeg(1, 1, "BUY", "SMART", 1, 2, "loc", -1), ComboLeg(2, 3, "SELL", "CBOE")]
COMBO.deltaNeutralContract = DeltaNeutralContract(265598, 0.5, 201.0)
VERSIONS = [157, *range(159, 179)]  # at 158 ib_async writes a field that it does not read
STATE = OrderState("Submitted")

ORDERS = {
    "market": Order(action="BUY", totalQuantity=1, orderType="MKT"),
    "limit with everything common": Order(
        action="SELL",
        totalQuantity=12.5,
        orderType="LMT",
        lmtPrice=201.25,
        tif="GTD",
        goodTillDate="20250620 16:00:00 US/Eastern",
        goodAfterTime="20250612 10:00:00 US/Eastern",
        ocaGroup="oca1",
        ocaType=2,
        account="DU1",
        orderRef="ref",
        outsideRth=True,
        hidden=True,
        allOrNone=True,
        minQty=5,
        displaySize=10,
        blockOrder=True,
        sweepToFill=True,
        parentId=41,
        triggerMethod=2,
        openClose="O",
        origin=1,
        rule80A="A",
        shortSaleSlot=2,
        designatedLocation="there",
        exemptCode=7,
        discretionaryAmt=0.05,
        percentOffset=0.1,
        settlingFirm="firm",
        modelCode="model",
        clearingAccount="clear",
        clearingIntent="Away",
        notHeld=True,
        optOutSmartRouting=True,
        solicited=True,
        randomizeSize=True,
        randomizePrice=True,
        cashQty=1000.0,
        dontUseAutoPriceForHedge=True,
        isOmsContainer=True,
        discretionaryUpToLimitPrice=True,
        softDollarTier=SoftDollarTier("n", "v", ""),
    ),
    "trailing stop limit, adjustable": Order(
        action="SELL",
        totalQuantity=1,
        orderType="TRAIL LIMIT",
        trailStopPrice=190.0,
        trailingPercent=2.0,
        lmtPriceOffset=0.05,
        adjustedOrderType="STP LMT",
        triggerPrice=195.0,
        adjustedStopPrice=194.0,
        adjustedStopLimitPrice=193.5,
        adjustedTrailingAmount=1.0,
        adjustableTrailingUnit=100,
    ),
    "scale and hedge": Order(
        action="BUY",
        totalQuantity=100,
        orderType="LMT",
        lmtPrice=200.0,
        scaleInitLevelSize=10,
        scaleSubsLevelSize=5,
        scalePriceIncrement=0.25,
        scalePriceAdjustValue=0.01,
        scalePriceAdjustInterval=60,
        scaleProfitOffset=1.0,
        scaleAutoReset=True,
        scaleInitPosition=3,
        scaleInitFillQty=1,
        scaleRandomPercent=True,
        hedgeType="D",
        hedgeParam="0.5",
    ),
    "algo": Order(
        action="BUY",
        totalQuantity=100,
        orderType="MKT",
        algoStrategy="Adaptive",
        algoParams=[TagValue("adaptivePriority", "Normal")],
    ),
    "volatility": Order(
        action="BUY",
        totalQuantity=1,
        orderType="VOL",
        volatility=0.3,
        volatilityType=2,
        deltaNeutralOrderType="LMT",
        deltaNeutralAuxPrice=201.0,
        deltaNeutralConId=265598,
        deltaNeutralSettlingFirm="f",
        deltaNeutralClearingAccount="c",
        deltaNeutralClearingIntent="IB",
        deltaNeutralOpenClose="O",
        deltaNeutralShortSale=True,
        deltaNeutralShortSaleSlot=1,
        deltaNeutralDesignatedLocation="d",
        continuousUpdate=True,
        referencePriceType=1,
        stockRangeLower=190.0,
        stockRangeUpper=210.0,
        startingPrice=1.0,
        stockRefPrice=200.0,
        delta=0.5,
        auctionStrategy=1,
    ),
    "pegged to a benchmark": Order(
        action="BUY",
        totalQuantity=1,
        orderType="PEG BENCH",
        referenceContractId=756733,
        isPeggedChangeAmountDecrease=True,
        peggedChangeAmount=0.1,
        referenceChangeAmount=0.2,
        referenceExchangeId="ARCA",
    ),
    "conditions of every kind": Order(
        action="BUY",
        totalQuantity=1,
        orderType="LMT",
        lmtPrice=1.0,
        conditions=[
            PriceCondition(1, "a", True, 200.5, 265598, "SMART", 2),
            TimeCondition(3, "o", False, "20250611 12:00:00 US/Eastern"),
            MarginCondition(4, "a", True, 30),
            ExecutionCondition(5, "o", "STK", "SMART", "AAPL"),
            VolumeCondition(6, "a", True, 1000, 265598, "SMART"),
            PercentChangeCondition(7, "a", False, 2.5, 265598, "SMART"),
        ],
        conditionsIgnoreRth=True,
        conditionsCancelOrder=True,
    ),
}

# Not echoed by openOrder, or not in the way in which they are sent.
SILENT = {"orderId", "clientId", "permId", "conditions", "softDollarTier", "whatIf", "faProfile", "ocaType"}
SILENT |= {"filledQuantity", "refFuturesConId", "shareholder", "parentPermId", "rule80A", "usePriceMgmtAlgo"}
SILENT |= {"displaySize", "clearingIntent", "lmtPrice", "auxPrice", "deltaNeutralOrderType", "deltaNeutralOpenClose"}
SILENT |= {"adjustedOrderType", "cashQty", "volatilityType", "referencePriceType", "algoParams", "transmit"}
SILENT |= {"scaleTable", "activeStartTime", "activeStopTime", "eTradeOnly", "firmQuoteOnly", "orderComboLegs"}


def placed(version: int, contract: Contract, order: Order) -> tuple[model_contracts.Contract, model_orders.Order]:
    read = requests.decode(sent_by_ib_async(version, "placeOrder", 42, contract, order), version)
    assert read.orderId == 42
    found: tuple[model_contracts.Contract, model_orders.Order] = read.placed
    return found


def echoed(version: int, contract: model_contracts.Contract, order: model_orders.Order) -> tuple[Contract, Order, Any]:
    shown = OpenOrder(1, 42, 9001, contract, order, STATE)
    ((name, (orderId, read_contract, read_order, state)),) = read_by_ib_async(
        version, order_state.open_order(version, shown)
    )
    assert (name, orderId) == ("openOrder", 42)
    return read_contract, read_order, state


def told(order: Order, silent: set[str]) -> dict[str, Any]:
    names = [one.name for one in fields(Order) if one.name not in silent]
    return {name: UNSET_DOUBLE if (value := getattr(order, name)) is None else value for name in names}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ORDERS)
def test_what_ib_async_sends_comes_back_in_open_order(kind: str, version: int) -> None:
    order = ORDERS[kind]
    _, read = placed(version, AAPL, order)

    _, back, _ = echoed(version, model_contracts.Contract(symbol="AAPL", secType="STK"), read)

    assert told(back, SILENT) == told(order, SILENT)
    assert back.lmtPrice == (0.0 if order.lmtPrice == UNSET_DOUBLE else order.lmtPrice)
    assert [vars(one) for one in back.conditions] == [vars(one) for one in order.conditions]
    assert list(back.algoParams or []) == list(order.algoParams or [])
    assert (back.cashQty or UNSET_DOUBLE) == order.cashQty


@pytest.mark.parametrize("version", [157, 170, 178])
def test_a_combo_comes_back_with_its_legs_and_prices(version: int) -> None:
    order = Order(action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=-1.5)
    order.orderComboLegs = [OrderComboLeg(1.0), OrderComboLeg(UNSET_DOUBLE)]
    order.smartComboRoutingParams = [TagValue("NonGuaranteed", "1")]

    contract, read = placed(version, COMBO, order)
    back_contract, back, _ = echoed(version, contract, read)

    assert contract.comboLegs[0] == model_contracts.ComboLeg(1, 1, "BUY", "SMART", 1, 2, "loc", -1)
    assert [vars(one) for one in back_contract.comboLegs] == [vars(one) for one in COMBO.comboLegs]
    assert back_contract.deltaNeutralContract == COMBO.deltaNeutralContract
    assert [one.price for one in back.orderComboLegs] == [1.0, UNSET_DOUBLE]
    assert back.smartComboRoutingParams == order.smartComboRoutingParams


def test_pegs_to_the_midpoint_on_ibkrats_carry_their_offsets() -> None:
    order = Order(action="BUY", totalQuantity=1, orderType="PEG BEST", minTradeQty=10, minCompeteSize=5)
    order.competeAgainstBestOffset = math.inf
    order.midOffsetAtWhole, order.midOffsetAtHalf = 0.01, 0.005

    _, read = placed(178, Contract(symbol="AAPL", secType="STK", exchange="IBKRATS"), order)

    assert (read.minTradeQty, read.minCompeteSize, read.competeAgainstBestOffset) == (10, 5, math.inf)
    assert (read.midOffsetAtWhole, read.midOffsetAtHalf) == (0.01, 0.005)


def test_the_bit_that_makes_it_a_preview_is_read() -> None:
    order = Order(action="BUY", totalQuantity=1, orderType="MKT", whatIf=True)

    assert placed(178, AAPL, order)[1].whatIf
    assert not placed(178, AAPL, Order(action="BUY", totalQuantity=1, orderType="MKT"))[1].whatIf


def test_quantities_are_exact() -> None:
    _, read = placed(178, AAPL, Order(action="BUY", totalQuantity=0.1, orderType="MKT"))

    assert read.totalQuantity == Decimal("0.1")


@pytest.mark.parametrize("sent", [math.inf, math.nan, 1e300])
def test_a_quantity_that_is_none_is_refused(sent: float) -> None:
    with pytest.raises(requests.BadFields):
        placed(178, AAPL, Order(action="BUY", totalQuantity=sent, orderType="MKT"))


def test_a_zero_byte_in_a_text_shifts_no_field_into_another() -> None:
    order = Order(action="BUY", totalQuantity=1, orderType="MKT", orderRef="a\0b")

    with pytest.raises(requests.BadFields):
        placed(178, AAPL, order)


def test_a_margin_preview_is_told_by_the_state() -> None:
    state = replace(STATE, initMarginChange=5000.0, commission=1.0, commissionCurrency="USD", warningText="w")
    shown = OpenOrder(1, 42, 9001, model_contracts.Contract(), model_orders.Order(whatIf=True), state)

    ((_, (_, _, order, read)),) = read_by_ib_async(178, order_state.open_order(178, shown))

    assert order.whatIf
    assert (float(read.initMarginChange), read.commission, read.commissionCurrency) == (5000.0, 1.0, "USD")
    assert (float(read.initMarginBefore), read.warningText) == (UNSET_DOUBLE, "w")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ORDERS)
def test_completed_orders_carry_ref_perm_id_and_what_was_filled(kind: str, version: int) -> None:
    _, read = placed(version, AAPL, replace_ref(ORDERS[kind]))
    state = OrderState("Filled", completedTime="20250611 10:31:00 US/Eastern", completedStatus="Filled Size: 1")
    shown = OpenOrder(1, 0, 9001, model_contracts.Contract(symbol="AAPL", secType="STK"), read, state, Decimal("0.5"))

    ((name, (_, back, told_state)),) = read_by_ib_async(version, order_state.completed_order(version, shown))

    assert name == "completedOrder"
    assert (back.orderRef, back.permId, back.filledQuantity) == ("ours", 9001, 0.5)
    assert (told_state.status, told_state.completedTime) == ("Filled", "20250611 10:31:00 US/Eastern")
    assert told_state.completedStatus == "Filled Size: 1"


def replace_ref(order: Order) -> Order:
    return replace(order, orderRef="ours")
