"""Swarm: what its files add up to, and on a real engine a stack whose leader dies."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.swarm import SESSION, containers, deployed, docker
from tests.deploy.tools import needs

FOLDER = "deploy/swarm"
SETTINGS = {
    "FRONT_IMAGE": "front:1",
    "WORKER_IMAGE": "worker:1",
    "SIMULATOR_IMAGE": "simulator:1",
    "DOMAIN": "ibkr.example.com",
    "ACME_EMAIL": "you@example.com",
    "TWS_USERID": "someone",
    "ALERT_WEBHOOK": "https://example.com/hook",
}
COMBINATIONS = [("simulator", "trial"), ("simulator", "tls"), ("gateway", "trial"), ("gateway", "tls")]

pytestmark = needs("docker")


def services(*files: str) -> dict[str, Any]:
    """The services of the files together, as docker itself adds them up."""
    arguments = [part for each in ("stack", *files) for part in ("--compose-file", f"{FOLDER}/{each}.yaml")]
    said = subprocess.run(
        ["docker", "stack", "config", *arguments],
        env={**os.environ, **SETTINGS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    found: dict[str, Any] = yaml.safe_load(said.stdout)["services"]
    return found


@pytest.mark.parametrize("files", COMBINATIONS, ids="+".join)
def test_every_task_has_no_capabilities_a_memory_limit_and_rotated_logs(files: tuple[str, str]) -> None:
    for name, each in services(*files).items():
        assert each["cap_drop"] == ["ALL"], name
        assert each["deploy"]["resources"]["limits"]["memory"], name
        assert each["logging"]["options"]["max-size"], name


@pytest.mark.parametrize("files", COMBINATIONS, ids="+".join)
def test_only_the_real_gateways_root_can_be_written(files: tuple[str, str]) -> None:
    writable = {name for name, each in services(*files).items() if not each.get("read_only")}

    assert writable == ({"gateway"} if "gateway" in files else set())


def test_only_the_proxy_is_published_and_a_trial_says_what_it_is() -> None:
    assert {name for name, each in services("gateway", "tls").items() if each.get("ports")} == {"caddy"}
    assert {name for name, each in services("simulator", "trial").items() if each.get("ports")} == {"front"}


@pytest.mark.parametrize("files", COMBINATIONS, ids="+".join)
def test_what_keeps_long_connections_has_no_virtual_address_that_forgets_them(files: tuple[str, str]) -> None:
    for name in ("redis", "gateway", "worker"):
        assert services(*files)[name]["deploy"]["endpoint_mode"] == "dnsrr", name


def test_swarm_never_replaces_a_gateway_that_waits_for_its_second_factor() -> None:
    gateway = services("gateway", "tls")["gateway"]

    assert gateway["healthcheck"]["test"] == ["CMD", "bash", "/probe/handshake.sh", "alive", "4004"]
    assert gateway["entrypoint"] == ["bash", "/probe/login-guard.sh"]


@pytest.mark.parametrize("name", ["redis", "gateway"])
def test_two_of_what_may_exist_once_never_overlap_in_an_update(name: str) -> None:
    each = services("gateway", "tls")[name]["deploy"]

    assert each["replicas"] == 1
    assert each["update_config"]["order"] == "stop-first"


@pytest.mark.parametrize("files", COMBINATIONS, ids="+".join)
def test_the_worker_has_a_way_out_for_alerts_where_a_webhook_is_set(files: tuple[str, str]) -> None:
    assert set(services(*files)["worker"]["networks"]) == {"worker-redis", "worker-gateway"}
    alerted = services(*files, "alerts")["worker"]

    assert set(alerted["networks"]) == {"worker-redis", "worker-gateway", "alerts"}
    assert alerted["environment"]["ALERT_WEBHOOK"] == SETTINGS["ALERT_WEBHOOK"]


def test_redis_refuses_writes_before_the_kernel_would_kill_it() -> None:
    redis = services("simulator", "trial")["redis"]
    command = redis["command"]

    limit = int(redis["deploy"]["resources"]["limits"]["memory"])
    assert command[command.index("--maxmemory") + 1] == f"{limit * 3 // 4 // 2**20}mb"


def test_no_secret_is_in_an_environment() -> None:
    told = str([each.get("environment") for each in services("gateway", "tls").values()])

    assert "TWS_PASSWORD_FILE" in told
    assert "'TWS_PASSWORD'" not in told


@pytest.mark.docker
@pytest.mark.timeout(600)
async def test_the_tour_passes_on_three_fronts_and_again_after_the_leader_died(tmp_path: Path) -> None:
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}") != "inactive":
        pytest.skip("this engine is part of a Swarm already")
    async with deployed(tmp_path) as swarm:
        await swarm.until_ready(within_s=120)
        first = swarm.tour()
        assert first.returncode == 0, first.stdout

        leader = swarm.leader()
        docker("kill", leader)
        took = await swarm.until_ready(within_s=60, not_by=leader)
        again = swarm.tour()

        print(f"session {SESSION}: ready again {took:.1f} s after the leader was killed")  # noqa: T201
        assert len(containers("front")) == 3
    assert again.returncode == 0, again.stdout
