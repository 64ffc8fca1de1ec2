"""Nothing is counted where no port is set."""

from bridge.bus.server.server import BusServer
from ib_worker.metrics.serving import counting
from ib_worker.settings import WorkerSettings
from tests.stacks.timing import PATIENT


async def test_without_a_port_nothing_is_counted_or_served(redis_url: str, session: str) -> None:
    async with BusServer(redis_url, session, "worker", timing=PATIENT) as bus, counting(WorkerSettings(), bus) as parts:
        assert parts is None
        assert bus.pipe.on_round_trip is None


async def test_with_a_port_each_round_trip_counts(redis_url: str, session: str) -> None:
    async with (
        BusServer(redis_url, session, "worker", timing=PATIENT) as bus,
        counting(WorkerSettings(metrics_port=0), bus) as parts,
    ):
        await bus.pipe.send("PING")
        assert parts is not None
        assert sum((await parts.scrape()).round_trips.counts) > 0
