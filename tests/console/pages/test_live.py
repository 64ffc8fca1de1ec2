"""The live pages: they show what the worker knows, inert whatever it says, and their streams need a sign-in."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from bridge.bus.controls.approvals import Approval, ask_approval
from bridge.bus.events.event import EventDraft, SessionEvent
from bridge.bus.events.event_log import log_events
from bridge.bus.events.stream_handles import StreamHandle, add_handle
from bridge.bus.events.watches import Watch
from bridge.bus.identity.sign_ins import end_sign_ins_of
from bridge.bus.server.server import BusServer
from bridge.bus.transport.connection import BusError
from console.pages import live
from tests.stacks.bus import KEY
from tests.stacks.console import OVERVIEW, console
from tests.stacks.front import READY, answering, worker

HOSTILE = "<img src=x onerror=alert(1)>\"'&{{ 7*7 }}<script>alert(2)</script>"
PATHS = ("/", "/orders", "/activity", "/limits", "/session")
TOLD = answering(json.loads(OVERVIEW.model_dump_json()))


async def lines_until(lines: AsyncIterator[str], text: str) -> list[str]:
    found: list[str] = []
    async with asyncio.timeout(10):
        async for line in lines:
            found.append(line)
            if text in line:
                break
    return found


async def test_each_page_shows_the_session_and_follows_its_stream(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {"get_overview": TOLD}, READY), console(redis_url, session) as visitor:
        strangers = [(await visitor.get(path)).text for path in PATHS]
        await visitor.sign_in()
        pages = {path: (await visitor.get(path)).text for path in PATHS}

    for stranger in strangers:
        assert "Passphrase" in stranger
        assert "DU1" not in stranger
    for path, page in pages.items():
        assert 'sse-connect="/live?parts=banner,' in page
        assert '<p class="mode">Paper</p>' in page
        assert f'<a href="{path}" aria-current="page">' in page


async def test_the_overview_has_figures_positions_and_orders(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {"get_overview": TOLD}, READY), console(redis_url, session) as visitor:
        page = (await visitor.sign_in()).text

    for text in ("1,000.00", "−12.50", 'id="pos-DU1-265598"', 'href="/orders/key-of-order-7"', "place_order"):
        assert text in page


async def test_whatever_others_write_is_inert(redis_url: str, session: str) -> None:
    hostile = OVERVIEW.model_copy(
        update={
            "positions": [OVERVIEW.positions[0].model_copy(update={"name": HOSTILE, "account": HOSTILE})],
            "orders": [OVERVIEW.orders[0].model_copy(update={"name": HOSTILE, "orderRef": HOSTILE, "key": None,
                                                             "why": HOSTILE, "status": HOSTILE, "action": HOSTILE})],
            "clients": [OVERVIEW.clients[0].model_copy(update={"name": HOSTILE})],
        }
    )  # fmt: skip
    status = READY.model_copy(update={"state": "ready", "worker": HOSTILE, "farms": {HOSTILE: HOSTILE}})
    told = answering(json.loads(hostile.model_dump_json()))
    async with (
        worker(redis_url, session, {"get_overview": told}, status) as bus,
        console(redis_url, session) as visitor,
    ):
        await written_by_others(bus)
        await visitor.sign_in()
        pages = [(await visitor.get(path)).text for path in (*PATHS, "/audit?q=" + HOSTILE.replace("&", "%26"))]
        async with visitor.http.stream("GET", "/live?parts=positions,orders,clients,events,alerts,streams") as stream:
            pages.append("\n".join(await lines_until(stream.aiter_lines(), "event: streams")))

    for page in pages:
        assert "<img" not in page
        assert "<script>" not in page
        assert "49" not in page.replace("&#39;", "").split("{{")[0] or "{{ 7*7 }}" in page
    assert sum("&lt;script&gt;" in page for page in pages) >= 6


async def written_by_others(bus: BusServer) -> None:
    """Write an event, an approval, a stream and an alert whose every text is hostile."""
    event = SessionEvent("order", "2025-06-11T14:30:00+00:00", symbol=HOSTILE, details={"message": HOSTILE, "code": 1})
    await log_events(bus.pipe, bus.keys, bus.lease.token, [EventDraft("order 1", "x", event)])
    await ask_approval(bus.pipe, bus.keys, Approval(KEY, "digest", HOSTILE, HOSTILE))
    now = bus.pipe.clock.now_ms()
    await add_handle(bus.pipe, bus.keys, StreamHandle("s-1", HOSTILE, "quotes", "", HOSTILE, {}, "", now, now))
    alert = Watch("id", HOSTILE, "once", [{"event": HOSTILE}], now, [], note=HOSTILE, targets=[HOSTILE])
    await bus.pipe.send("HSET", bus.keys.watches, "id", json.dumps(to_dict(alert)))


def to_dict(alert: Watch) -> dict[str, object]:
    return {name: getattr(alert, name) for name in ("id", "principal", "mode", "conditions", "created_ms", "marks",
                                                    "note", "targets")}  # fmt: skip


async def test_a_stream_without_a_sign_in_tells_nothing(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {"get_overview": TOLD}, READY), console(redis_url, session) as visitor:
        stream = await visitor.get("/live?parts=banner,positions")
        curve = await visitor.get("/equity.json")

    assert stream.text == "event: over\ndata: \n\n"
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert curve.status_code == 401


@pytest.mark.parametrize("way", ["signs out", "is revoked"])
async def test_a_stream_ends_when_its_operator_signs_out_or_is_revoked(redis_url: str, session: str, way: str) -> None:
    async with worker(redis_url, session, {"get_overview": TOLD}, READY) as bus, console(redis_url, session) as visitor:
        await visitor.sign_in()
        async with visitor.http.stream("GET", "/live?parts=banner,positions,no-such-part") as stream:
            lines = stream.aiter_lines()
            seen = await lines_until(lines, "event: positions")
            if way == "signs out":
                await visitor.post("/sign-out", form_of="/")
            else:
                await end_sign_ins_of(bus.pipe, bus.keys, "anna")
            rest = await lines_until(lines, "event: over")

    assert "event: banner" in seen
    assert rest[-1] == "event: over"


async def test_many_open_streams_are_refused_before_they_lock_others_out(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 1)
    async with worker(redis_url, session, {"get_overview": TOLD}, READY), console(redis_url, session) as visitor:
        await visitor.sign_in()
        async with visitor.http.stream("GET", "/live?parts=banner") as stream:
            await lines_until(stream.aiter_lines(), "event: banner")
            second = await visitor.get("/live?parts=banner")

    assert (second.status_code, second.text) == (503, "At most 1 pages are live at once. Close some.\n")


async def test_the_equity_curve_is_drawn_from_what_was_watched(redis_url: str, session: str) -> None:
    async with worker(redis_url, session, {"get_overview": TOLD}, READY), console(redis_url, session) as visitor:
        await visitor.sign_in()
        curves = (await visitor.get("/equity.json")).json()

    assert [(each["account"], each["currency"], each["day"][0][1]) for each in curves] == [("DU1", "USD", 1000.0)]


async def test_a_stream_ends_without_a_fault_where_redis_is_lost(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each page connects again and again meanwhile, and a trace for each would fill the log."""

    async def lost(*_: object) -> str:
        raise BusError("Redis is away")

    async with console(redis_url, session) as visitor:
        await visitor.sign_in()
        monkeypatch.setattr(live, "signed_in_operator", lost)
        answer = await visitor.get("/live?parts=banner")

    assert (answer.status_code, answer.text) == (200, "")
    assert "Exception in ASGI" not in caplog.text
