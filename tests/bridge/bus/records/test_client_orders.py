"""A client's own orders are counted once each, also where a step is repeated; what was not accepted is given back."""

import pytest

from bridge.bus.keys import Keys
from bridge.bus.records.client_orders import ClientLimits, ClientOrders
from bridge.tool import ToolError
from tests.stacks.bus import pipe_to

FIVE_A_DAY = ClientLimits("claude", 0, 5, 0)


async def refused(orders: ClientOrders, limits: ClientLimits, key: str, count: int = 1) -> str:
    with pytest.raises(ToolError) as error:
        await orders.take(limits, key, count, closing=False)
    assert error.value.details["client"] == limits.client
    return str(error.value.details["limit"])


async def test_orders_count_until_the_limit_of_the_day(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as pipe:
        orders = ClientOrders(pipe, Keys(session))
        for _ in range(2):  # the step is repeated after a lost reply
            await orders.take(FIVE_A_DAY, "bracket", 3, closing=False)
        await orders.take(FIVE_A_DAY, "one", 1, closing=False)
        assert await refused(orders, FIVE_A_DAY, "two", 2) == "max_orders_per_day"

        await orders.give_back(FIVE_A_DAY, "bracket", 3)
        await orders.take(FIVE_A_DAY, "two", 2, closing=False)
        await orders.take(FIVE_A_DAY, "closing", 9, closing=True)
        assert await refused(orders, FIVE_A_DAY, "more") == "max_orders_per_day"


async def test_clients_days_and_minutes_have_counts_of_their_own(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as pipe:
        orders = ClientOrders(pipe, Keys(session))
        await orders.take(ClientLimits("a@b", 1, 0, 0), "k1", 1, closing=False)

        await orders.take(ClientLimits("claude", 1, 0, 0), "k1", 1, closing=False)
        await orders.take(ClientLimits("a@b", 0, 1, 2**52), "k2", 1, closing=False)  # a day that is to come
        assert await refused(orders, ClientLimits("a@b", 1, 0, 0), "k3") == "max_orders_per_minute"


async def test_a_second_delivery_that_is_rejected_gives_no_accepted_order_back(redis_url: str, session: str) -> None:
    """A front that is taken over publishes a request twice: the client's count must not fall by that."""
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        orders, one = ClientOrders(pipe, keys), ClientLimits("claude", 0, 1, 0)
        await orders.take(one, "first", 1, closing=False)
        await pipe.send("HSET", keys.answer("first"), "st", "accepted")
        await orders.take(one, "first", 1, closing=False)
        await orders.give_back(one, "first", 1)

        assert await refused(orders, one, "second") == "max_orders_per_day"
