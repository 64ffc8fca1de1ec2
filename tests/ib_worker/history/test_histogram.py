"""A histogram's prices in bins."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ib_worker.history.histogram import binned


def test_few_prices_have_a_bin_each() -> None:
    found = binned([("370.02", "300"), ("370.00", "100"), ("370.01", "0"), ("370.03", "100.5")], 20)

    assert found is not None
    assert found.bins == [
        (Decimal("370.00"), Decimal(100)), (Decimal("370.02"), Decimal(300)), (Decimal("370.03"), Decimal("100.5")),
    ]  # fmt: skip
    assert (found.width, found.total, found.most_traded, found.prices) == (
        Decimal("0.01"), Decimal("500.5"), Decimal("370.02"), 3,
    )  # fmt: skip
    assert found.average == Decimal("370.018012")


def test_many_prices_are_binned_by_a_round_width() -> None:
    found = binned([(str(Decimal(37000 + tick) / 100), "10") for tick in range(1000)], 20)

    assert found is not None
    assert found.width == Decimal("0.5")
    assert found.bins == [(Decimal("370") + Decimal("0.5") * number, Decimal(500)) for number in range(20)]


@given(st.dictionaries(st.integers(-500, 100_000), st.integers(1, 10**6), min_size=1), st.integers(2, 100))
def test_bins_are_as_few_as_wanted_and_have_everything(sizes: dict[int, int], most: int) -> None:
    found = binned([(str(Decimal(tick) / 400), str(size)) for tick, size in sizes.items()], most)

    assert found is not None
    assert len(found.bins) <= most
    assert sum(size for _, size in found.bins) == found.total == sum(sizes.values())
    assert [edge for edge, _ in found.bins] == sorted(edge for edge, _ in found.bins)


def test_nothing_traded_is_none() -> None:
    assert binned([], 20) is None
    assert binned([("1", "0")], 20) is None


@pytest.mark.parametrize("row", [("x", "1"), ("1", ""), ("NaN", "1"), ("1", "Infinity")])
def test_what_is_no_number_is_an_error(row: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="no row of a histogram"):
        binned([row], 20)
