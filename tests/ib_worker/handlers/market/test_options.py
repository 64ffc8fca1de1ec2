"""Option chains, option quotes and calculations, at the simulator over TCP."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import ib_async
import pytest

from bridge.tool import ToolError
from bridge.tools.market.options import (
    CalculateImpliedVolatility,
    CalculateOptionPrice,
    GetOptionChain,
    GetOptionQuotes,
    OptionChain,
    OptionQuotes,
    OptionValue,
)
from bridge.tools.types import ContractArguments
from ib_worker.handlers.market.options import (
    calculate_implied_volatility,
    calculate_option_price,
    get_option_chain,
    get_option_quotes,
)
from ib_worker.market_data.option_chains import OptionChains, Parameters
from ib_worker.pacing.caller import SESSION, acting_for
from ib_worker.pacing.message_pacer import Priority
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Stand, caller, order, ready_session, trading, worker
from tests.waiting import until

REQUEST, CANCEL, PLACE, DETAILS, PARAMETERS = 1, 2, 3, 9, 78  # TWS's message ids
JULY = "20250718"
OPTION: dict[str, Any] = {
    "symbol": "SPY", "lastTradeDateOrContractMonth": JULY, "strike": 400, "right": "P", "underPrice": 390,
}  # fmt: skip


async def chain_of(stand: Stand, **arguments: Any) -> OptionChain:
    return await get_option_chain(GetOptionChain(**arguments), stand.session)


async def quotes_of(stand: Stand, **arguments: Any) -> OptionQuotes:
    return await get_option_quotes(GetOptionQuotes(**arguments), stand.session)


def cells(told: OptionQuotes, column: str) -> list[Any]:
    if column in told.same:
        return [told.same[column]] * told.count
    return [row[told.columns.index(column)] for row in told.rows]


def sent(sim: Simulator, message: int) -> int:
    return len(sim.journal.entries("in", message))


# chains


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


# quotes


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


# what fails


async def test_without_the_underlyings_quotes_strikes_are_asked_for_in_numbers(sim: Simulator) -> None:
    sim.fault("on reqMktData 1 answer 354 Requested market data is not subscribed.")
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError, match="Strikes as numbers, such as 380-420, need none") as refused:
            await quotes_of(stand, symbol="SPY", expiry=JULY)
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="395-400")

    assert (refused.value.code, refused.value.details["twsCode"]) == ("no_data", 354)
    assert told.count == 4


async def test_options_without_permission_are_one_failure(sim: Simulator) -> None:
    sim.fault("entitlement none")
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="395-410")

    (failed,) = told.failed
    assert (told.count, told.rows, failed.code, failed.twsCode, failed.count) == (0, [], "no_data", 10168, 8)
    assert failed.options[0] == "SPY 18JUL25 395 C"
    assert len(failed.options) == 5


@pytest.mark.parametrize("setting", ["delayed", "live"])
async def test_delayed_options_say_so(sim: Simulator, setting: str) -> None:
    sim.fault("entitlement delayed")
    async with ready_session(sim, market_data_type=setting) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="atm 1")
        again = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="atm 1")

    assert again.rows == told.rows

    assert told.same["marketDataType"] == "delayed"
    assert None not in (*cells(told, "bid"), *cells(told, "delta"), *cells(told, "openInterest"))


async def test_greeks_that_never_come_are_null_and_waited_for_once(sim: Simulator) -> None:
    sim.fault("swallow tickOptionComputation")
    clock = asyncio.get_running_loop().time
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="400")
        began = clock()
        await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="400")
        again = clock() - began
        with pytest.raises(ToolError, match="no greeks") as refused:
            await quotes_of(stand, symbol="SPY", expiry=JULY, delta=0.3)

    assert {told.same[name] for name in ("impliedVol", "delta", "gamma", "vega", "theta")} == {None}
    assert told.underPrice is None
    assert "no greeks of 2" in (told.note or "")
    assert again < 1
    assert refused.value.code == "no_data"


async def test_greeks_that_tws_has_not_computed_are_null(sim: Simulator) -> None:
    for field in (5, 8, 9, 10):  # delta, gamma, vega, theta
        sim.fault(f"rewrite tickOptionComputation {field} -2")
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="400", right="P")

    assert [cells(told, name) for name in ("delta", "gamma", "theta")] == [[None]] * 3


async def test_options_of_which_nothing_comes_are_failures(sim: Simulator) -> None:
    sim.fault("on reqMktData each ignore")
    async with ready_session(sim) as stand:
        told = await quotes_of(stand, symbol="SPY", expiry=JULY, strikes="400, 405")

    assert [(each.code, each.count) for each in told.failed] == [("no_data", 4)]


@pytest.mark.parametrize(
    "arguments",
    [{"strikes": "all"}, {"delta": "1.5"}, {"expiry": "soon"}, {"limit": 101}, {"right": "X"}, {"secType": "CASH"}],
)
async def test_what_has_no_meaning_is_refused(
    redis_url: str, session: str, sim: Simulator, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        GetOptionQuotes(symbol="SPY", **arguments)


async def test_an_order_overtakes_another_callers_options(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front, caller(redis_url, session, "reader") as reader:
        await front.submit("place_order", **order(symbol="IBM"))
        asking = asyncio.create_task(reader.ask("get_option_quotes", symbol="SPY", expiry=JULY, strikes="atm 20"))
        await until(lambda: sent(sim, REQUEST) > 8, "the options are under way")
        await front.submit("place_order", **order())
        assert (await asking)["count"] == 40

    messages = [entry.msgId for entry in sim.journal.entries("in") if entry.msgId in (REQUEST, PLACE)]
    assert messages.index(PLACE, 1) < 40  # of 43


async def test_without_a_gateway_the_calls_are_errors(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        sim.fault("on reqMktData 3 reset")
        broken = await front.refused("get_option_quotes", symbol="SPY", expiry=JULY, strikes="395-410")
    async with worker(redis_url, session, 1), caller(redis_url, session) as front:
        await front.reaches("failed")
        down = [
            await front.refused("get_option_chain", symbol="SPY"),
            await front.refused("get_option_quotes", symbol="SPY"),
            await front.refused("calculate_option_price", **OPTION, volatility=0.2),
            await front.refused("calculate_implied_volatility", **OPTION, optionPrice=15),
        ]

    assert broken.code == "retry"
    assert {each.code for each in down} == {"gateway_unreachable"}


# calculations


async def test_a_price_and_the_volatility_that_it_implies_agree(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        priced = OptionValue.model_validate(await front.ask("calculate_option_price", **OPTION, volatility=0.25))
        implied = OptionValue.model_validate(
            await front.ask("calculate_implied_volatility", **OPTION, optionPrice=priced.optionPrice)
        )

    assert priced.option == implied.option == "SPY 18JUL25 400 P"
    assert (priced.underPrice, priced.volatility, priced.simulated) == (390, 0.25, True)
    assert implied.volatility == pytest.approx(0.25, abs=1e-4)
    assert implied.delta == pytest.approx(priced.delta, abs=1e-3)
    assert implied.vega == pytest.approx(priced.vega, abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"strike": 401.5}, "not_found"),
        ({"lastTradeDateOrContractMonth": "20250606"}, "not_found"),
        ({"lastTradeDateOrContractMonth": "202507"}, "invalid_arguments"),
        ({"optionPrice": 1.0}, "no_data"),  # below the intrinsic value of 10
    ],
)
async def test_what_cannot_be_calculated_says_why(sim: Simulator, changes: dict[str, Any], code: str) -> None:
    arguments = OPTION | {"optionPrice": 15.0} | changes
    async with ready_session(sim) as stand:
        with pytest.raises(ToolError) as refused:
            await calculate_implied_volatility(CalculateImpliedVolatility(**arguments), stand.session)

    assert refused.value.code == code


async def test_a_calculation_that_is_not_answered_is_cancelled(sim: Simulator) -> None:
    sim.fault("on calculateOptionPrice ignore")
    async with ready_session(sim) as stand:
        asking = asyncio.create_task(
            calculate_option_price(CalculateOptionPrice(**OPTION, volatility=0.2), stand.session)
        )
        await until(lambda: sent(sim, 55) == 1, "the request is sent")
        await stand.session.tws.close()
        await asyncio.wait({asking})
        await until(lambda: sent(sim, 57) == 1, "the request is cancelled")


async def test_a_flood_of_calculations_waits_in_its_callers_own_line(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        with acting_for("flooding"):
            flood = [
                asyncio.create_task(
                    calculate_option_price(CalculateOptionPrice(**OPTION, volatility=0.2 + at / 1000), stand.session)
                )
                for at in range(120)
            ]
        await asyncio.sleep(0.1)
        waits_s = stand.session.tws.pacer.wait_s(Priority.READS, SESSION)
        for each in flood:
            each.cancel()
        await asyncio.gather(*flood, return_exceptions=True)

    assert waits_s < 0.5
