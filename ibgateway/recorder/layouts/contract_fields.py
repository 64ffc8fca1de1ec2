"""Names of the field groups that many messages share: the ways in which clients and gateways spell a contract."""

from __future__ import annotations

from ibgateway.recorder.layouts.field_grammar import times, when

EXPIRY = "lastTradeDateOrContractMonth"
_START = f"conId symbol secType {EXPIRY} strike right multiplier exchange"

# As clients send it; exerciseOptions leaves the primary exchange out, and gateways send it back without.
ASKED = f"{_START} primaryExchange currency localSymbol tradingClass"
HELD = f"{_START} currency localSymbol tradingClass"

QUOTE_LEGS = when("secType", ["BAG"], times("comboLegs", "legConId ratio legAction legExchange"))
DELTA_NEUTRAL = ("deltaNeutralContract", when("deltaNeutralContract", ["1"], "dnConId dnDelta dnPrice"))
