"""Messages that answer a request: each is a part, the whole, or the end of the answer of the one that waits."""

import sys
from collections.abc import Callable, Hashable
from typing import Any

import ib_async
import pytest

from ib_worker.tws.replies import RequestReplies
from ib_worker.tws.requests import CURRENT_TIME, NEWS_BULLETINS, NEWS_PROVIDERS, SCANNER_PARAMETERS, PendingRequests
from ib_worker.tws.values.news import SentBulletin, SentHeadline

UNSET = sys.float_info.max  # TWS's double that says nothing
SPY, IBM = (ib_async.ContractDetails(contract=ib_async.Contract(conId=conId)) for conId in (756733, 8314))


async def answered(key: Hashable, *messages: Callable[[RequestReplies], None]) -> Any:
    """Return the answer of the request that waits, of two, after these messages; None where it waits still."""
    requests = PendingRequests(late_s=1, grace_s=1)
    replies = RequestReplies(requests)
    with requests.expect(key) as waits, requests.expect("another") as other:
        for message in messages:
            message(replies)

        assert other.silent
        return waits.answer.result() if waits.answer.done() else None


@pytest.mark.parametrize(
    ("part", "end", "kept"),
    [
        (lambda to: to.contractDetails(1, SPY), lambda to: to.contractDetailsEnd(1), SPY),
        (lambda to: to.bondContractDetails(1, IBM), lambda to: to.contractDetailsEnd(1), IBM),
        (
            lambda to: to.securityDefinitionOptionParameter(1, "SMART", "756733", "SPY", "100", ["20260116"], [600.0]),
            lambda to: to.securityDefinitionOptionParameterEnd(1),
            ("SMART", "SPY", "100", ["20260116"], [600.0]),
        ),
        (
            lambda to: to.accountSummary(1, "DU1", "NetLiquidation", "5", "USD"),
            lambda to: to.accountSummaryEnd(1),
            ("DU1", "NetLiquidation", "5", "USD"),
        ),
        (
            lambda to: to.accountUpdateMulti(1, "DU1", "", "Cash", "5", "USD"),
            lambda to: to.accountUpdateMultiEnd(1),
            ("DU1", "Cash", "5", "USD"),
        ),
        (
            lambda to: to.positionMulti(1, "DU1", "", SPY.contract, 3.0, 600.0),
            lambda to: to.positionMultiEnd(1),
            ("DU1", SPY.contract, 3.0, 600.0),
        ),
        (lambda to: to.scannerData(1, 0, SPY, "", "", "", ""), lambda to: to.scannerDataEnd(1), (0, SPY.contract)),
    ],
)
async def test_a_list_is_whole_at_its_end(
    part: Callable[[RequestReplies], None], end: Callable[[RequestReplies], None], kept: object
) -> None:
    assert await answered(1, part, part) is None
    assert await answered(1, part, part, end) == [kept, kept]


@pytest.mark.parametrize(
    ("key", "message", "answer"),
    [
        (1, lambda to: to.symbolSamples(1, ["a"]), ["a"]),
        (("market rule", 26), lambda to: to.marketRule(26, ["a"]), ["a"]),
        (1, lambda to: to.historicalSchedule(1, "start", "end", "US/Eastern", ["a"]), ["a"]),
        (1, lambda to: to.headTimestamp(1, "19930129-14:30:00"), "19930129-14:30:00"),
        (1, lambda to: to.histogram(1, [("600.1", "7")]), [("600.1", "7")]),
        (1, lambda to: to.newsArticle(1, 0, "text"), (0, "text")),
        (SCANNER_PARAMETERS, lambda to: to.scannerParameters("<xml/>"), ["<xml/>"]),
        (NEWS_PROVIDERS, lambda to: to.newsProviders(["a"]), [["a"]]),
        (CURRENT_TIME, lambda to: to.currentTime(1_700_000_000), [1_700_000_000]),
    ],
)
async def test_an_answer_of_one_message(key: Hashable, message: Callable[[RequestReplies], None], answer: Any) -> None:
    assert await answered(key, message) == answer


async def test_historical_ticks_come_in_several_messages() -> None:
    first, last = (lambda to: to.historicalTicks(1, ["a"], False)), (lambda to: to.historicalTicksLast(1, ["b"], True))

    assert await answered(1, first) is None
    assert await answered(1, first, last) == [["a"], ["b"]]


async def test_headlines_end_with_whether_there_are_more() -> None:
    headline = ("2026-01-02 03:04:05.0", "BRFG", "BRFG$1", "A headline")

    told = await answered(1, lambda to: to.historicalNews(1, *headline), lambda to: to.historicalNewsEnd(1, True))

    assert told == [SentHeadline(*headline), True]


async def test_profits_that_tws_has_not_computed_are_an_answer_only_if_no_other_comes() -> None:
    unset = (UNSET, UNSET, UNSET)

    assert await answered(1, lambda to: to.pnl(1, *unset)) is None
    assert await answered(1, lambda to: to.pnl(1, *unset), lambda to: to.pnl(1, 5.0, 6.0, UNSET)) == (5.0, 6.0, UNSET)


async def test_bulletins_come_for_as_long_as_they_are_waited_for() -> None:
    requests = PendingRequests(late_s=1, grace_s=1)
    with requests.expect(NEWS_BULLETINS) as waits:
        RequestReplies(requests).updateNewsBulletin(7, 1, "closed", "NYSE")

        assert waits.parts == [SentBulletin(7, 1, "closed", "NYSE")]
        assert not waits.answer.done()
