"""The series of history that each type of contract has, so that another one is rejected in words. Pure.

Source: the table "Available Data per Product" on IBKR's page on historical bars. What the table leaves open is TWS's.
"""

from bridge.tool import ToolError

YIELDS = ("YIELD_BID", "YIELD_ASK", "YIELD_BID_ASK", "YIELD_LAST")
VOLATILITIES = ("HISTORICAL_VOLATILITY", "OPTION_IMPLIED_VOLATILITY")
QUOTED = ("MIDPOINT", "BID", "ASK", "BID_ASK")
UNTRADED = ("CASH", "FUND", "CFD")  # what has quotes and no exchange's trades
BY_TYPE = {
    **dict.fromkeys(UNTRADED, QUOTED),
    "IND": ("TRADES", *VOLATILITIES),
    **dict.fromkeys(("OPT", "FUT", "FOP", "WAR"), ("TRADES", "ADJUSTED_LAST", *QUOTED)),
}
ONLY_OF = {**dict.fromkeys(YIELDS, ("BOND",)), **dict.fromkeys(VOLATILITIES, ("STK", "IND"))}


def require_kind(whatToShow: str, secType: str) -> None:
    """Raise ToolError invalid_arguments that names the series that the type has."""
    has = BY_TYPE.get(secType)
    if (has is None or whatToShow in has) and secType in ONLY_OF.get(whatToShow, (secType,)):
        return
    others = has or tuple(each for each in ("TRADES", *QUOTED) if each != whatToShow)
    either = f"{', '.join(others[:-1])} or {others[-1]}"
    raise ToolError(
        "invalid_arguments",
        f"whatToShow: secType {secType} has no {whatToShow}. Give {either}. Nothing was requested from TWS.",
        fields=["whatToShow"],
        whatToShow=list(others),
    )


def usual_kind(secType: str) -> str:
    """Return the series of prices that a type has for certain: trades, or midpoints where there are none."""
    return "MIDPOINT" if secType in UNTRADED else "TRADES"


def closes_kind(secType: str) -> str:
    """Return the series whose closes tell a performance: adjusted for splits and dividends where a type has them."""
    return "ADJUSTED_LAST" if secType == "STK" else usual_kind(secType)
