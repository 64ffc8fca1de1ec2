"""Legs of an option position as people write them: "-1 SPY 18JUL25 400 P @ 3.20", "100 SPY". Pure."""

import re
from dataclasses import dataclass, replace

from bridge.text.contract_forms import share_class, spelled_out
from bridge.text.contract_name import expiry_text, strike_text

MOST = 12  # legs of one position
FORM = '"-1 SPY 18JUL25 400 P @ 3.20" or "100 SPY @ 395" is expected: below 0 is short, and the price may be left out'
_NUMBER = r"[0-9]{1,7}(?:\.[0-9]{1,6})?"
_LEG = re.compile(
    rf"(?:(?P<side>BUY|SELL|LONG|SHORT) )?(?P<count>[+-]?{_NUMBER}) ?X? (?P<contract>.+?)(?: ?@ ?(?P<price>{_NUMBER}))?"
)
SHORT = ("SELL", "SHORT")


@dataclass(frozen=True)
class PositionLeg:
    """One leg. An option has an expiry (YYYYMMDD or YYYYMM), a strike and a right, and shares have none. `price`: what
    was paid or received for one unit; None: not told."""

    position: float
    symbol: str
    expiry: str = ""
    strike: float = 0.0
    right: str = ""
    price: float | None = None
    tradingClass: str = ""

    @property
    def is_option(self) -> bool:
        return bool(self.right)

    @property
    def name(self) -> str:
        """Return the leg as people say it: -1 18JUL25 400 P."""
        terms = (expiry_text(self.expiry), strike_text(self.strike), self.right) if self.is_option else ("shares",)
        return " ".join((f"{self.position:+g}", *terms))


def read_leg(written: str, symbol: str = "") -> PositionLeg:
    """Return a leg; `symbol` is its underlying's where the text has none. Raise ValueError for what is no leg."""
    found = _LEG.fullmatch(" ".join(written.upper().split()))
    if found is None or not float(found["count"]):
        raise ValueError(f"{written}: {FORM}")
    count = float(found["count"])
    if found["side"] and found["count"][0] in "+-":
        raise ValueError(f"{written}: give a sign or {found['side']}, not both")
    leg = _of_contract(found["contract"], symbol.upper(), written)
    price = None if found["price"] is None else float(found["price"])
    return replace(leg, position=-count if found["side"] in SHORT else count, price=price)


def read_legs(written: list[str], symbol: str = "") -> list[PositionLeg]:
    """Return the legs of one underlying. Raise ValueError where they are of several, or none is an option."""
    legs = [read_leg(each, symbol) for each in written]
    if len(named := {each.symbol for each in legs}) > 1:
        raise ValueError(f"legs of one underlying are expected, and these are of {', '.join(sorted(named))}")
    if not any(each.is_option for each in legs):
        raise ValueError(f"none is an option: {FORM}")
    return legs


def _of_contract(contract: str, symbol: str, written: str) -> PositionLeg:
    named = contract if not symbol or contract.split()[0] == symbol else f"{symbol} {contract}"
    terms = spelled_out({"symbol": named})
    plain = share_class(contract) or " " not in terms["symbol"]
    if terms.get("secType", "STK") not in ("STK", "OPT") or not (plain or "right" in terms):
        raise ValueError(f"{written}: {FORM}")
    return PositionLeg(
        position=0,
        symbol=terms["symbol"],
        expiry=terms.get("lastTradeDateOrContractMonth", ""),
        strike=terms.get("strike", 0.0),
        right=terms.get("right", ""),
        tradingClass=terms.get("tradingClass", ""),
    )
