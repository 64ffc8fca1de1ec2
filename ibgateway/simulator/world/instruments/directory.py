"""The look-up of instruments: all matches of an incomplete contract, and the one of a complete contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.instruments.catalogue import RECORDED_LEVELS, Catalogue
from ibgateway.simulator.world.instruments.derivatives import Derivatives, Underlying
from ibgateway.simulator.world.instruments.guess import Guess
from ibgateway.simulator.world.instruments.instrument import Instrument

SEC_TYPES = {"STK", "OPT", "FUT", "FOP", "CASH", "IND", "BAG", "BOND", "CMDTY", "CFD", "FUND", "WAR", "CRYPTO", "NEWS"}
NOT_FOUND = "No security definition has been found for the request"
AMBIGUOUS = "The contract description specified for {} is ambiguous."
BAG_CONID = 28812380  # what TWS calls every combination
OLD_NAMES = {"ISLAND": "NASDAQ"}  # TWS renamed the exchange; clients still send the old name


class Directory:
    """All instruments; derivatives are listed as of the day in question."""

    def __init__(self, own: dict[str, Guess] | None = None, price_levels: str = RECORDED_LEVELS) -> None:
        self.catalogue = Catalogue(own, price_levels)
        self.derivatives = Derivatives(self.catalogue)
        self._fixed = [*self.catalogue.instruments, *self.catalogue.bonds]
        self._made: dict[int, Instrument] = {each.conId: each for each in self._fixed}
        self._by_symbol: dict[str, list[Instrument]] = {}
        for each in self._fixed:
            for name in {each.symbol, each.cusip} - {""}:
                self._by_symbol.setdefault(name, []).append(each)

    def fixed(self) -> list[Instrument]:
        return self._fixed

    def get(self, conId: int) -> Instrument | None:
        """Return the instrument with this id, derivatives included."""
        found = self._made.get(conId)
        if found is None:
            found = self.derivatives.option_of(conId) or self.derivatives.future(conId)
            if found is not None:
                self._made[conId] = found
        return found

    def require(self, contract: Contract) -> Instrument:
        """Return the instrument of a contract that `resolve` has returned."""
        found = self.get(contract.conId)
        if found is None:
            raise Refusal(200, NOT_FOUND)
        return found

    def find(self, contract: Contract, today: date) -> list[Instrument]:
        """Return every instrument that matches the contract; Refusal 200 or 321 if there is none."""
        if contract.conId:
            one = self.get(contract.conId)
            found = [one] if one and _agrees(one, contract) else []
        else:
            found = [each for each in self._candidates(contract, today) if _agrees(each, contract)]
        if not found:
            raise Refusal(200, NOT_FOUND)
        return found

    def one(self, contract: Contract, today: date) -> Instrument:
        """Return the one instrument that matches; Refusal 200 if there is none or more than one."""
        found = self.find(contract, today)
        if len({each.conId for each in found}) > 1:
            raise Refusal(200, AMBIGUOUS.format(contract.symbol or contract.localSymbol))
        return found[0]

    def _candidates(self, contract: Contract, today: date) -> Iterator[Instrument]:
        if contract.secIdType == "ISIN" and contract.secId:
            yield from (each for each in self._fixed if each.isin == contract.secId)
            return
        if contract.secIdType == "CUSIP" and contract.secId:
            yield from (each for each in self._fixed if contract.secId in (each.cusip, each.isin[2:11]))
            return
        if contract.secType not in SEC_TYPES:
            raise Refusal(321, "Error validating request.-'bW' : cause - Please enter a valid security type")
        if not (contract.symbol or contract.localSymbol):
            raise Refusal(321, "Error validating request.-'bW' : cause - Please enter a symbol or a local symbol")
        if contract.secType == "FUT":
            yield from self._futures(contract, today)
        elif contract.secType in ("OPT", "FOP"):
            yield from self._options(contract, today)
        elif contract.symbol:
            yield from self._by_symbol.get(contract.symbol.upper(), ())
        else:
            yield from self._fixed

    def _futures(self, contract: Contract, today: date) -> Iterator[Instrument]:
        symbols = [contract.symbol.upper()] if contract.symbol else [r.name for r in self.catalogue.roots]
        for symbol in symbols:
            yield from self.derivatives.futures(symbol, today, contract.includeExpired)

    def _options(self, contract: Contract, today: date) -> Iterator[Instrument]:
        symbol = (contract.symbol or contract.localSymbol.split(" ")[0]).upper()
        on = self.derivatives.underlying(symbol, contract.secType)
        if on is None:
            return
        for expiry in self._expiries(on, contract, today):
            if expiry >= today or contract.includeExpired:
                yield from self._strip(on, expiry, contract)

    def _expiries(self, on: Underlying, contract: Contract, today: date) -> list[date]:
        asked = _date(contract.lastTradeDateOrContractMonth)
        return [asked] if asked else self.derivatives.expiries(on, today)

    def _strip(self, on: Underlying, expiry: date, contract: Contract) -> Iterator[Instrument]:
        strikes = [contract.strike] if contract.strike else self.derivatives.strikes(on)
        for strike in strikes:
            for right in (contract.right[:1].upper(),) if contract.right else ("C", "P"):
                made = self.derivatives.option(on, expiry, strike, right) if right in "CP" else None
                if made is not None:
                    yield self._made.setdefault(made.conId, made)


def _agrees(each: Instrument, asked: Contract) -> bool:
    exchange = OLD_NAMES.get(asked.exchange, asked.exchange)
    primary = OLD_NAMES.get(asked.primaryExchange, asked.primaryExchange)
    when = asked.lastTradeDateOrContractMonth
    return (
        (not exchange or exchange in each.exchanges)
        and (not asked.secType or asked.secType == each.secType)
        and (not asked.symbol or asked.symbol.upper() in (each.symbol, each.cusip))
        and (not asked.currency or asked.currency.upper() == each.currency)
        and (not primary or primary == each.primaryExchange or each.secType not in ("STK", "BOND"))
        and (not asked.localSymbol or asked.localSymbol.upper() == (each.localSymbol or each.symbol).upper())
        and (not asked.tradingClass or asked.tradingClass == each.tradingClass)
        and (not asked.multiplier or each.secType == "STK" or float(asked.multiplier) == each.units)
        and (not when or each.expiry is None or f"{each.expiry:%Y%m%d}".startswith(when[:8]))
    )


def _date(text: str) -> date | None:
    """Return a complete date; None for a month or an empty text."""
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date() if len(text) >= 8 else None
    except ValueError:
        return None
