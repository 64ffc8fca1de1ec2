"""A short stretch of the random runs, and the plan behind them."""

import asyncio
from dataclasses import replace

import pytest

from tests.faults.plan import Plan, plan_of
from tests.faults.run import play
from tests.faults.stage import Stage
from tests.faults.stalls import Stalls

MEANT = {"statuses thrice", "reset after an order"}  # what is over within a few seconds


def test_a_plan_is_its_seed() -> None:
    plans = [plan_of(1, number) for number in range(300)]

    assert plans == [plan_of(1, number) for number in range(300)]
    assert {plan.fronts for plan in plans} == {1, 2, 3}
    assert {len(plan.clients) for plan in plans} == set(range(3, 11))
    assert {len(plan.faults) for plan in plans} == {0, 1, 2, 3, 4}
    assert plans != [plan_of(2, number) for number in range(300)]


def quick_plans() -> list[Plan]:
    """The first run of the seed without a fault, and the first with each fault that is meant."""
    found: dict[str, Plan] = {}
    for number in range(2000):
        plan = plan_of(1, number)
        if plan.standby or plan.fronts > 1 or len(plan.faults) > 1:
            continue
        name = plan.faults[0].name if plan.faults else ""
        if name in MEANT | {""}:
            found.setdefault(name, plan)
    return [replace(plan, eras=[not each for each in plan.eras]) for plan in found.values()]


@pytest.mark.timeout(180)
@pytest.mark.fault(8, 43, 96)
async def test_every_invariant_holds_in_a_few_runs() -> None:
    plans = quick_plans()
    assert len(plans) == len(MEANT) + 1
    async with asyncio.timeout(170), Stage() as stage:
        results = [await play(stage, plan, Stalls()) for plan in plans]

    assert [each.wrong for each in results] == [[]] * len(plans)
    assert all(each.answers for each in results)
