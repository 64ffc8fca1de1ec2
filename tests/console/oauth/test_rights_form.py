"""Rights as an operator writes them on a form."""

import pytest
from starlette.datastructures import FormData

from bridge.toolsets import TOOLSETS
from console.oauth.rights_form import chosen_rights, client_name

TICKED = [("scope", "read"), *(("toolset", each) for each in TOOLSETS)]


def form(*fields: tuple[str, str]) -> FormData:
    return FormData([*TICKED, *fields])


def test_empty_fields_restrict_nothing() -> None:
    assert chosen_rights(form(("accounts", " "), ("max_order_value", "")), ["read", "trade"]).told() == "read"


def test_fields_are_read_as_people_write_them() -> None:
    rights = chosen_rights(form(("accounts", "du1,DU2"), ("symbols", "brk b"), ("max_orders_per_day", "5")), ["read"])

    assert rights.told() == "read; accounts DU1, DU2; symbols BRK B; max_orders_per_day 5"


def test_nothing_is_given_that_was_not_asked_for() -> None:
    assert chosen_rights(form(("scope", "admin")), ["read"]).scopes == {"read"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([("max_order_value", "much")], "a number is expected"),
        ([("max_order_value", "-5")], "max_order_value"),
        ([("max_order_value", "nan")], "max_order_value"),
        ([("max_orders_per_day", "1.5")], "max_orders_per_day"),
        ([("accounts", "DU 1")], "accounts"),
    ],
)
def test_what_is_no_right_is_refused(fields: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        chosen_rights(form(*fields), ["read"])


def test_no_tick_is_no_right() -> None:
    with pytest.raises(ValueError, match="at least one right"):
        chosen_rights(FormData([("toolset", "session")]), ["read"])


def test_a_name_is_a_principals_and_nobody_can_choose_all_of_it() -> None:
    names = {client_name(about) for about in ("Claude Code (localhost)", "Claude Code (localhost)", "<script>", "日本")}

    assert len(names) == 4
    assert sorted(name[:-7] for name in names) == ["claude-code", "claude-code", "client", "script"]
