"""An advisor's groups can be replaced, and nonsense leaves them as they were."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.account.allocation import Group
from ibgateway.simulator.world.reference.advisor import Advisor
from ibgateway.simulator.world.world import World


def test_an_advisors_groups_can_be_replaced(world: World) -> None:
    groups = "<ListOfGroups><Group><name>Mine</name></Group></ListOfGroups>"
    assert world.replace_fa(1, groups)

    assert world.fa_config(1) == groups
    assert "DU1234567" in world.fa_config(3)


@pytest.mark.parametrize("xml", ["", "<ListOfGroups>", "<Other/>", "<!DOCTYPE x []><ListOfGroups/>"])
def test_groups_that_are_none_are_refused(world: World, xml: str) -> None:
    before = world.fa_config(1)
    with pytest.raises(Refusal):
        world.replace_fa(1, xml)

    assert world.fa_config(1) == before


def test_every_account_is_in_a_group_of_all_with_equal_parts() -> None:
    groups = Advisor(("DU1", "DU2")).groups()

    assert groups == {"All": Group("Equal", {"DU1": Decimal(1), "DU2": Decimal(1)})}


def test_a_group_that_is_put_in_place_has_its_method_and_amounts() -> None:
    advisor = Advisor(("DU1", "DU2"))
    members = "".join(
        f"<Account><acct>{account}</acct><amount>{amount}</amount></Account>"
        for account, amount in (("DU1", "2.5"), ("DU2", "-1"))
    )
    advisor.replace(
        1,
        f"<ListOfGroups><Group><name> Mine </name>{members}<defaultMethod>Ratio</defaultMethod></Group></ListOfGroups>",
    )

    assert advisor.groups() == {"Mine": Group("Ratio", {"DU1": Decimal("2.5"), "DU2": Decimal(0)})}


def test_an_empty_group_is_none() -> None:
    advisor = Advisor(("DU1",))
    advisor.replace(1, "<ListOfGroups><Group><name>Nobody</name></Group></ListOfGroups>")

    assert advisor.groups() == {}


@pytest.mark.parametrize(
    ("kind", "xml", "code"),
    [
        (2, "<x/>", 321),  # profiles are no more
        (1, "<ListOfAccountAliases/>", 574),
        (3, "<ListOfGroups/>", 574),
        (1, "<ListOfGroups", 574),
        (1, "<!DOCTYPE x []><ListOfGroups/>", 10230),
        (1, f"<ListOfGroups>{' ' * 100_000}</ListOfGroups>", 10230),
    ],
)
def test_a_replacement_is_refused_by_its_code(kind: int, xml: str, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        Advisor(("DU1",)).replace(kind, xml)

    assert refused.value.code == code


def test_names_of_accounts_are_text_in_the_xml() -> None:
    assert Advisor(("<D&U>",)).config(3).count("&lt;D&amp;U&gt;") == 2
