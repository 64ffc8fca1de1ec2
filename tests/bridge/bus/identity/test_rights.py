"""Rights name what a client may do; what they do not name is all of it, except scopes."""

import msgspec
import pytest

from bridge.bus.identity.rights import EVERYTHING, Rights
from bridge.tool import OPERATIONS, TOOLS, Effect
from bridge.tools import account, orders, portfolio  # noqa: F401  # registers the tools


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        ((), {"read", "trade", "admin"}),
        (("read",), {"trade", "admin"}),
        (("read", "trade"), {"admin"}),
        (("read", "trade", "admin"), set()),
    ],
)
def test_each_effect_needs_a_scope(scopes: tuple[str, ...], missing: set[str]) -> None:
    rights = msgspec.convert({"scopes": scopes}, Rights)

    assert {scope for each in Effect if (scope := rights.missing_scope(each))} == missing


def test_a_set_that_names_nothing_means_everything() -> None:
    assert EVERYTHING.has_account("DU1")
    assert EVERYTHING.has_toolset(TOOLS["ibkr_place_order"])


def test_what_is_named_is_all_that_there_is() -> None:
    rights = Rights(frozenset({"read"}), frozenset({"DU1"}), frozenset({"orders"}), frozenset({"SPY"}))

    assert (rights.has_account("DU1"), rights.has_account("DU2")) == (True, False)
    assert rights.has_toolset(TOOLS["ibkr_place_order"])
    assert not rights.has_toolset(TOOLS["ibkr_get_portfolio"])


def test_a_toolset_has_the_operations_that_its_tools_ask_and_not_the_tools_of_these() -> None:
    for_charts, for_orders = (Rights(frozenset({"read"}), toolsets=frozenset({each})) for each in ("charts", "orders"))
    positions = OPERATIONS["get_positions"]

    for rights in (for_charts, for_orders):  # a chart of the account, and close_positions
        assert (rights.has_operation(positions), rights.has_toolset(positions)) == (True, False)
    assert not rights.has_operation(OPERATIONS["get_portfolio"])


def test_what_relieves_is_in_every_clients_toolsets() -> None:
    rights = Rights(frozenset({"read", "trade"}), toolsets=frozenset({"quotes"}))

    assert all(rights.may_use(each) for each in TOOLS.values() if each.relieves)


def test_rights_with_a_field_of_a_later_release_are_unreadable() -> None:
    with pytest.raises(msgspec.ValidationError, match="max_leverage"):
        msgspec.json.decode(b'{"scopes":["read"],"max_leverage":2}', type=Rights)


def test_rights_are_told_in_one_line() -> None:
    rights = Rights(frozenset({"trade", "read"}), frozenset({"DU2", "DU1"}), max_order_value=5e3, max_orders_per_day=3)

    assert rights.told() == "read, trade; accounts DU1, DU2; max_order_value 5000; max_orders_per_day 3"
    assert Rights().told() == "nothing"
