"""Groups of fields that several requests share: the spellings of a contract."""

from __future__ import annotations

from typing import Annotated

from ibgateway.simulator.model.contracts import ComboLeg, Contract, DeltaNeutralContract
from ibgateway.simulator.wire.encoding.layout import Fields, reads
from ibgateway.simulator.wire.encoding.text import BadText, flag, integer, number, number_or_none

MAX_LEGS = 64  # a count that announces more is nonsense, and must not be looped over


def count(fields: Fields, most: int = MAX_LEGS) -> int:
    """Read a repetition count."""
    text = fields.take()
    number_of = integer(text) if text else 0
    if not 0 <= number_of <= most:
        raise BadText(f"a count of {number_of}")
    return number_of


def pairs(fields: Fields) -> tuple[tuple[str, str], ...]:
    """Read a counted list of tags and values."""
    return tuple((fields.take(), fields.take()) for _ in range(count(fields)))


def options(text: str) -> tuple[tuple[str, str], ...]:
    """Read options as scanners and algos send them: `tag=value;tag=value;`."""
    parts = (part.partition("=") for part in text.split(";") if part)
    return tuple((tag, value) for tag, _, value in parts)


def counted_options(fields: Fields) -> tuple[tuple[str, str], ...]:
    """Read options; some clients send a count before their text, others only the text."""
    first = fields.take()
    return options(fields.take() if fields.left else first)


def _contract(fields: Fields, *, primary: bool = True) -> Contract:
    """conId to tradingClass, as nearly every request has them; strike 0 means that there is none."""
    conId = fields.take()
    symbol, secType, lastTradeDate = fields.take(), fields.take(), fields.take()
    strike, right, multiplier, exchange = fields.take(), fields.take(), fields.take(), fields.take()
    primaryExchange = fields.take() if primary else ""
    currency, localSymbol, tradingClass = fields.take(), fields.take(), fields.take()
    return Contract(
        conId=integer(conId) if conId else 0,
        symbol=symbol,
        secType=secType,
        lastTradeDateOrContractMonth=lastTradeDate,
        strike=number_or_none(strike) or None,
        right=right,
        multiplier=multiplier,
        exchange=exchange,
        primaryExchange=primaryExchange,
        currency=currency,
        localSymbol=localSymbol,
        tradingClass=tradingClass,
    )


def contract_fields(fields: Fields) -> Contract:
    return _contract(fields)


def _without_primary(fields: Fields) -> Contract:
    return _contract(fields, primary=False)


def _short(fields: Fields) -> Contract:
    """Read the seven contract fields of reqFundamentalData."""
    conId = fields.take()
    symbol, secType, exchange, primaryExchange, currency, localSymbol = (fields.take() for _ in range(6))
    return Contract(
        conId=integer(conId) if conId else 0,
        symbol=symbol,
        secType=secType,
        exchange=exchange,
        primaryExchange=primaryExchange,
        currency=currency,
        localSymbol=localSymbol,
    )


def quote_legs(fields: Fields) -> tuple[ComboLeg, ...]:
    """Read the legs of a BAG in a data request: four fields each."""
    return tuple(
        ComboLeg(
            conId=integer(fields.take()),
            ratio=integer(fields.take()),
            action=fields.take(),
            exchange=fields.take(),
        )
        for _ in range(count(fields))
    )


def delta_neutral(fields: Fields) -> DeltaNeutralContract | None:
    if not flag(fields.take()):
        return None
    return DeltaNeutralContract(integer(fields.take()), number(fields.take()), number(fields.take()))


AnyContract = Annotated[Contract, reads(contract_fields)]
ContractWithoutPrimary = Annotated[Contract, reads(_without_primary)]
ShortContract = Annotated[Contract, reads(_short)]
CountedOptions = Annotated[tuple[tuple[str, str], ...], reads(counted_options)]
Options = Annotated[tuple[tuple[str, str], ...], reads(lambda fields: options(fields.take()))]
