"""Account values by name: which of TWS's tags a caller means. Pure."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from bridge.text.numbers import shortest
from bridge.tool import ToolError
from bridge.tools.types import Cell
from ib_worker.account.exchange_rates import AccountRow
from ib_worker.tws.values import convert

# What is told where no name is given: worth, cash in each currency, and what can be bought or must be kept.
MAIN = (
    "NetLiquidation", "TotalCashValue", "CashBalance", "ExchangeRate", "GrossPositionValue", "BuyingPower",
    "AvailableFunds", "ExcessLiquidity", "InitMarginReq", "MaintMarginReq", "Cushion", "DayTradesRemaining",
    "AccruedCash", "AccruedDividend",
)  # fmt: skip
SEGMENT = re.compile(r"-[A-Z]$")  # InitMarginReq-S: of securities alone
COLUMNS = ["tag", "currency", "value"]


def named_tags(names: Sequence[str], tags: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the tags that the names mean, in their order, and the names that mean none."""
    bare = {tag: _bare(tag) for tag in sorted(tags)}
    meant = {name: _meant(_bare(name), bare) for name in names}
    found = dict.fromkeys(tag for each in meant.values() for tag in each)
    return list(found), [name for name, each in meant.items() if not each]


def _meant(name: str, bare: Mapping[str, str]) -> list[str]:
    """Return the tag of this name, else the tags that have it as a part; a segment's only where nothing else has it."""
    whole = [tag for tag, each in bare.items() if each == name]
    parts = [tag for tag, each in bare.items() if name and name in each]
    return whole or [tag for tag in parts if not SEGMENT.search(tag)] or parts


def no_such(names: Sequence[str], tags: Iterable[str]) -> ToolError:
    """Return the error for names of which no value has one."""
    return ToolError(
        "invalid_arguments",
        f"tags: no account value has a name with {' or '.join(names)}. There are {', '.join(tags)}.",
        fields=["tags"],
    )


def value_rows(rows: Iterable[AccountRow], tags: Sequence[str]) -> list[list[Cell]]:
    """Return the rows of these tags in their order, each currency's one after another."""
    place = {tag: number for number, tag in enumerate(tags)}
    told = (convert.summary_value(*each) for each in rows)
    wanted = [each for each in told if each.tag in place]
    return [
        [each.tag, each.currency, shortest(each.value)] for each in sorted(wanted, key=lambda each: place[each.tag])
    ]


def _bare(name: str) -> str:
    """Return a name without what people write differently."""
    return re.sub(r"[ _]", "", name).lower()
