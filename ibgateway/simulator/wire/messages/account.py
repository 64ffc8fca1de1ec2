"""Messages about accounts: values, summary, portfolio, positions, profit and loss."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from ibgateway.simulator.model.account import AccountPnL, AccountPosition, AccountValue, PortfolioItem, PositionPnL
from ibgateway.simulator.wire.encoding.text import java_double, message
from ibgateway.simulator.wire.messages.fields import held_contract


def account_value(value: AccountValue) -> bytes:
    return message(6, 2, value.tag, value.value, value.currency, value.account)


def portfolio_value(item: PortfolioItem) -> bytes:
    contract = item.contract
    return message(
        7,
        8,
        contract.conId,
        contract.symbol,
        contract.secType,
        contract.lastTradeDateOrContractMonth,
        java_double(contract.strike or 0.0),
        contract.right or "0",
        contract.multiplier,
        contract.primaryExchange,
        contract.currency,
        contract.localSymbol,
        contract.tradingClass,
        item.position,
        item.marketPrice,
        item.marketValue,
        item.averageCost,
        item.unrealizedPNL,
        item.realizedPNL,
        item.account,
    )


def account_time(at: float, zone: str) -> bytes:
    return message(8, 1, f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%H:%M}")


def account_download_end(account: str) -> bytes:
    return message(54, 1, account)


def account_summary(reqId: int, value: AccountValue) -> bytes:
    return message(63, 1, reqId, value.account, value.tag, value.value, value.currency)


def account_summary_end(reqId: int) -> bytes:
    return message(64, 1, reqId)


def position(held: AccountPosition) -> bytes:
    contract = held.contract
    return message(
        61, 3, held.account, *held_contract(contract, contract.primaryExchange), held.position, float(held.avgCost)
    )


def position_end() -> bytes:
    return message(62, 1)


def position_multi(reqId: int, held: AccountPosition, modelCode: str) -> bytes:
    contract = held.contract
    fields = held_contract(contract, contract.primaryExchange)
    return message(71, 1, reqId, held.account, *fields, held.position, float(held.avgCost), modelCode)


def position_multi_end(reqId: int) -> bytes:
    return message(72, 1, reqId)


def account_update_multi(reqId: int, value: AccountValue, modelCode: str) -> bytes:
    return message(73, 1, reqId, value.account, modelCode, value.tag, value.value, value.currency)


def account_update_multi_end(reqId: int) -> bytes:
    return message(74, 1, reqId)


def pnl(reqId: int, now: AccountPnL) -> bytes:
    return message(94, reqId, *map(java_double, (now.dailyPnL, now.unrealizedPnL, now.realizedPnL)))


def pnl_single(reqId: int, now: PositionPnL) -> bytes:
    numbers = map(java_double, (now.dailyPnL, now.unrealizedPnL, now.realizedPnL, now.value))
    return message(95, reqId, now.pos, *numbers)


def family_codes(codes: Sequence[tuple[str, str]]) -> bytes:
    return message(78, len(codes), *[text for code in codes for text in code])


def soft_dollar_tiers(reqId: int, tiers: Sequence[tuple[str, str, str]]) -> bytes:
    return message(77, reqId, len(tiers), *[text for tier in tiers for text in tier])


def receive_fa(faDataType: int, xml: str) -> bytes:
    return message(16, 1, faDataType, xml)


def replace_fa_end(reqId: int, text: str) -> bytes:
    return message(103, reqId, text)
