"""TWS's message codes: which end an order, which end a request, and which end nothing."""

import pytest

from ib_worker.tws.values.codes import (
    CANCEL_REFUSED,
    CANCELLED_BY,
    CHANGE_REFUSED,
    ID_OF_ANOTHER,
    REJECTS,
    REQUEST_ENDS,
    UNNAMED,
    WARNINGS,
)


def test_notices_are_no_refusals() -> None:
    assert {2104, 2106, 2109, 2119, 2158, 2169, 399, 10167, 10349} <= WARNINGS
    assert WARNINGS.isdisjoint({200, 201, 202, 321, 354, 1100, 1102, 2200, 10311})


@pytest.mark.parametrize(
    ("code", "group"),
    [
        (110, REJECTS),  # the price does not conform to the minimum price variation
        (201, REJECTS),  # order rejected
        (203, REJECTS),  # the security is not available or allowed for this account
        (202, CANCELLED_BY),
        (104, CHANGE_REFUSED),  # can't modify a filled order
        (10148, CANCEL_REFUSED),  # can't be cancelled, state: …
        (161, CANCEL_REFUSED),
        (162, REQUEST_ENDS),  # historical market data service error
        (200, REQUEST_ENDS),  # no security definition
        (354, REQUEST_ENDS),  # not subscribed
        (10197, REQUEST_ENDS),  # a competing session
        (505, UNNAMED),  # unknown message id
    ],
)
def test_a_code_ends_what_ibkr_says_that_it_ends(code: int, group: frozenset[int]) -> None:
    assert code in group


def test_no_code_ends_something_and_warns_alone() -> None:
    assert WARNINGS.isdisjoint(REJECTS | REQUEST_ENDS | CANCELLED_BY | CHANGE_REFUSED | CANCEL_REFUSED)


@pytest.mark.parametrize("code", [202, 399, 404, 2109, 10311, 10347])
def test_a_code_of_orders_that_stay_live_rejects_nothing(code: int) -> None:
    assert code not in REJECTS


def test_an_order_id_that_another_has_refuses_a_change() -> None:
    assert ID_OF_ANOTHER <= CHANGE_REFUSED
