"""Symbol search, option chains, and the tables of exchanges."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from ibgateway.simulator.model.contracts import ContractDescription, SecDefOptParams
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.model.market_data import DepthExchange, SmartComponent
from ibgateway.simulator.world.instruments.derivatives import Underlying
from ibgateway.simulator.world.instruments.details import derivative_types
from ibgateway.simulator.world.instruments.directory import Directory
from ibgateway.simulator.world.instruments.instrument import Instrument

MOST_MATCHES = 16  # TWS gives no more
US_BBO = "9c0001"
COMPONENTS = (
    ("AMEX", "A"),
    ("NASDAQOM", "B"),
    ("CHX", "M"),
    ("ARCA", "P"),
    ("NYSE", "N"),
    ("NASDAQ", "Q"),
    ("BYX", "Y"),
    ("BATS", "Z"),
    ("EDGEA", "J"),
    ("EDGX", "K"),
    ("IEX", "V"),
    ("MEMX", "U"),
    ("PEARL", "H"),
    ("LTSE", "L"),
    ("PSX", "X"),
)
DEPTH = (
    ("ARCA", "STK", "ARCA", "Deep"),
    ("BATS", "STK", "BATS", "Deep"),
    ("BYX", "STK", "BYX", "Deep"),
    ("EDGX", "STK", "EDGX", "Deep"),
    ("IEX", "STK", "IEX", "Deep"),
    ("MEMX", "STK", "MEMX", "Deep"),
    ("NASDAQ", "STK", "NASDAQ", "Deep2"),
    ("NYSE", "STK", "NYSE", "Deep"),
    ("IBIS", "STK", "IBIS", "Deep"),
    ("LSE", "STK", "LSE", "Deep"),
    ("CME", "FUT", "CME", "Deep"),
    ("NYMEX", "FUT", "NYMEX", "Deep"),
    ("COMEX", "FUT", "COMEX", "Deep"),
    ("CME", "FOP", "CME", "Deep"),
    ("IDEALPRO", "CASH", "IDEALPRO", "Deep"),
)


def matching_symbols(directory: Directory, pattern: str) -> list[ContractDescription]:
    """Return matches: equal symbols first, then symbols that begin with the pattern, then names that contain it."""
    wanted = pattern.strip().upper()
    if not wanted:
        return []
    ranked = sorted((rank, n) for n, each in enumerate(directory.fixed()) if (rank := _rank(each, wanted)) is not None)
    return [_description(directory.fixed()[n]) for _, n in ranked[:MOST_MATCHES]]


def _rank(each: Instrument, wanted: str) -> int | None:
    if each.symbol == wanted:
        return 0
    if each.symbol.startswith(wanted):
        return 1
    return 2 if wanted in each.longName.upper() else None


def _description(each: Instrument) -> ContractDescription:
    """Return one match; its contract has the primary exchange alone."""
    contract = replace(each.contract(), exchange="", primaryExchange=each.primaryExchange, localSymbol="")
    return ContractDescription(replace(contract, tradingClass=""), derivative_types(each), each.longName)


def option_chains(
    directory: Directory, today: date, symbol: str, futFopExchange: str, underlyingSecType: str, underlyingConId: int
) -> list[SecDefOptParams]:
    """Return a chain for each exchange and trading class of the underlying's options; empty if there are none."""
    secType = "FOP" if underlyingSecType == "FUT" else "OPT"
    on = directory.derivatives.underlying(symbol.upper(), secType)
    under = directory.get(underlyingConId)
    if on is None or under is None or under.symbol != on.symbol or (on.conId and on.conId != underlyingConId):
        return []
    strikes = tuple(directory.derivatives.strikes(on))
    by_class: dict[str, list[str]] = {}
    for expiry in directory.derivatives.expiries(on, today):
        option = directory.derivatives.option(on, expiry, strikes[0], "C")
        if option is not None and option.underConId == underlyingConId:
            by_class.setdefault(option.tradingClass, []).append(f"{expiry:%Y%m%d}")
    return [
        SecDefOptParams(exchange, underlyingConId, name, on.multiplier, tuple(days), strikes)
        for name, days in by_class.items()
        for exchange in _chain_exchanges(on, futFopExchange)
    ]


def _chain_exchanges(on: Underlying, asked: str) -> tuple[str, ...]:
    return tuple(each for each in on.exchanges if not asked or each == asked)


def smart_components(bboExchange: str) -> list[SmartComponent]:
    if bboExchange != US_BBO:
        raise Refusal(321, f"Error validating request.-'cA' : cause - Invalid BBO exchange {bboExchange}")
    return [SmartComponent(bit, exchange, letter) for bit, (exchange, letter) in enumerate(COMPONENTS)]


def bbo_exchange(instrument: Instrument) -> str:
    """Return the name of the map of letters: US stocks share one, others have none."""
    return US_BBO if instrument.secType == "STK" and instrument.currency == "USD" else ""


def depth_exchanges() -> list[DepthExchange]:
    return [DepthExchange(exchange, kind, listing, service) for exchange, kind, listing, service in DEPTH]
