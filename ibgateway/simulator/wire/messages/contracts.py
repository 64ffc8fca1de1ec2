"""Messages about contracts: details, symbols, chains, market rules."""

from __future__ import annotations

from collections.abc import Sequence

from ibgateway.simulator.model.contracts import (
    BondDetails,
    ContractDescription,
    ContractDetails,
    DeltaNeutralContract,
    PriceIncrement,
    SecDefOptParams,
)
from ibgateway.simulator.model.market_data import DepthExchange, SmartComponent
from ibgateway.simulator.wire.encoding.text import UNSET_INTEGER, Value, message, minimal

SIZE_MULTIPLIER = 100  # mdSizeMultiplier, obsolete since 164
WHOLE_COUPON = 178  # clients that speak no more than this read a whole number here, and lose the message otherwise


def _last_trade(details: ContractDetails) -> str:
    """`20261120`, and with a last trading time `20261120-16:00:00-US/Central`, which clients split."""
    date = details.contract.lastTradeDateOrContractMonth
    if date and details.lastTradeTime:
        return f"{date}-{details.lastTradeTime}-{details.timeZoneId}"
    return date


def _counted(tags: tuple[tuple[str, str], ...]) -> list[Value]:
    return [len(tags), *[text for tag in tags for text in tag]]


def _sizes(details: ContractDetails) -> list[Value]:
    return [details.minSize, details.sizeIncrement, details.suggestedSizeIncrement]


def contract_details(version: int, reqId: int, details: ContractDetails) -> bytes:
    contract = details.contract
    fields: list[Value] = [8] if version < 164 else []
    fields += [reqId, contract.symbol, contract.secType, _last_trade(details)]
    if version >= 182:
        fields.append(details.realExpirationDate)  # lastTradeDate
    fields += [minimal(contract.strike or 0), contract.right, contract.exchange, contract.currency]
    fields += [contract.localSymbol, details.marketName, contract.tradingClass, contract.conId]
    fields.append(minimal(details.minTick))
    if version < 164:
        fields.append(SIZE_MULTIPLIER)
    fields += [contract.multiplier, details.orderTypes, details.validExchanges, details.priceMagnifier]
    fields += [details.underConId, details.longName, contract.primaryExchange, details.contractMonth]
    fields += [details.industry, details.category, details.subcategory]
    fields += [details.timeZoneId, details.tradingHours, details.liquidHours]
    fields += [details.evRule, details.evMultiplier or "", *_counted(details.secIdList)]
    fields += [details.aggGroup, details.underSymbol, details.underSecType, details.marketRuleIds]
    fields += [details.realExpirationDate, details.stockType]
    if version == 163:
        fields.append(details.minSize)
    if version >= 164:
        fields += _sizes(details)
    if version >= 186:
        fields.append(0)  # no reasons why it could not be traded
    return message(10, *fields)


def bond_details(version: int, reqId: int, details: ContractDetails, bond: BondDetails) -> bytes:
    contract = details.contract
    fields: list[Value] = [6] if version < 164 else []
    coupon = minimal(bond.coupon) if version > WHOLE_COUPON else str(int(bond.coupon))
    fields += [reqId, contract.symbol, contract.secType, bond.cusip, coupon, bond.maturity]
    fields += [bond.issueDate, bond.ratings, bond.bondType, bond.couponType]
    fields += [bond.convertible, bond.callable, bond.putable, bond.descAppend]
    fields += [contract.exchange, contract.currency, details.marketName, contract.tradingClass, contract.conId]
    fields.append(minimal(details.minTick))
    if version < 164:
        fields.append(SIZE_MULTIPLIER)
    fields += [details.orderTypes, details.validExchanges, bond.nextOptionDate, bond.nextOptionType]
    fields += [bond.nextOptionPartial, bond.notes, details.longName]
    if version >= 188:
        fields += [details.timeZoneId, details.tradingHours, details.liquidHours]
    fields += [details.evRule, details.evMultiplier or "", *_counted(details.secIdList)]
    fields += [details.aggGroup, details.marketRuleIds]
    if version >= 164:
        fields += _sizes(details)
    return message(18, *fields)


def contract_details_end(reqId: int) -> bytes:
    return message(52, 1, reqId)


def symbol_samples(version: int, reqId: int, found: Sequence[ContractDescription]) -> bytes:
    fields: list[Value] = [reqId, len(found)]
    for one in found:
        contract = one.contract
        fields += [contract.conId, contract.symbol, contract.secType, contract.primaryExchange, contract.currency]
        fields += [len(one.derivativeSecTypes), *one.derivativeSecTypes]
        if version >= 176:
            fields += [one.description, contract.issuerId]
    return message(79, *fields)


def option_chain(reqId: int, chain: SecDefOptParams) -> bytes:
    fields: list[Value] = [reqId, chain.exchange, chain.underlyingConId, chain.tradingClass, chain.multiplier]
    fields += [len(chain.expirations), *chain.expirations]
    fields += [len(chain.strikes), *chain.strikes]
    return message(75, *fields)


def option_chain_end(reqId: int) -> bytes:
    return message(76, reqId)


def market_rule(marketRuleId: int, increments: Sequence[PriceIncrement]) -> bytes:
    steps = [minimal(edge) for step in increments for edge in (step.lowEdge, step.increment)]
    return message(93, marketRuleId, len(increments), *steps)


def smart_components(reqId: int, components: Sequence[SmartComponent]) -> bytes:
    fields = [text for one in components for text in (one.bitNumber, one.exchange, one.exchangeLetter)]
    return message(82, reqId, len(components), *fields)


def depth_exchanges(exchanges: Sequence[DepthExchange]) -> bytes:
    fields: list[Value] = [len(exchanges)]
    for one in exchanges:
        fields += [one.exchange, one.secType, one.listingExch, one.serviceDataType]
        fields.append(UNSET_INTEGER if one.aggGroup is None else one.aggGroup)
    return message(80, *fields)


def delta_neutral_validation(reqId: int, contract: DeltaNeutralContract) -> bytes:
    return message(56, 1, reqId, contract.conId, contract.delta, contract.price)
