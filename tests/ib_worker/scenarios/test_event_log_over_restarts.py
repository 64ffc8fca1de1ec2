"""The event log of a session that trades: every fill and state once, whatever restarts in between."""

from bridge.bus.events.event import Cursor, SessionEvent
from bridge.bus.events.event_log import read_events
from bridge.order_references import order_ref
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import Caller, frames, order, trading
from tests.waiting import until


async def events(front: Caller, after: Cursor = Cursor()) -> list[SessionEvent]:  # noqa: B008  # frozen
    page = await read_events(front.bus_client.pipe, front.bus_client.keys, after)
    assert not page.gap
    return [each.event for each in page.events]


def told(found: list[SessionEvent], kind: str) -> list[tuple[str, object]]:
    names = {order_ref(key): key for key in ("key-0001", "key-0002")}  # a new leader knows the reference alone
    return [
        (names[each.orderRef], each.details.get("status", each.details.get("shares")))
        for each in found
        if each.kind == kind
    ]


async def test_an_order_is_told_from_its_frame_to_its_commission(redis_url: str, session: str, sim: Simulator) -> None:
    async with trading(redis_url, session, sim) as front:
        placed = await front.submit("place_order", key="key-0001", **order())

        async def paid() -> bool:
            return any(each.kind == "commission" for each in await events(front))

        await until(paid, "the commission is logged")
        found = await events(front)

    assert placed["status"] == "Filled"
    assert [told(found, "order")[0], told(found, "order")[-1]] == [("key-0001", "unknown"), ("key-0001", "Filled")]
    assert told(found, "execution") == [("key-0001", 1.0)]
    assert [each.details["state"] for each in found if each.kind == "session"][-1] == "ready"


async def logged(front: Caller, kind: str, what: tuple[str, object]) -> list[SessionEvent]:
    """Wait for an event; return the whole log."""

    async def there() -> bool:
        return what in told(await events(front), kind)

    await until(there, f"{kind} {what} is logged")
    return await events(front)


async def test_a_restarted_worker_tells_what_happened_meanwhile_and_nothing_again(
    redis_url: str, session: str, sim: Simulator
) -> None:
    resting = order(symbol="IBM", orderType="LMT", lmtPrice=1)
    async with trading(redis_url, session, sim) as front:
        await front.submit("place_order", key="key-0001", **order())
        rests = await front.submit("place_order", key="key-0002", **resting)
        await logged(front, "execution", ("key-0001", 1.0))
        before = await logged(front, "order", ("key-0002", "Submitted"))
    sim.fault(f"fill {rests['orderId']}")  # while no worker leads
    async with trading(redis_url, session, sim) as front:
        await logged(front, "order", ("key-0002", "Filled"))
        after = await logged(front, "execution", ("key-0002", 1.0))

    news = after[len(before) :]
    assert after[: len(before)] == before
    assert told(news, "order") == [("key-0002", "Filled")]
    assert told(news, "execution") == [("key-0002", 1.0)]
    assert frames(sim) == 2


async def test_the_kill_switch_is_told_when_it_is_set_and_released(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        await front.bus_client.halt("claude", "too fast")

        async def halted() -> bool:
            return any(each.kind == "halt" for each in await events(front))

        await until(halted, "the halt is logged")
        halt = next(each for each in await events(front) if each.kind == "halt")

    assert halt.details == {"level": "halt", "by": "claude", "reason": "too fast"}
