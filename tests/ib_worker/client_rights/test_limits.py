"""A client's own limit can only tighten the session's, and the error names whose it is."""

import msgspec
import pytest

from bridge.bus.identity.clients import Client
from bridge.bus.identity.rights import Rights
from bridge.tool import ToolError
from ib_worker.client_rights.current import acting_as
from ib_worker.client_rights.limits import client_counts, limits_of_client, naming_client
from ib_worker.risk.limit_settings import Limits

SESSIONS = Limits(max_order_value=1_000.0, max_position_value="off")


@pytest.mark.parametrize(
    ("own", "holds"),
    [
        ({}, (1_000.0, "off")),
        ({"max_order_value": 500.0}, (500.0, "off")),
        ({"max_order_value": 2_000.0}, (1_000.0, "off")),
        ({"max_position_value": 7.0}, (1_000.0, 7.0)),
    ],
)
def test_the_tighter_of_two_limits_holds(own: dict[str, float], holds: tuple[object, object]) -> None:
    with acting_as(Client("claude", msgspec.convert(own, Rights))):
        limits = limits_of_client(SESSIONS)

    assert (limits.max_order_value, limits.max_position_value) == holds
    assert limits_of_client(SESSIONS) is SESSIONS


@pytest.mark.parametrize(("own", "named"), [(500.0, True), (1_000.0, False), (2_000.0, False)])
def test_an_error_names_the_client_where_the_limit_is_its_own(own: float, named: bool) -> None:
    error = ToolError("limit_exceeded", "Too much.", limit="max_order_value")
    with acting_as(Client("claude", Rights(max_order_value=own))):
        told = naming_client(error, SESSIONS)

    assert ("claude's own limit" in told.message, told.details.get("client") == "claude") == (named, named)
    assert naming_client(error, SESSIONS) is error


def test_counts_are_a_clients_that_has_such_a_limit() -> None:
    assert client_counts(5) is None
    with acting_as(Client("claude", Rights(max_order_value=1.0))):
        assert client_counts(5) is None
    with acting_as(Client("claude", Rights(max_orders_per_day=3))):
        counts = client_counts(5)

    assert counts is not None
    assert (counts.client, counts.per_minute, counts.per_day, counts.day_from_ms) == ("claude", 0, 3, 5)
