"""Searches of symbols: one a second, equal ones together, and answers that are remembered."""

import asyncio
from itertools import pairwise

import ib_async
import pytest

from bridge.tool import ToolError
from ib_worker.pacing import symbol_search
from ib_worker.pacing.caller import acting_for
from ib_worker.pacing.symbol_search import Descriptions, SymbolSearch


class Tws:
    """Counts the requests, and when each came."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    async def __call__(self, pattern: str) -> Descriptions:
        self.asked.append((pattern, asyncio.get_running_loop().time()))
        await asyncio.sleep(0.01)
        return [ib_async.ContractDescription(ib_async.Contract(conId=1, symbol=pattern))]


def search(tws: Tws) -> SymbolSearch:
    return SymbolSearch(tws, asyncio.get_running_loop().time)


async def test_equal_searches_are_one_and_a_repeat_has_its_age() -> None:
    tws = Tws()
    symbols = search(tws)

    together = await asyncio.gather(*(symbols.matching(each) for each in ("apple", "APPLE", " Apple ")))
    later, age_s = await symbols.matching("apple")

    assert [pattern for pattern, _ in tws.asked] == ["APPLE"]
    assert all(found == later for found, _ in together)
    assert 0 <= age_s < 5


async def test_an_old_answer_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbol_search, "KEPT_S", 0.0)
    monkeypatch.setattr(symbol_search, "APART_S", 0.0)
    tws = Tws()
    symbols = search(tws)

    await symbols.matching("apple")
    await asyncio.sleep(0.01)
    await symbols.matching("apple")

    assert len(tws.asked) == 2


async def test_searches_go_out_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbol_search, "APART_S", 0.1)
    tws = Tws()
    symbols = search(tws)

    await asyncio.gather(*(symbols.matching(each) for each in ("a", "b", "c")))

    times = [at for _, at in tws.asked]
    assert all(later - earlier >= 0.095 for earlier, later in pairwise(times))


async def test_a_search_that_would_wait_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbol_search, "APART_S", 0.2)
    monkeypatch.setattr(symbol_search, "LONGEST_WAIT_S", 0.3)
    symbols = search(Tws())

    done = await asyncio.gather(*(symbols.matching(each) for each in "abcd"), return_exceptions=True)

    refused = [each for each in done if isinstance(each, ToolError)]
    assert len(refused) == 2
    assert (refused[0].code, refused[0].details["retry_after_s"]) == ("paced", pytest.approx(0.4, abs=0.1))


async def by_caller(symbols: SymbolSearch, *asked: tuple[str, str]) -> list[Descriptions | ToolError]:
    """Search for callers, in the order given, all at the same time."""

    async def one(caller: str, pattern: str) -> Descriptions | ToolError:
        with acting_for(caller):
            try:
                return (await symbols.matching(pattern))[0]
            except ToolError as error:
                return error

    return await asyncio.gather(*(one(*each) for each in asked))


async def test_callers_take_turns_however_much_one_of_them_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbol_search, "APART_S", 0.05)
    monkeypatch.setattr(symbol_search, "LONGEST_WAIT_S", 0.22)
    tws = Tws()

    found = await by_caller(search(tws), *(("hungry", each) for each in "abcdefgh"), ("quiet", "x"))

    assert [pattern for pattern, _ in tws.asked] == ["A", "B", "X", "C", "D", "E"]
    assert [isinstance(each, ToolError) for each in found] == [False] * 5 + [True] * 3 + [False]


async def test_a_search_that_another_caller_made_meanwhile_costs_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbol_search, "APART_S", 0.1)
    tws = Tws()

    asked = [("hungry", "a"), ("hungry", "b"), ("hungry", "x"), ("hungry", "c"), ("quiet", "x")]
    found = await by_caller(search(tws), *asked)

    assert [pattern for pattern, _ in tws.asked] == ["A", "B", "X", "C"]
    assert tws.asked[3][1] - tws.asked[2][1] < 0.19
    assert found[2] == found[4]


async def test_the_least_recent_answers_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbol_search, "APART_S", 0.0)
    monkeypatch.setattr(symbol_search, "KEPT", 1)
    tws = Tws()
    symbols = search(tws)

    for each in ("a", "b", "a"):
        await symbols.matching(each)

    assert [pattern for pattern, _ in tws.asked] == ["A", "B", "A"]
    await symbols.close()


async def test_nothing_found_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbol_search, "APART_S", 0.0)
    asked: list[str] = []

    async def nothing(pattern: str) -> Descriptions:
        asked.append(pattern)
        return []

    symbols = SymbolSearch(nothing, asyncio.get_running_loop().time)

    assert [(await symbols.matching("spy"))[0] for _ in range(2)] == [[], []]
    assert asked == ["SPY", "SPY"]
