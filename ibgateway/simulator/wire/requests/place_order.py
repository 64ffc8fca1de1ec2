"""placeOrder (3), the longest frame: some hundred fields, a third of which depend on other fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from ibgateway.simulator.model.contracts import ComboLeg, Contract
from ibgateway.simulator.model.orders import Order, OrderCondition
from ibgateway.simulator.wire.encoding.layout import Fields, reads, request
from ibgateway.simulator.wire.encoding.text import (
    BadText,
    flag,
    integer,
    integer_or_none,
    number,
    number_or_none,
    quantity,
)
from ibgateway.simulator.wire.requests.fields import contract_fields, count, delta_neutral, pairs

OrderFields = dict[str, Any]  # fields of Order that were read so far

PEG_BENCH = {"PEG BENCH", "PEGBENCH"}
PEG_BEST = {"PEG BEST", "PEGBEST"}
PEG_MID = {"PEG MID", "PEGMID"}
UP_TO_MID = "Infinite"  # competeAgainstBestOffset may be this, and then two offsets follow


class _Take:
    """Short names for reading one field."""

    def __init__(self, fields: Fields) -> None:
        self.text = fields.take
        self.fields = fields

    def whole(self) -> int:
        text = self.text()
        return integer(text) if text else 0

    def whole_or_none(self) -> int | None:
        return integer_or_none(self.text())

    def real(self) -> float:
        text = self.text()
        return number(text) if text else 0.0

    def real_or_none(self) -> float | None:
        return number_or_none(self.text())

    def flag(self) -> bool:
        return flag(self.text())


def _main(take: _Take) -> OrderFields:
    return {
        "action": take.text(),
        "totalQuantity": quantity(take.text()),
        "orderType": take.text(),
        "lmtPrice": take.real_or_none(),
        "auxPrice": take.real_or_none(),
        "tif": take.text(),
        "ocaGroup": take.text(),
        "account": take.text(),
        "openClose": take.text(),
        "origin": take.whole(),
        "orderRef": take.text(),
        "transmit": take.flag(),
        "parentId": take.whole(),
        "blockOrder": take.flag(),
        "sweepToFill": take.flag(),
        "displaySize": take.whole_or_none(),
        "triggerMethod": take.whole(),
        "outsideRth": take.flag(),
        "hidden": take.flag(),
    }


def _leg(take: _Take) -> ComboLeg:
    return ComboLeg(
        conId=take.whole(),
        ratio=take.whole(),
        action=take.text(),
        exchange=take.text(),
        openClose=take.whole(),
        shortSaleSlot=take.whole(),
        designatedLocation=take.text(),
        exemptCode=take.whole(),
    )


def _combo(take: _Take) -> OrderFields:
    return {
        "orderComboLegs": tuple(take.real_or_none() for _ in range(count(take.fields))),
        "smartComboRoutingParams": pairs(take.fields),
    }


def _advisor(take: _Take) -> OrderFields:
    take.text()  # shares allocation, obsolete
    values: OrderFields = {
        "discretionaryAmt": take.real(),
        "goodAfterTime": take.text(),
        "goodTillDate": take.text(),
        "faGroup": take.text(),
        "faMethod": take.text(),
        "faPercentage": take.text(),
    }
    if take.fields.version < 177:
        take.text()  # faProfile
    return values | {
        "modelCode": take.text(),
        "shortSaleSlot": take.whole(),
        "designatedLocation": take.text(),
        "exemptCode": take.whole(),
        "ocaType": take.whole(),
        "rule80A": take.text(),
        "settlingFirm": take.text(),
        "allOrNone": take.flag(),
        "minQty": take.whole_or_none(),
        "percentOffset": take.real_or_none(),
    }


def _auction_and_volatility(take: _Take) -> OrderFields:
    for _ in range(3):
        take.text()  # eTradeOnly, firmQuoteOnly, nbboPriceCap: obsolete
    return {
        "auctionStrategy": take.whole(),
        "startingPrice": take.real_or_none(),
        "stockRefPrice": take.real_or_none(),
        "delta": take.real_or_none(),
        "stockRangeLower": take.real_or_none(),
        "stockRangeUpper": take.real_or_none(),
        "overridePercentageConstraints": take.flag(),
        "volatility": take.real_or_none(),
        "volatilityType": take.whole_or_none(),
        "deltaNeutralOrderType": take.text(),
        "deltaNeutralAuxPrice": take.real_or_none(),
    }


def _delta_neutral_order(take: _Take) -> OrderFields:
    return {
        "deltaNeutralConId": take.whole(),
        "deltaNeutralSettlingFirm": take.text(),
        "deltaNeutralClearingAccount": take.text(),
        "deltaNeutralClearingIntent": take.text(),
        "deltaNeutralOpenClose": take.text(),
        "deltaNeutralShortSale": take.flag(),
        "deltaNeutralShortSaleSlot": take.whole(),
        "deltaNeutralDesignatedLocation": take.text(),
    }


def _scale(take: _Take) -> OrderFields:
    values: OrderFields = {
        "continuousUpdate": take.whole(),
        "referencePriceType": take.whole_or_none(),
        "trailStopPrice": take.real_or_none(),
        "trailingPercent": take.real_or_none(),
        "scaleInitLevelSize": take.whole_or_none(),
        "scaleSubsLevelSize": take.whole_or_none(),
        "scalePriceIncrement": take.real_or_none(),
    }
    if (values["scalePriceIncrement"] or 0) > 0:
        values |= {
            "scalePriceAdjustValue": take.real_or_none(),
            "scalePriceAdjustInterval": take.whole_or_none(),
            "scaleProfitOffset": take.real_or_none(),
            "scaleAutoReset": take.flag(),
            "scaleInitPosition": take.whole_or_none(),
            "scaleInitFillQty": take.whole_or_none(),
            "scaleRandomPercent": take.flag(),
        }
    return values | {
        "scaleTable": take.text(),
        "activeStartTime": take.text(),
        "activeStopTime": take.text(),
    }


def _hedge_and_clearing(take: _Take) -> OrderFields:
    hedgeType = take.text()
    return {
        "hedgeType": hedgeType,
        "hedgeParam": take.text() if hedgeType else "",
        "optOutSmartRouting": take.flag(),
        "clearingAccount": take.text(),
        "clearingIntent": take.text(),
        "notHeld": take.flag(),
    }


def _algo(take: _Take) -> OrderFields:
    algoStrategy = take.text()
    return {
        "algoStrategy": algoStrategy,
        "algoParams": pairs(take.fields) if algoStrategy else (),
        "algoId": take.text(),
        "whatIf": take.flag(),
        "orderMiscOptions": take.text(),
        "solicited": take.flag(),
        "randomizeSize": take.flag(),
        "randomizePrice": take.flag(),
    }


def _benchmark(take: _Take) -> OrderFields:
    return {
        "referenceContractId": take.whole(),
        "isPeggedChangeAmountDecrease": take.flag(),
        "peggedChangeAmount": take.real_or_none(),
        "referenceChangeAmount": take.real_or_none(),
        "referenceExchangeId": take.text(),
    }


def _condition(take: _Take) -> OrderCondition:
    condType, conjunction = take.whole(), take.text()
    if conjunction not in {"a", "o"}:
        raise BadText(f"a condition's conjunction is a or o, not {conjunction[:40]!r}")
    values: OrderFields = {}
    if condType == 5:
        values = {"secType": take.text(), "exch": take.text(), "symbol": take.text()}
    elif condType in {1, 3, 4, 6, 7}:
        values = {"isMore": take.flag(), "value": take.text()}
        if condType in {1, 6, 7}:
            values |= {"conId": take.whole(), "exch": take.text()}
        if condType == 1:
            values["triggerMethod"] = take.whole()
    else:
        raise BadText(f"there is no condition of type {condType}")
    return OrderCondition(condType=condType, conjunction=conjunction, **values)


def _conditions(take: _Take) -> OrderFields:
    conditions = tuple(_condition(take) for _ in range(count(take.fields)))
    if not conditions:
        return {}
    return {
        "conditions": conditions,
        "conditionsIgnoreRth": take.flag(),
        "conditionsCancelOrder": take.flag(),
    }


def _adjustments(take: _Take) -> OrderFields:
    return {
        "adjustedOrderType": take.text(),
        "triggerPrice": take.real_or_none(),
        "lmtPriceOffset": take.real_or_none(),
        "adjustedStopPrice": take.real_or_none(),
        "adjustedStopLimitPrice": take.real_or_none(),
        "adjustedTrailingAmount": take.real_or_none(),
        "adjustableTrailingUnit": take.whole(),
        "extOperator": take.text(),
        "softDollarTier": (take.text(), take.text(), ""),
        "cashQty": take.real_or_none(),
        "mifid2DecisionMaker": take.text(),
        "mifid2DecisionAlgo": take.text(),
        "mifid2ExecutionTrader": take.text(),
        "mifid2ExecutionAlgo": take.text(),
        "dontUseAutoPriceForHedge": take.flag(),
        "isOmsContainer": take.flag(),
        "discretionaryUpToLimitPrice": take.flag(),
        "usePriceMgmtAlgo": take.whole_or_none(),
    }


def _pegs(take: _Take, exchange: str, orderType: str) -> OrderFields:
    """Since 170: what IBKRATS and the two pegged types add."""
    values: OrderFields = {}
    mid = orderType in PEG_MID
    if exchange == "IBKRATS":
        values["minTradeQty"] = take.whole_or_none()
    if orderType in PEG_BEST:
        values["minCompeteSize"] = take.whole_or_none()
        offset = take.text()
        mid = offset == UP_TO_MID
        values["competeAgainstBestOffset"] = float("inf") if mid else number_or_none(offset)
    if mid:
        values |= {"midOffsetAtWhole": take.real_or_none(), "midOffsetAtHalf": take.real_or_none()}
    return values


def _newer(take: _Take, exchange: str, orderType: str) -> OrderFields:
    """Read the fields of versions 158 to 170, in the order of their versions, then the later ones."""
    version, values = take.fields.version, OrderFields()
    if version >= 158:
        values["duration"] = take.whole_or_none()
    if version >= 160:
        values["postToAts"] = take.whole_or_none()
    if version >= 162:
        values["autoCancelParent"] = take.flag()
    if version >= 166:
        values["advancedErrorOverride"] = take.text()
    if version >= 169:
        values["manualOrderTime"] = take.text()
    if version >= 170:
        values |= _pegs(take, exchange, orderType)
    return values | _newest(take)


def _newest(take: _Take) -> OrderFields:
    version, values = take.fields.version, OrderFields()
    if version >= 183:
        values["customerAccount"] = take.text()
    if version >= 184:
        values["professionalCustomer"] = take.flag()
    if 187 <= version < 190:
        take.text(), take.text()  # two fields of requests for quotes
    if version >= 189:
        values["includeOvernight"] = take.flag()
    if version >= 192:
        values["manualOrderIndicator"] = take.whole_or_none()
    if version >= 199:
        values["imbalanceOnly"] = take.flag()
    return values


def _placed(fields: Fields) -> tuple[Contract, Order]:
    take = _Take(fields)
    contract = replace(contract_fields(fields), secIdType=take.text(), secId=take.text())
    values = _main(take)
    if contract.secType == "BAG":
        contract = replace(contract, comboLegs=tuple(_leg(take) for _ in range(count(fields))))
        values |= _combo(take)
    values |= _advisor(take) | _auction_and_volatility(take)
    if values["deltaNeutralOrderType"]:
        values |= _delta_neutral_order(take)
    values |= _scale(take) | _hedge_and_clearing(take)
    contract = replace(contract, deltaNeutralContract=delta_neutral(fields))
    values |= _algo(take)
    if values["orderType"] in PEG_BENCH:
        values |= _benchmark(take)
    values |= _conditions(take) | _adjustments(take)
    values |= _newer(take, contract.exchange, values["orderType"])
    return contract, Order(**values)


@request(3)
class PlaceOrder:
    orderId: int
    placed: Annotated[tuple[Contract, Order], reads(_placed)]
