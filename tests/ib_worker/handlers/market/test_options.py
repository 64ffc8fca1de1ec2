"""Option chains, option quotes and calculations, at the simulator over TCP."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import ib_async
import pytest

from bridge.tool import ToolError
from bridge.tools.market.options import (
    OptionChain,
    OptionQuotes,
)
from bridge.tools.types import ContractArguments
from ib_worker.market_data.option_chains import OptionChains, Parameters
from ibgateway.simulator.server.server import Simulator
from tests.stacks.options import (
    CANCEL,
    DETAILS,
    JULY,
    PARAMETERS,
    PLACE,
    REQUEST,
    cells,
    chain_of,
    quotes_of,
    sent,
)
from tests.stacks.worker import caller, order, ready_session, trading
from tests.waiting import until


async def test_a_chain_has_its_expiries_and_its_strikes_as_ranges(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        told = OptionChain.model_validate(await front.ask("get_option_chain", symbol="SPY"))

    (spy,) = told.classes
    assert (told.count, told.truncated, told.simulated, told.note) == (1, False, True, None)
    assert (told.underlying, told.underConId) == ("SPY", 756733)
    assert (spy.tradingClass, spy.multiplier, spy.exchange) == ("SPY", "100", "SMART")
    assert spy.expirations[0] == "20250613"
    assert JULY in spy.expirations
    assert [len(each) for each in spy.strikes] == [3]
    assert len(told.model_dump_json()) < 1000


async def test_a_chain_is_asked_for_once_an_hour(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        await chain_of(stand, symbol="SPY")
        await chain_of(stand, symbol="SPY", expiry="next month")
        again = await chain_of(stand, symbol="SPY")

    assert again.age_s >= 0
    assert sent(sim, PARAMETERS) == 1


async def test_an_index_is_known_by_its_symbol_and_has_its_classes_apart(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await chain_of(stand, symbol="SPX")
        weekly = await chain_of(stand, symbol="SPX", expiry="20250613")
        named = await chain_of(stand, symbol="SPX", tradingClass="spxw")

    assert [each.tradingClass for each in told.classes] == ["SPX", "SPXW"]
    assert [(each.tradingClass, each.expirations) for each in weekly.classes] == [("SPXW", ["20250613"])]
    assert [each.tradingClass for each in named.classes] == ["SPXW"]


async def test_options_on_futures_are_found_at_the_month_that_has_the_expiry(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        near = await chain_of(stand, symbol="ES", secType="FUT", exchange="CME")
        later = await chain_of(stand, symbol="ES", secType="FUT", expiry="next month")

    assert (near.underlying, later.underlying) == ("ES JUN25", "ES SEP25")
    assert [each.expirations for each in later.classes] == [[JULY]]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"symbol": "NOSUCH"}, "NOSUCH"),
        ({"symbol": "EUR", "currency": "USD", "secType": "IND"}, "EUR"),
        ({"symbol": "SPY", "expiry": "20250719"}, "nearest expiries are 20250613"),
        ({"symbol": "SPY", "expiry": "20250606"}, "20250606 has expired"),
        ({"symbol": "SPY", "tradingClass": "SPYX"}, "Use one of SPY"),
    ],
)
async def test_what_is_not_listed_is_not_found(sim: Simulator, arguments: dict[str, Any], text: str) -> None:
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match=text) as refused:
            await chain_of(stand, **arguments)

    assert refused.value.code == "not_found"


async def test_the_at_the_money_put_of_next_month(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        answer = await front.ask("get_option_quotes", symbol="SPY", expiry="next month", strikes="atm", right="P")
    told = OptionQuotes.model_validate(answer)

    assert (told.count, told.of, told.truncated, told.simulated, told.failed, told.note) == (
        1,
        1,
        False,
        True,
        [],
        None,
    )
    assert told.same == {
        "symbol": "SPY", "secType": "OPT", "expiry": JULY, "days": 37, "tradingClass": "SPY", "currency": "USD",
        "multiplier": "100", "exchange": "SMART", "right": "P", "marketDataType": "live", "halted": False,
    }  # fmt: skip
    assert told.underPrice is not None
    (strike,), (delta,) = cells(told, "strike"), cells(told, "delta")
    assert abs(strike - told.underPrice) <= 2.5
    assert -0.6 < delta < -0.4
    assert all(cells(told, name)[0] > 0 for name in ("bid", "ask", "volume", "openInterest", "impliedVol", "vega"))
    assert cells(told, "theta")[0] < 0


async def test_both_rights_of_the_strikes_around_the_money(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="atm 4")

    assert cells(told, "right") == ["C", "P"] * 4
    assert len(set(cells(told, "strike"))) == 4
    for call, put in zip(cells(told, "delta")[::2], cells(told, "delta")[1::2], strict=True):
        assert call - put == pytest.approx(1, abs=0.001)


@pytest.mark.parametrize("right", ["C", "P"])
async def test_about_thirty_delta_is_the_nearest_of_all(sim: Simulator, right: str) -> None:
    async with ready_session(sim) as stand:
        near = await quotes_of(stand, symbol="SPY", expiry=JULY, delta=0.3, right=right)
        every = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="80%-120%", right=right)

    nearest = min(
        zip(cells(every, "delta"), cells(every, "strike"), strict=True), key=lambda each: abs(abs(each[0]) - 0.3)
    )
    assert cells(near, "strike") == [nearest[1]]
    assert (near.count, near.of) == (1, 1)


async def test_a_range_of_deltas_has_all_between(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        some = await quotes_of(stand, symbol="SPY", expiry=JULY, delta="0.2-0.4")
        every = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="80%-120%", limit=100)

    between = [
        (strike, right)
        for strike, right, delta in zip(*(cells(every, name) for name in ("strike", "right", "delta")), strict=True)
        if 0.2 <= abs(delta) <= 0.4
    ]
    assert list(zip(cells(some, "strike"), cells(some, "right"), strict=True)) == between
    assert len(between) > 4


async def test_listed_strikes_need_no_price_of_the_underlying(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes=[400, 401.5, 410], right="C")

    assert cells(told, "strike") == [400, 410]
    assert told.notListed == [401.5]
    assert told.note is not None
    assert "This expiry has no strike 401.5; the nearest are 395, 400, 405, 410." in told.note
    assert sent(sim, REQUEST) == 2
    assert told.underPrice is not None


async def test_no_leg_costs_a_contract_details_request(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="atm 5")

    assert (sent(sim, DETAILS), sent(sim, PARAMETERS), sent(sim, REQUEST)) == (1, 1, 11)
    fields = [entry.fields for entry in sim.journal.entries("in", REQUEST)]
    assert {each[-4] for each in fields} == {"", "101"}  # open interest of options
    assert {each[-2] for each in fields} == {"0"}  # regulatorySnapshot


async def test_the_next_caller_has_the_lines_that_are_open(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="atm 5")
        before = sent(sim, REQUEST)
        again = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="atm 5")
        put = (await stand.session.contracts.details(ContractArguments(**terms(again), secType="OPT")))[0].contract
        assert put is not None

        assert again.count == 10
        assert sent(sim, REQUEST) == before
        assert stand.published.open == []


def terms(told: OptionQuotes) -> dict[str, Any]:
    return {
        "symbol": "SPY", "lastTradeDateOrContractMonth": JULY, "strike": cells(told, "strike")[0], "right": "P",
    }  # fmt: skip


async def test_a_watched_option_answers_from_its_line(sim: Simulator) -> None:
    watched = ContractArguments(symbol="SPY", secType="OPT", lastTradeDateOrContractMonth=JULY, strike=400, right="P")
    async with ready_session(sim) as stand:
        line = await stand.session.quotes.open(await stand.session.contracts.contract(watched))
        await line.computed.wait()
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes=400, right="P")

    assert (told.count, sent(sim, REQUEST)) == (1, 1)
    assert cells(told, "openInterest")[0] > 0


async def test_more_options_than_lines_are_read_one_after_another(sim: Simulator) -> None:
    async with ready_session(sim, market_data_lines=6) as stand:  # of which quotes use three
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="atm 4")

    assert (told.count, told.failed) == (8, [])
    open_lines, most = 0, 0
    for entry in sim.journal.entries("in"):
        open_lines += (entry.msgId == REQUEST) - (entry.msgId == CANCEL)
        most = max(most, open_lines)
    assert most <= 6


async def test_those_farthest_from_the_money_are_cut_and_never_asked_for(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="80%-120%", limit=4)

    assert (told.count, told.of, told.truncated) == (4, 60, True)
    assert told.note is not None
    assert "56 options farthest from the money are left out" in told.note
    assert sent(sim, REQUEST) == 5
    assert all(abs(each - (told.underPrice or 0)) < 10 for each in cells(told, "strike"))


async def test_a_strike_that_the_expiry_lacks_is_replaced_by_its_neighbour(sim: Simulator) -> None:
    sim.fault("on reqMktData 3 answer 200 No security definition has been found for the request")
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="atm 3", right="C")
        requests = sent(sim, REQUEST)
        again = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="atm 3", right="C")

    assert (told.count, told.failed, told.notListed) == (3, [], [])
    assert [after - before for before, after in pairwise(cells(told, "strike"))] != [5, 5]
    assert requests == 5  # the underlying, three, and the one in place of the third
    assert cells(again, "strike") == cells(told, "strike")
    assert sent(sim, REQUEST) == requests  # and is not asked for again


async def test_a_listed_strike_that_the_expiry_lacks_is_said(sim: Simulator) -> None:
    sim.fault("on reqMktData 1 answer 200 No security definition has been found for the request")
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="400, 405", right="C")

    assert (cells(told, "strike"), told.notListed, told.failed) == ([405], [400], [])


async def test_an_expiry_in_two_classes_says_which_was_taken(sim: Simulator) -> None:
    async def both(under: ib_async.Contract, exchange: str) -> list[Parameters]:
        return [("SMART", name, "100", [JULY], [3750.0, 3775.0]) for name in ("SPXW", "SPX")]

    async with ready_session(sim) as stand:
        stand.session.option_chains = OptionChains(both, time.monotonic)
        told = await quotes_of(stand, symbol="SPX", expiry="next month", strikes="atm", right="C")

    assert (told.same["tradingClass"], told.same["otherClasses"], told.count) == ("SPX", "SPXW", 1)


async def test_options_on_futures_have_greeks(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="ES", secType="FUT", expiry="next month", strikes="atm 2")

    assert (told.count, told.same["secType"], told.same["exchange"], told.same["multiplier"]) == (4, "FOP", "CME", "50")
    assert None not in cells(told, "delta")


async def test_an_order_overtakes_another_callers_options(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front, caller(redis_url, session, "reader") as reader:
        await front.submit("place_order", **order(symbol="IBM"))
        asking = asyncio.create_task(reader.ask("get_option_quotes", symbol="SPY", expiry=JULY, strikes="atm 20"))
        await until(lambda: sent(sim, REQUEST) > 8, "the options are under way")
        await front.submit("place_order", **order())
        assert (await asking)["count"] == 40

    messages = [entry.msgId for entry in sim.journal.entries("in") if entry.msgId in (REQUEST, PLACE)]
    assert messages.index(PLACE, 1) < 40  # of 43


@pytest.mark.parametrize(
    ("asked", "strikes", "note"),
    [
        ({"strikes": "atm"}, [300], "The listed strikes end at 300; the price is 37"),
        ({"delta": "0.5"}, [300], "The listed strikes end at 300; the price is 37"),
        ({"strikes": "600-700"}, [], "No strike between 600 and 700 is listed: they go from 200 to 300."),
        ({"strikes": "600-700", "delta": "0.5"}, [], "No strike between 600 and 700 is listed: they go from 200 to"),
        ({"strikes": "250-300", "delta": "0.001-0.002"}, [], "No option with a delta of 0.001-0.002 was found."),
    ],
)
async def test_a_slice_that_the_listed_strikes_do_not_reach_says_so(
    sim: Simulator, asked: dict[str, str], strikes: list[float], note: str
) -> None:
    async def low(under: ib_async.Contract, exchange: str) -> list[Parameters]:
        return [("SMART", "SPY", "100", [JULY], [float(each) for each in range(200, 301, 5)])]

    async with ready_session(sim) as stand:
        stand.session.option_chains = OptionChains(low, time.monotonic)
        told = await quotes_of(stand, symbol="SPY", expiry="next month", right="C", **asked)

    assert (cells(told, "strike"), told.truncated) == (strikes, False)
    assert (told.note or "").startswith(note)
