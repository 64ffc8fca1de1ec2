"""The catalogue's bonds: quoted in percent of their face value, a unit is a thousand of it."""

from __future__ import annotations

from ibgateway.simulator.model.contracts import BondDetails
from ibgateway.simulator.world.instruments.instrument import Instrument


def bond(row: dict[str, str]) -> Instrument:
    """Make a bond of one row of the extract."""
    return Instrument(
        conId=int(row["conId"]),
        secType="BOND",
        symbol=row["symbol"],
        currency=row["currency"],
        primaryExchange="",
        exchanges=("SMART", "BONDDESK", "TRADEWEBG"),
        hours="US_OPTION",
        series=f"BOND.{row['cusip']}",
        longName=row["longName"],
        localSymbol=f"{row['symbol']} {float(row['coupon']):g} {row['maturity'][4:6]}/{row['maturity'][2:4]}",
        tradingClass=row["symbol"],
        multiplier="10",
        scale=1000,
        ruleId=2104,
        volume=1000,
        spread=50,
        cusip=row["cusip"],
        bond=BondDetails(
            cusip=row["cusip"],
            ratings=row["ratings"],
            descAppend=row["longName"],
            bondType=row["bondType"],
            couponType="FIXED",
            coupon=float(row["coupon"]),
            maturity=row["maturity"],
            issueDate=row["issueDate"],
        ),
    )
