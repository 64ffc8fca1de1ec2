"""Redis answers and takes no writes: the status, /readyz and the doctor name that at once, and say what to do."""

import shutil

import httpx
import pytest

from bridge.bus.transport.pipeline import CommandPipeline
from cli.diagnostics.checks import examine
from cli.diagnostics.finding import Place
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.front import serving, worker

pytestmark = pytest.mark.trial("E4")


@pytest.mark.parametrize(
    ("command", "what", "remedy"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), "out of memory", "maxmemory"),
        (("REPLICAOF", "127.0.0.1", "1"), "read-only replica", "primary"),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), "too few replicas", "min-replicas-to-write"),
    ],
)
async def test_a_redis_that_takes_no_writes_is_named_at_once_by_status_readiness_and_doctor(
    own_redis: EmbeddedRedis,
    session: str,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    what: str,
    remedy: str,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    async with (
        worker(own_redis.url, session, {}),
        serving(own_redis.url, session) as front,
        httpx.AsyncClient(verify=False) as web,
    ):
        async with CommandPipeline(own_redis.url) as pipe:
            await pipe.send(*command)
        status = (await front.raw().call("ibkr_get_status"))["structuredContent"]
        readiness = await web.get(front.endpoint.replace("/api/v1", "/readyz"))
        found = await examine(Place(front.endpoint, None, None, own_redis.url, "none"))

    [told] = [each for each in found if each.part == "redis" and "answers at" in each.told]
    assert (status["state"], status["is_connected"]) == ("bus_down", False)
    assert readiness.status_code == 503
    for cause, cure in (
        (status["cause"], status["remedy"]),
        (readiness.json()["cause"], readiness.json()["remedy"]),
        (told.told, told.cure),
    ):
        assert what in cause
        assert remedy in cure
        assert "Start the worker" not in cure
    assert told.kind == "fault"
