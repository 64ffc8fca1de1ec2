"""A histogram of TWS, which has a row for each price, in bins of equal width. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from itertools import count, pairwise

STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5))  # of a width, times a power of ten
DIGITS = 6  # of the average price's fraction


@dataclass(frozen=True)
class Binned:
    """Sizes by the lower edge of their bin, lowest first."""

    width: Decimal
    bins: list[tuple[Decimal, Decimal]]
    total: Decimal
    average: Decimal
    most_traded: Decimal
    prices: int


def binned(rows: Sequence[tuple[str, str]], most: int) -> Binned | None:
    """Return the rows in at most `most` bins, 2 or more; None where nothing was traded.

    Where the prices are few enough, each has its bin. Raises ValueError for what is no number.
    """
    sizes = _sizes(rows)
    total = sum(sizes.values(), Decimal(0))
    if not total:
        return None
    width = _width(sorted(sizes), most)
    bins: dict[Decimal, Decimal] = {}
    for price, size in sorted(sizes.items()):
        edge = _edge(price, width)
        bins[edge] = bins.get(edge, Decimal(0)) + size
    average = sum((price * size for price, size in sizes.items()), Decimal(0)) / total
    most_traded = max(sizes, key=lambda price: (sizes[price], -price))
    return Binned(width, list(bins.items()), total, round(average, DIGITS), most_traded, len(sizes))


def _sizes(rows: Sequence[tuple[str, str]]) -> dict[Decimal, Decimal]:
    sizes: dict[Decimal, Decimal] = {}
    for price, size in rows:
        try:
            at, traded = Decimal(price), Decimal(size)
        except InvalidOperation as error:
            raise ValueError(f"{price} with the size {size} is no row of a histogram") from error
        if not at.is_finite() or not traded.is_finite():
            raise ValueError(f"{price} with the size {size} is no row of a histogram")
        if traded > 0:
            sizes[at] = sizes.get(at, Decimal(0)) + traded
    return sizes


def _width(prices: Sequence[Decimal], most: int) -> Decimal:
    """Return the smallest width of 1, 2, 2.5 or 5 times a power of ten with which all prices fit into the bins."""
    steps = [after - before for before, after in pairwise(prices)]
    least = min(steps, default=Decimal(1))
    if len(prices) <= most:
        return least
    span = prices[-1] - prices[0]
    exponent = (span / most).adjusted() - 1
    for power in count(exponent):
        for step in STEPS:
            width = step.scaleb(power)
            if len({_edge(price, width) for price in prices}) <= most and width >= least:
                return width
    raise AssertionError("two bins beside 0 hold all prices, if they are wide enough")


def _edge(price: Decimal, width: Decimal) -> Decimal:
    return (price / width).to_integral_value(ROUND_FLOOR) * width
