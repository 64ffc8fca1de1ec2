"""The toolsets: groups of tools that FRONT_TOOLSETS offers, and those that are offered by default."""

from collections.abc import Iterable
from dataclasses import dataclass

ALL, DEFAULT = "all", "default"  # names that stand for several toolsets


@dataclass(frozen=True)
class Toolset:
    """Tools that are offered together. `about`: their subject, for people, and for models where the toolset is left
    out. `default`: offered where FRONT_TOOLSETS names none. A default toolset costs every model its tokens on every
    request."""

    about: str
    default: bool = True


# In the order in which people need them. The reference's fifteen tools are all in default toolsets.
TOOLSETS: dict[str, Toolset] = {
    "session": Toolset("the connection to the gateway and its state"),
    "contracts": Toolset("contracts, trading hours and search"),
    "quotes": Toolset("current quotes"),
    "history": Toolset("bars and performance"),
    "streams": Toolset("live streams, and calls that wait for an event"),
    "subscriptions": Toolset("streams that the worker keeps, read by a handle", default=False),
    "account": Toolset("balances, positions, profit and loss"),
    "portfolio": Toolset("positions with their prices and weights"),
    "orders": Toolset("orders, previews, executions and the kill switch"),
    "options": Toolset("option chains, quotes and greeks"),
    "calculations": Toolset("prices and volatilities of options by TWS's model", default=False),
    "news": Toolset("headlines, articles and bulletins"),
    "alerts": Toolset("alerts that the worker keeps while no client is connected"),
    "records": Toolset("the account's past: equity curve and trades of earlier days", default=False),
    "research": Toolset("single ticks, price histograms, since when there is history, TWS's clock", default=False),
    "charts": Toolset("pictures: candles, equity curve, payoff of options", default=False),
    "scanners": Toolset("market scanners", default=False),
    "depth": Toolset("order books", default=False),
}


def chosen_toolsets(named: Iterable[str]) -> frozenset[str]:
    """Return the toolsets that a list of names means; `all` and `default` stand for theirs, and no name for default.

    Raises ValueError for a name that is no toolset.
    """
    names = set(named) or {DEFAULT}
    unknown = names - set(TOOLSETS) - {ALL, DEFAULT}
    if unknown:
        known = ", ".join((ALL, DEFAULT, *TOOLSETS))
        raise ValueError(f"FRONT_TOOLSETS: no such toolset: {', '.join(sorted(unknown))}. There are {known}")
    if ALL in names:
        return frozenset(TOOLSETS)
    by_default = {name for name, toolset in TOOLSETS.items() if toolset.default}
    return frozenset((names - {DEFAULT}) | (by_default if DEFAULT in names else set()))
