"""Which orders belong together, what each is among them, and how much of them can fill."""

from dataclasses import replace
from typing import Any

import pytest

from ib_worker.order_groups.groups import Member, Role, exits_of, group_of, most_filled, named, role_of, with_quantity

pytestmark = pytest.mark.trial("A9", "A10")

ENTRY = Member(1, 1, 20, 900, "DU1", 4815747, "BUY", "LMT", 10, remaining=10)
LEAVES: dict[str, Any] = {"action": "SELL", "parentId": 20, "ocaGroup": "900"}
TARGET = replace(ENTRY, name=2, orderId=21, permId=901, **LEAVES)
STOP = replace(ENTRY, name=3, orderId=22, permId=902, orderType="STP", **LEAVES)
BRACKET = [ENTRY, TARGET, STOP]
LEGS: tuple[Role, ...] = ("entry", "takeProfit", "stopLoss")
OURS = [
    replace(each, bracket="key-of-ours", leg=leg, ours=True, parentId=0, ocaGroup="")
    for each, leg in zip(BRACKET, LEGS, strict=True)
]
STRANGER = replace(ENTRY, name=9, orderId=50, permId=990)


def named_so(*members: Member) -> list[int]:
    return [each.name for each in members]


GROUPS: dict[str, tuple[list[Member], list[int], list[str]]] = {
    "a bracket by its parent's id": (BRACKET, [1, 2, 3], ["entry", "takeProfit", "stopLoss"]),
    "a bracket that is known by its key alone": (OURS, [1, 2, 3], ["entry", "takeProfit", "stopLoss"]),
    "a bracket whose entry TWS has archived without its id": (
        [replace(ENTRY, orderId=0, open=False), TARGET, STOP], [1, 2, 3], ["entry", "takeProfit", "stopLoss"],
    ),
    "exits whose entry nobody knows any more": ([TARGET, STOP], [2, 3], ["takeProfit", "stopLoss"]),
    "an OCA group of three without a parent": (
        [replace(each, parentId=0, ocaGroup="mine") for each in BRACKET], [1, 2, 3],
        ["takeProfit", "takeProfit", "stopLoss"],
    ),
    "a parent whose child hedges another contract": (
        [ENTRY, replace(TARGET, action="SELL", conId=12)], [1, 2], ["entry", "child"],
    ),
    "a child that has a child of its own": (
        [ENTRY, replace(TARGET, ocaGroup=""), replace(STOP, parentId=21, ocaGroup="", action="BUY")], [1, 2, 3],
        ["entry", "entry", "stopLoss"],
    ),
    "an order alone": ([ENTRY, STRANGER], [1], ["order"]),
    "another client's child of an equal id": ([ENTRY, replace(TARGET, clientId=2, ocaGroup="")], [1], ["order"]),
    "another account's group of an equal name": (
        [replace(ENTRY, ocaGroup="g"), replace(TARGET, account="DU2", parentId=0, ocaGroup="g")], [1], ["takeProfit"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("known", "names", "roles"), GROUPS.values(), ids=GROUPS)
def test_the_orders_of_a_group_are_found_from_each_of_them(
    known: list[Member], names: list[int], roles: list[str]
) -> None:
    group = group_of(known[0], known)

    assert sorted(named_so(*group)) == names
    if roles != ["takeProfit"]:
        assert [role_of(each, group) for each in sorted(group, key=lambda each: each.name)] == roles
    for each in group:
        assert sorted(named_so(*group_of(each, [*known, STRANGER]))) == names


def test_an_entry_comes_first_however_its_group_is_known() -> None:
    assert named_so(*group_of(STOP, [STOP, TARGET, ENTRY])) == [1, 2, 3]


QUANTITIES: dict[str, tuple[list[Member], float, dict[int, float] | None]] = {
    "both exits follow": (BRACKET, 20, {2: 20, 3: 20}),
    "both exits follow down": (BRACKET, 4, {2: 4, 3: 4}),
    "a bracket of ours follows": (OURS, 7, {2: 7, 3: 7}),
    "one exit of ours was left behind": ([OURS[0], replace(OURS[1], totalQuantity=7), OURS[2]], 7, {3: 7}),
    "the same where its key is not known": (
        [ENTRY, replace(TARGET, ours=True), replace(STOP, ours=True, totalQuantity=7)], 10, {3: 10},
    ),
    "an exit that has ended stays": ([ENTRY, replace(TARGET, open=False), STOP], 20, {3: 20}),
    "targets that share it out keep their shares": (
        [ENTRY, replace(TARGET, totalQuantity=4), replace(TARGET, name=4, totalQuantity=6), STOP], 20,
        {2: 8, 4: 12, 3: 20},
    ),
    "shares that are no whole number are not guessed": (
        [ENTRY, replace(TARGET, totalQuantity=5), replace(TARGET, name=4, totalQuantity=5), STOP], 15, None,
    ),
    "shares of a fraction are what they are": (
        [replace(ENTRY, totalQuantity=0.1), replace(STOP, totalQuantity=1)], 0.3, {3: 3},
    ),
    "a child that opens more is not an exit": ([ENTRY, replace(TARGET, action="BUY")], 20, {}),
    "a hedge in another contract is not an exit": ([ENTRY, replace(TARGET, conId=12)], 20, {}),
    "an order alone has none": ([ENTRY, STRANGER], 20, {}),
}  # fmt: skip


@pytest.mark.parametrize(("group", "quantity", "wanted"), QUANTITIES.values(), ids=QUANTITIES)
def test_exits_have_what_their_entry_has(group: list[Member], quantity: float, wanted: dict[int, float] | None) -> None:
    assert with_quantity(group[0], quantity, group) == wanted


def test_an_entrys_exits_are_those_that_close_it() -> None:
    assert named_so(*exits_of(ENTRY, [*BRACKET, STRANGER, replace(STOP, name=5, open=False)])) == [2, 3]


RESTING: dict[str, tuple[list[Member], float]] = {
    "of a target and a stop one fills": ([TARGET, STOP], 10),
    "the same without a group's name": ([replace(each, ocaGroup="") for each in (TARGET, STOP)], 10),
    "two brackets add up": ([TARGET, STOP, replace(STOP, name=7, orderId=60, parentId=59, ocaGroup="959")], 20),
    "targets that share it out add up beside one stop": (
        [replace(TARGET, remaining=4, ocaGroup=""), replace(TARGET, name=4, remaining=6, ocaGroup=""),
         replace(STOP, ocaGroup="")], 10,
    ),
    "orders that belong to nothing add up": ([STRANGER, replace(STRANGER, name=10, orderId=51, permId=991)], 20),
    "none is none": ([], 0),
    "fractions add up to what they are": (
        [replace(STRANGER, remaining=0.1), replace(STRANGER, name=10, orderId=51, permId=991, remaining=0.2)], 0.3,
    ),
}  # fmt: skip


@pytest.mark.trial("A12")
@pytest.mark.parametrize(("resting", "most"), RESTING.values(), ids=RESTING)
def test_orders_that_exclude_each_other_fill_once(resting: list[Member], most: float) -> None:
    assert most_filled(resting) == most


def test_orders_are_named_in_words() -> None:
    assert named(["takeProfit", "stopLoss"]) == "the stop and the target"
    assert named(["stopLoss", "entry", "takeProfit"]) == "the entry, the stop and the target"
    assert named(["exit"]) == "the exit"
