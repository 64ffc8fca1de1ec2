"""The console's metrics: responses by status, what waits, and the kill switch."""

from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from bridge.bus.client.client import BusClient
from bridge.metrics.figures import Distribution
from console.metrics import ConsoleParts, ResponseCount, console_samples
from tests.stacks.timing import PATIENT


async def read(redis_url: str, session: str, *, halt: bool = False) -> dict[str, dict[tuple[str, ...], object]]:
    async with BusClient(redis_url, session, "console", PATIENT) as bus:
        if halt:
            await bus.halt("anna", "a test")
        responses = ResponseCount(PlainTextResponse("ok"))
        parts = ConsoleParts(responses, [], Distribution())
        return {each.name: dict(each.values) for each in await console_samples(parts, bus)}


async def test_it_tells_approvals_and_the_kill_switch(redis_url: str, session: str) -> None:
    found = await read(redis_url, session, halt=True)

    assert found["ibkr_console_approvals_waiting"] == {(): 0}
    assert found["ibkr_console_kill_switch"] == {("halt",): 1.0, ("reduce_only",): 0.0}


async def test_without_redis_what_it_does_not_know_is_left_out() -> None:
    found = await read("redis://127.0.0.1:1/0", "gone")

    assert found["ibkr_console_redis_up"] == {(): 0.0}
    assert found.keys().isdisjoint({"ibkr_console_approvals_waiting", "ibkr_console_kill_switch"})


def test_responses_count_by_status() -> None:
    counted = ResponseCount(PlainTextResponse("gone", 404))
    TestClient(counted).get("/")

    assert counted.statuses == {"404": 1}
