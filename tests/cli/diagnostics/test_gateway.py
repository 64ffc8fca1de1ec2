"""The doctor's check of the gateway: its port, and a gateway that accepts and says nothing."""

import pytest

from cli.diagnostics import gateway
from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.server.server import Simulator
from tests.stacks.doctor import faults, stack
from tests.stacks.ibgateway import gateway_ports as servers


async def test_the_port_of_the_jvm_in_place_of_the_forwarders(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "USUAL_PORTS", (4002, 4004))
    host = "127.0.77.4"  # loopback too, and nobody else's
    async with (
        Simulator(SimulatorConfig(host=host, ports=(4004,))),
        stack(redis_url, session, 4002, "failed", gateway_host=host) as place,
    ):
        found = await faults(place)

    assert found["gateway"].cure == "Set GATEWAY_PORT=4004 for the worker."


async def test_a_gateway_that_is_silent(redis_url: str, session: str) -> None:
    async with servers.listening(servers.silent) as port, stack(redis_url, session, port, "login_pending") as place:
        found = await faults(place)

    assert "second factor" in found["session"].cure
    assert "silent" not in found["gateway"].cure
    assert "second factor is pending" in found["gateway"].told
