"""The market-data lines that quotes leave alone, the type of a substitute's request, and errors about lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import ib_async
import pytest

from bridge.tool import ToolError
from ib_worker.market_data.quote import QuoteState
from ib_worker.market_data.quote_line import (
    ChangedLines,
    LineBudget,
    LineTable,
    QuoteSubscription,
    ask_in_substitute_type,
    kept_from_quotes,
    not_requested,
)
from ib_worker.pacing.message_pacer import Priority


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

    ask_in_substitute_type(wire, 1, [lambda: wire.sent.append("reqMktData")] * 2)

    assert wire.sent == ["one write", 4, "reqMktData", "reqMktData", 1]


def line(conId: int, opener: str = "claude", *, streamed: bool = True) -> QuoteSubscription:
    contract = ib_async.Contract(conId=conId, symbol="SPY")
    return QuoteSubscription(contract, f"quotes-{conId}", opener, QuoteState("SPY", conId), streamed=streamed)


def budget(most: int, *lines: QuoteSubscription) -> LineBudget:
    table = LineTable()
    for each in lines:
        table.add(each)
    return LineBudget(most, table, {3}, table.remove, lambda: 1)


def test_a_line_is_settled_by_a_price_whole_with_all_and_new_after_a_gap() -> None:
    one = line(1)
    one.size(0, 5.0)
    one.generic(49, 0.0)
    assert (one.ticks, one.settled.is_set(), one.whole.is_set()) == (2, False, False)

    one.price(1, 10.0, 5.0)
    assert (one.ticks, one.settled.is_set(), one.whole.is_set()) == (3, True, False)
    for tickType in (2, 4, 9):  # ask, last and close
        one.price(tickType, 10.0, 5.0)
    assert one.whole.is_set()

    one.forget(QuoteState("SPY", 1))
    assert (one.ticks, one.settled.is_set(), one.whole.is_set()) == (0, False, False)


def test_an_option_without_its_con_id_has_the_line_that_was_opened_with_one() -> None:
    terms = {"symbol": "SPY", "secType": "OPT", "strike": 400.0, "right": "C", "exchange": "SMART", "currency": "USD"}
    opened = ib_async.Contract(conId=7, **terms)  # type: ignore[arg-type]  # of differing types
    own = QuoteSubscription(opened, "quotes-7", "claude", QuoteState("SPY", 7))
    beside = QuoteSubscription(opened, "substitute-7", "claude", QuoteState("SPY", 7), substitute=True)
    table = LineTable()
    table.add(own)
    table.add(beside)

    by_terms = ib_async.Contract(**terms)  # type: ignore[arg-type]
    assert table.named(opened) is table.named(by_terms) is table.get(7) is own
    assert table.substitute(opened) is beside
    assert list(table) == [own, beside]

    table.remove(own)
    assert own not in table
    assert table.named(opened) is table.named(by_terms) is None
    assert beside in table  # and a line made anew under an old key is not the old one
    table.add(QuoteSubscription(opened, "quotes-7", "claude", QuoteState("SPY", 7)))
    assert own not in table


def test_room_is_made_of_lines_that_nobody_reads_or_holds() -> None:
    of_four = budget(4, line(1), line(2, streamed=False), line(3, streamed=False))
    of_four.require_room(0)
    assert of_four.open == 3  # one line of another kind among them

    with pytest.raises(ToolError, match="All 4 market-data lines are in use, but 1 that are kept for orders"):
        of_four.require_room(1)
    with pytest.raises(ToolError, match="All 2 market-data lines are in use"):
        budget(2, line(1)).require_room(0)


def test_a_line_that_tws_refused_makes_no_room() -> None:
    refused = line(1, streamed=False)
    refused.problem = ToolError("no_data", "no subscription")
    of_three = budget(3, refused, line(2, streamed=False), line(4, streamed=False))

    of_three.require_room(0)

    assert of_three.open == 2  # of three places one was for another kind, and one line had to go


def test_a_caller_has_a_share_of_the_lines_and_an_order_has_none() -> None:
    of_four = budget(4, *(line(number) for number in range(10, 14)))

    of_four.require_share("another", Priority.READS)
    of_four.require_share("claude", Priority.ORDERS)
    with pytest.raises(ToolError, match="of the 4 market-data lines"):
        of_four.require_share("claude", Priority.READS)


def test_a_line_that_cannot_be_asked_for_is_named() -> None:
    assert "prices of SPY." in not_requested(ib_async.Contract(symbol="SPY")).message


def lines_of(count: int) -> list[QuoteSubscription]:
    contracts = [ib_async.Contract(conId=number, symbol=f"S{number}") for number in range(1, count + 1)]
    return [QuoteSubscription(each, each.symbol, "claude", QuoteState(each.symbol, each.conId)) for each in contracts]


def test_a_long_packet_is_published_in_parts_each_contract_whole() -> None:
    published, pushes = list[str](), list[int]()
    changed = ChangedLines(lambda line: published.append(line.stream), lambda: pushes.append(len(published)))
    for line in lines_of(10):
        for _ in range(3):
            changed.add(line)
    assert pushes == [4, 8]
    changed.flush()

    assert published == [f"S{number}" for number in range(1, 11)]


def test_parts_of_one_packet_are_few_and_a_dropped_line_is_in_none() -> None:
    published, pushes, lines = list[str](), list[int](), lines_of(100)
    changed = ChangedLines(lambda line: published.append(line.stream), lambda: pushes.append(len(published)))
    for line in lines:
        changed.add(line)
    changed.discard(lines[-1])
    changed.flush()

    assert len(pushes) == 8
    assert published == [each.stream for each in lines[:-1]]
