"""An order for an advisor's group is shared among the group's accounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibgateway.simulator.model.orders import CommissionReport
from ibgateway.simulator.world.account.allocation import allot, shared
from tests.stacks.ibgateway.world_and_trader import EURUSD, Trader, new_world

MINE = """<ListOfGroups><Group><name>Mine</name><ListOfAccts varName="list">
<Account><acct>DU1</acct><amount>3.0</amount></Account><Account><acct>DU2</acct><amount>1.0</amount></Account>
</ListOfAccts><defaultMethod>Ratio</defaultMethod></Group>
<Group><name>Others</name><ListOfAccts varName="list"><String>DU9</String></ListOfAccts></Group></ListOfGroups>"""


@pytest.fixture
def advisor() -> Trader:
    trader = Trader(new_world(accounts=("DU1", "DU2", "DU3")))
    trader.world.replace_fa(1, trader.world.fa_config(1).replace("</ListOfGroups>", MINE[len("<ListOfGroups>") :]))
    return trader


def held(trader: Trader, symbol: str = "AAPL") -> dict[str, Decimal]:
    return {each.account: each.position for each in trader.world.positions(None) if each.contract.symbol == symbol}


def test_all_accounts_get_the_same_where_nothing_else_is_said(advisor: Trader) -> None:
    orderId = advisor.place("BUY", 30, "MKT", faGroup="All")

    assert held(advisor) == {"DU1": 10, "DU2": 10, "DU3": 10}
    assert advisor.statuses(orderId)[-1] == "Filled"
    assert {each.acctNumber for each in advisor.fills(orderId)} == {"DU1", "DU2", "DU3"}
    assert len({each.execId for each in advisor.fills(orderId)}) == len(advisor.fills(orderId))


def test_each_account_pays_its_own_minimum(advisor: Trader) -> None:
    advisor.place("BUY", 3, "MKT", faGroup="All")

    assert [each.commission for each in advisor.of(CommissionReport)] == [1.0, 1.0, 1.0]


def test_a_groups_amounts_are_a_ratio(advisor: Trader) -> None:
    advisor.place("BUY", 40, "MKT", faGroup="Mine")

    assert held(advisor) == {"DU1": 30, "DU2": 10}


def test_an_order_may_name_another_method(advisor: Trader) -> None:
    advisor.place("BUY", 1_000_000, "MKT", EURUSD, account="DU1")  # which costs a commission and the spread
    advisor.place("BUY", 40, "MKT", faGroup="Mine", faMethod="Equal")
    assert held(advisor) == {"DU1": 20, "DU2": 20}

    advisor.place("SELL", 10, "MKT", faGroup="Mine", faMethod="NetLiq")
    assert sum(held(advisor).values()) == 30


@pytest.mark.parametrize("fields", [{"faGroup": "Nobody"}, {"faGroup": "Others"}, {"faGroup": "All", "faMethod": "X"}])
def test_a_group_that_is_none_is_refused(advisor: Trader, fields: dict[str, Any]) -> None:
    orderId = advisor.place("BUY", 1, "MKT", **fields)

    assert [code for code, _ in advisor.errors()] == [321]
    assert not advisor.fills(orderId)


def test_what_one_account_can_not_carry_is_refused(advisor: Trader) -> None:
    orderId = advisor.place("BUY", 10_000_000, "MKT", faGroup="Mine")

    assert advisor.statuses(orderId)[-1] == "Inactive"
    assert [code for code, _ in advisor.errors()] == [201]


@settings(max_examples=100, deadline=None)
@given(
    weights=st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any),
    sizes=st.lists(st.decimals(Decimal("0.01"), 500, places=2), min_size=1, max_size=8),
)
def test_fills_are_given_away_whole_and_nobody_is_far_from_its_share(weights: list[int], sizes: list[Decimal]) -> None:
    parts = shared({f"DU{n}": Decimal(weight) for n, weight in enumerate(weights)})

    for size in sizes:
        given_away = allot(parts, size)
        assert sum(quantity for _, quantity in given_away) == size
        for part, quantity in given_away:
            assert quantity > 0
            part.filled += quantity

    assert max(abs(part.filled - part.share * sum(sizes)) for part in parts) <= 2
