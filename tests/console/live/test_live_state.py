"""The shared live state: what the worker does not tell now stays, and is said to be old."""

import json

from bridge.bus.client.client import BusClient
from bridge.tools.session import SessionStatus
from console.live.live_state import read_live_state
from tests.stacks.console import OVERVIEW
from tests.stacks.front import READY, answering, worker
from tests.stacks.timing import PATIENT


async def test_what_the_worker_tells_is_of_now(redis_url: str, session: str) -> None:
    answer = answering(json.loads(OVERVIEW.model_dump_json()))
    async with (
        worker(redis_url, session, {"get_overview": answer}, READY),
        BusClient(redis_url, session, "console-1", PATIENT) as bus,
    ):
        shown = await read_live_state(bus, "", None)

    assert (shown.problem, shown.known, shown.age_s) == ("", OVERVIEW, 0)
    assert (shown.minute_orders, shown.day_orders, shown.time) == (0, 0, OVERVIEW.time)


async def test_what_was_known_stays_and_is_old(redis_url: str, session: str) -> None:
    down = READY.model_copy(update={"state": "link_down", "is_connected": False, "cause": "No IBKR."})
    answer = answering(json.loads(OVERVIEW.model_dump_json()))
    async with BusClient(redis_url, session, "console-1", PATIENT) as bus:
        async with worker(redis_url, session, {"get_overview": answer}, READY):
            before = await read_live_state(bus, "", None)
        gone = await read_live_state(bus, "", before)
        async with worker(redis_url, session, {}, down):
            cut_off = await read_live_state(bus, "", before)
        async with worker(redis_url, session, {"get_overview": answering({"time": 1})}, READY):
            strange = await read_live_state(bus, "", before)

    assert isinstance(READY, SessionStatus)
    for shown in (gone, cut_off, strange):
        assert shown.stale
        assert (shown.known, shown.read) == (OVERVIEW, before.read)
    assert cut_off.problem == "No IBKR."
    assert "can't be read" in strange.problem
