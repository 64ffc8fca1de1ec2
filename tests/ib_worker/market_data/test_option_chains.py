"""Option chains: the classes at an exchange, and how long they are kept."""

import asyncio

import ib_async

from ib_worker.market_data.option_chains import KEPT_S, OptionChains, Parameters, classes_at

SPY = ib_async.Contract(symbol="SPY", secType="STK", conId=756733)
AMEX: Parameters = ("AMEX", "SPY", "100", ["20250718", "20250613"], [410.0, 400.0])
SMART: Parameters = ("SMART", "SPY", "100", ["20250718", "20250613", "20250620"], [410.0, 400.0])
ADJUSTED: Parameters = ("SMART", "2SPY", "100", ["20250718"], [400.0])
FEW: Parameters = ("CME", "ES", "50", ["20250718"], [400.0])
MANY: Parameters = ("QBALGO", "ES", "50", ["20250718", "20250719"], [400.0])


def test_the_classes_of_one_exchange_are_told_in_order() -> None:
    adjusted, spy = classes_at([AMEX, SMART, ADJUSTED], "SMART")

    assert (adjusted.tradingClass, spy.tradingClass) == ("2SPY", "SPY")
    assert (spy.expirations, spy.strikes) == (("20250613", "20250620", "20250718"), (400, 410))
    assert [each.exchange for each in classes_at([AMEX, SMART], "AMEX")] == ["AMEX"]
    assert classes_at([AMEX], "BOX") == ()


def test_without_smart_a_class_is_told_where_it_has_most_expirations() -> None:
    (only,) = classes_at([FEW, MANY], "SMART")

    assert only.exchange == "QBALGO"


async def test_a_chain_is_kept_for_an_hour_and_an_empty_one_is_not() -> None:
    clock, asked = [0.0], []

    async def fetch(under: ib_async.Contract, exchange: str) -> list[Parameters]:
        asked.append((under.symbol, exchange))
        await asyncio.sleep(0)
        return [SMART] if len(asked) > 1 else []

    chains = OptionChains(fetch, lambda: clock[0])
    empty = await chains.chain(SPY, "SMART")
    first, again = await asyncio.gather(chains.chain(SPY, "SMART"), chains.chain(SPY, "SMART"))
    clock[0] = KEPT_S
    kept = await chains.chain(SPY, "SMART")
    age_s = chains.age_s(kept)
    clock[0] = KEPT_S + 1
    renewed = await chains.chain(SPY, "SMART")
    await chains.close()

    assert empty.classes == ()
    assert first is again is kept
    assert age_s == KEPT_S
    assert renewed is not kept
    assert asked == [("SPY", "")] * 3
