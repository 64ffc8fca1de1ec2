"""`docker compose up` with the simulator: it serves, and it is as closed as compose.yaml says."""

import asyncio
import re
import subprocess
import sys
import time

import pytest

from cli.local_stack.readiness import until_ready
from tests.docker.stack import ROOT, Failed, Stack

pytestmark = pytest.mark.docker

SERVICES = ["front", "gateway", "redis", "worker"]
READY_WITHIN_S = 60
MEETINGS = {  # network: who is in it
    "edge": {"front"},
    "front-redis": {"front", "redis"},
    "worker-redis": {"worker", "redis"},
    "console-redis": {"redis"},  # until the console is started
    "users-redis": {"redis", "redis-users"},
    "worker-gateway": {"worker", "gateway"},
    "metrics-front": {"front"},  # until the profile observability is started
    "metrics-worker": {"worker"},
}


async def test_a_cold_start_is_ready_within_a_minute_and_an_end_leaves_nothing(stack: Stack) -> None:
    await asyncio.to_thread(stack.down)
    left = await asyncio.to_thread(stack.left_behind)
    began = time.monotonic()

    await asyncio.to_thread(stack.up)
    await until_ready(stack.port, lambda news: None)

    took_s = time.monotonic() - began
    print(f"ready {took_s:.1f} s after `docker compose up`")  # noqa: T201
    assert left == {"container": [], "network": [], "volume": []}
    assert took_s < READY_WITHIN_S


def test_the_tour_passes(stack: Stack) -> None:
    tour = [sys.executable, "-m", "cli", "tour", "--url", stack.url]

    done = subprocess.run(tour, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 of 8" in done.stdout


def test_the_profile_runs_its_four_services_and_all_are_healthy(stack: Stack) -> None:
    running = {name: each["State"] for name, each in stack.containers().items() if each["State"]["Running"]}
    health = {name: each["Health"]["Status"] for name, each in running.items()}

    assert health == dict.fromkeys(SERVICES, "healthy")


@pytest.mark.fault(109)
@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_no_root_no_capability_and_no_way_to_either(stack: Stack, service: str) -> None:
    status = stack.inside(service, "cat", "/proc/1/status").stdout
    facts = dict(re.findall(r"^(\w+):\s+(.+)$", status, re.MULTILINE))

    assert all(uid != "0" for uid in facts["Uid"].split())
    assert all(gid != "0" for gid in facts["Gid"].split())
    assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == int(facts["CapBnd"], 16) == 0
    assert facts["NoNewPrivs"] == "1"


@pytest.mark.fault(109)
@pytest.mark.parametrize("service", SERVICES)
def test_a_containers_root_cannot_be_written(stack: Stack, service: str) -> None:
    written = stack.inside(service, "sh", "-c", "echo > /written || echo > /etc/written || echo > /app/written")

    assert written.returncode != 0
    assert "Read-only file system" in written.stderr
    assert stack.containers()[service]["HostConfig"]["ReadonlyRootfs"] is True


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_limits_and_bounded_logs(stack: Stack, service: str) -> None:
    settings = stack.containers()[service]["HostConfig"]

    assert settings["Memory"] > 0
    assert settings["PidsLimit"] > 0
    assert settings["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}


@pytest.mark.fault(109)
def test_only_the_front_is_published_and_only_on_loopback(stack: Stack) -> None:
    published = {
        (name, binding["HostIp"], binding["HostPort"])
        for name, each in stack.containers().items()
        for bindings in each["NetworkSettings"]["Ports"].values()
        for binding in bindings or []
    }

    assert published == {("front", "127.0.0.1", str(stack.port))}


def test_a_network_holds_only_what_must_talk(stack: Stack) -> None:
    found: dict[str, set[str]] = {}
    for name, each in stack.containers().items():
        for network in each["NetworkSettings"]["Networks"]:
            found.setdefault(network.removeprefix(f"{stack.project}_"), set()).add(name)

    assert found == MEETINGS


@pytest.mark.parametrize("service", ["worker", "gateway"])
def test_what_holds_the_session_has_no_way_out(stack: Stack, service: str) -> None:
    call = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=3)"  # a network that only texts use

    out = stack.inside(service, "python", "-c", call)

    assert "Network is unreachable" in out.stderr


def test_the_front_knows_no_way_to_the_gateway(stack: Stack) -> None:
    call = "import socket; socket.create_connection(('gateway', 4004), timeout=3)"

    reached = stack.inside("front", "python", "-c", call)

    assert "socket.gaierror" in reached.stderr


def test_redis_syncs_every_write_and_evicts_nothing(stack: Stack) -> None:
    asked = "appendonly appendfsync maxmemory maxmemory-policy"
    admin = '--pass "$(cat /users/password)" --no-auth-warning'
    command = f"(valkey-cli {admin} config get {asked} || redis-cli {admin} config get {asked}) 2>/dev/null"

    words = stack.inside("redis", "sh", "-c", command).stdout.split()
    settings = dict(zip(words[::2], words[1::2], strict=True))

    assert settings == {
        "appendonly": "yes", "appendfsync": "always", "maxmemory": str(384 * 2**20), "maxmemory-policy": "noeviction",
    }  # fmt: skip


# A terminal of the container's own, on which the session's name is typed.
AT_A_TERMINAL = """
import os, pty

def read(fd):
    shown = os.read(fd, 4096)
    if b"Type sim" in shown:
        os.write(fd, b"sim\\n")
    return shown

pty.spawn(["python", "-m", "cli", "resume", "--session", "sim"], read)
"""


def test_the_operator_sets_and_releases_the_kill_switch_from_a_container_of_its_own(stack: Stack) -> None:
    set_ = stack.compose("run", "--rm", "-T", "operator", "halt", "a test")
    status = stack.compose("run", "--rm", "-T", "operator", "approve")
    with pytest.raises(Failed, match="resume needs a terminal"):
        stack.compose("run", "--rm", "-T", "operator", "resume", "--session", "sim")
    released = stack.compose("run", "--rm", "-T", "--entrypoint", "python", "operator", "-c", AT_A_TERMINAL)

    assert "sim: halt, set by operator" in set_
    assert "sim: 0 orders wait" in status
    assert "sim: released" in released


def test_the_operators_container_has_no_way_out_and_no_way_to_the_gateway(stack: Stack) -> None:
    call = "import socket; socket.create_connection(('gateway', 4004), timeout=3)"

    with pytest.raises(Failed, match=r"socket\.gaierror"):
        stack.compose("run", "--rm", "-T", "--entrypoint", "python", "operator", "-c", call)
