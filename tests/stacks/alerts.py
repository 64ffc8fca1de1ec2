"""The alerts that the event log has, as tests read them."""

from typing import Any

from bridge.bus.events.event import Cursor, SessionEvent
from bridge.conditions import watch_id
from bridge.tools.events import WaitCondition
from tests.stacks.worker import Caller
from tests.waiting import until


async def alerts(front: Caller) -> list[SessionEvent]:
    """All that fired, oldest first."""
    page = await front.bus_client.events.page(Cursor())
    return [each.event for each in page.events if each.event.kind == "alert"]


async def fired(front: Caller, count: int = 1, timeout_s: float = 10) -> list[SessionEvent]:
    """Wait until so many fired, and return them."""

    async def enough() -> bool:
        return len(await alerts(front)) >= count

    await until(enough, f"{count} alerts have fired", timeout_s)
    return await alerts(front)


async def watch(front: Caller, **condition: Any) -> str:
    """Have one condition watched, as a wait has it, and return the watch's id."""
    kept = await front.ask("keep_watches", events=[condition])
    (id,) = kept["watches"]
    assert id == watch_id(front.name, WaitCondition.model_validate(condition))
    return str(id)
