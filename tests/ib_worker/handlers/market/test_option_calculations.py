"""Option prices and implied volatilities, as TWS calculates them."""

import asyncio
from typing import Any

import pytest

from bridge.tool import ToolError
from bridge.tools.market.options import (
    CalculateImpliedVolatility,
    CalculateOptionPrice,
    OptionValue,
)
from ib_worker.handlers.market.options import (
    calculate_implied_volatility,
    calculate_option_price,
)
from ib_worker.pacing.caller import SESSION, acting_for
from ib_worker.pacing.message_pacer import Priority
from ibgateway.simulator.server.server import Simulator
from tests.stacks.options import (
    OPTION,
    sent,
)
from tests.stacks.worker import ready_session, trading
from tests.waiting import until


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
