"""The market-data lines that quotes leave alone, the type of a substitute's request, and errors about lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import ib_async
import pytest

from ib_worker.market_data.quote_line import (
    all_in_use,
    ask_in_substitute_type,
    kept_from_quotes,
    not_requested,
    share_in_use,
)


@dataclass
class Wire:
    sent: list[int | str] = field(default_factory=list)

    @contextmanager
    def together(self) -> Iterator[None]:
        self.sent.append("one write")
        yield

    def reqMarketDataType(self, number: int) -> None:  # TWS's own spelling
        self.sent.append(number)


@pytest.mark.parametrize(("most", "kept"), [(100, 10), (20, 10), (6, 3), (1, 0)])
def test_quotes_leave_ten_lines_alone_or_half_of_a_few(most: int, kept: int) -> None:
    assert kept_from_quotes(most) == kept


def test_a_substitutes_request_leaves_the_usual_type_behind() -> None:
    wire = Wire()

    ask_in_substitute_type(wire, 1, lambda: wire.sent.append("reqMktData"))

    assert wire.sent == ["one write", 4, "reqMktData", 1]


def test_errors_about_lines_say_what_is_in_use() -> None:
    assert "All 100 market-data lines are in use, but 2 that are kept for orders." in all_in_use(100, 2).message
    assert "All 100 market-data lines are in use. End a stream" in all_in_use(100, 0).message
    assert "This client has 50 of the 100 market-data lines" in share_in_use(50, 100).message
    assert "prices of SPY." in not_requested(ib_async.Contract(symbol="SPY")).message
