"""`docker compose --profile paper up` from nothing to the tour, with the simulator in the gateway's image."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from cli.local_stack.embedded_redis import free_port
from cli.local_stack.readiness import until_ready
from tests.docker.calls import Caller
from tests.docker.stack import ROOT, Stack, running
from tests.waiting import until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

PASSWORD = "the-right-password"
SERVICES = {
    "clients-paper",
    "front-paper",
    "gateway-paper",
    "gateway-settings-paper",
    "redis",
    "redis-users",
    "worker-paper",
}
MEETINGS = {
    "edge": {"front-paper"},
    "front-redis": {"front-paper", "redis"},
    "worker-redis": {"worker-paper", "redis"},
    "console-redis": {"redis"},  # until the console is started
    "users-redis": {"redis", "redis-users"},
    "worker-gateway-paper": {"worker-paper", "gateway-paper"},
    "internet-paper": {"gateway-paper"},
    "alerts-paper": {"worker-paper"},
    "none": {"clients-paper", "gateway-settings-paper"},
    "metrics-front": {"front-paper"},
    "metrics-worker": {"worker-paper"},
}
TOKEN = re.compile(r"\s([\w-]{43})$", re.MULTILINE)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Up, and waiting for its second factor."""
    password = tmp_path_factory.mktemp("secrets") / "tws_password.txt"
    password.write_text(PASSWORD)
    settings = {
        "IB_GATEWAY_COMMAND": "bash /gateway.sh",
        "TWS_PASSWORD_TXT": str(password),
    }
    files = ("tests/docker/compose.paper.yaml", "tests/docker/compose.login.yaml")
    with running(Stack("ibkr-tws-mcp-paper", free_port(), "paper", files, settings), wait=False) as stack:
        yield stack


@pytest.fixture(scope="module")
def token(paper: Stack) -> str:
    """What the first start printed."""
    (told,) = TOKEN.findall(paper.compose("logs", "clients-paper"))
    return str(told)


def readiness(stack: Stack) -> tuple[int, str]:
    try:
        answer = httpx.get(f"http://127.0.0.1:{stack.port}/readyz", timeout=5)
    except httpx.HTTPError as error:
        return 0, str(error)
    return answer.status_code, str(answer.json()["cause"])


async def test_a_gateway_that_waits_for_its_second_factor_holds_nobody_else_up(paper: Stack) -> None:
    await until(lambda: "second factor" in readiness(paper)[1], "the second factor is asked for", 60)

    assert readiness(paper)[0] == 503
    assert {name for name, each in paper.containers().items() if each["State"]["Running"]} == {
        "front-paper", "gateway-paper", "redis", "worker-paper",
    }  # fmt: skip
    assert {name for name, each in paper.containers().items() if each["RestartCount"]} == set()


def test_approved_it_is_ready_and_the_tour_passes_with_the_token_of_the_first_start(paper: Stack, token: str) -> None:
    approved = paper.inside("gateway-paper", "touch", "/tmp/approved")
    assert approved.returncode == 0
    asyncio.run(until_ready(paper.port, lambda news: None))
    tour = [sys.executable, "-m", "cli", "tour", "--url", paper.url]

    done = subprocess.run(
        tour, cwd=ROOT, env={**os.environ, "FRONT_TOKEN": token}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 of 8" in done.stdout


def doctor(stack: Stack, token: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", "doctor", "--url", stack.url, "--project", stack.project]
    environment = {**os.environ, "FRONT_TOKEN": token, "REDIS_URL": "redis://127.0.0.1:1/0"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_doctor_finds_nothing_and_says_what_it_cannot_see(paper: Stack, token: str) -> None:
    said = doctor(paper, token)

    assert said.returncode == 0, said.stdout
    assert "none has failed" in said.stdout
    assert "reachable only for the worker" in said.stdout


def test_the_doctor_finds_a_worker_that_was_killed(paper: Stack, token: str) -> None:
    paper.compose("kill", "worker-paper")
    said = doctor(paper, token)
    paper.up(wait=False)
    asyncio.run(until_ready(paper.port, lambda news: None))

    assert said.returncode == 1
    assert f"docker logs {paper.project}-worker-paper-1" in said.stdout


async def told(stack: Stack, token: str | None) -> str:
    caller = Caller(stack.url, token)
    try:
        return (await caller.call("get_positions")).told
    finally:
        await caller.close()


async def test_nobody_is_let_in_without_a_token(paper: Stack) -> None:
    assert await told(paper, None) == "http 401"
    assert await told(paper, "x" * 43) == "http 401"


async def test_a_later_start_prints_no_token_and_keeps_the_first(paper: Stack, token: str) -> None:
    paper.compose("up", "--detach", "--force-recreate", "--no-deps", "clients-paper")
    await until(lambda: "owner" in paper.compose("logs", "clients-paper"), "the clients are told", 60)

    assert TOKEN.findall(paper.compose("logs", "clients-paper")) == []
    assert await told(paper, token) == "done"


async def test_clients_are_added_and_removed_without_a_restart_and_their_tokens_are_kept_nowhere(paper: Stack) -> None:
    added = paper.compose("run", "--rm", "clients-paper", "add", "desk", "--scopes", "read")
    (desk,) = TOKEN.findall(added)
    kept = paper.inside("front-paper", "cat", "/tokens/tokens.json").stdout
    admitted = await told(paper, desk)
    paper.compose("run", "--rm", "clients-paper", "remove", "desk")

    assert admitted == "done"
    assert desk not in kept
    assert [each["name"] for each in json.loads(kept)] == ["owner", "desk"]
    assert await told(paper, desk) == "http 401"


def test_no_container_is_told_a_secret_by_its_environment_or_arguments(paper: Stack, token: str) -> None:
    for each in paper.inspected():
        shown = json.dumps([each["Config"]["Env"], each["Config"]["Cmd"], each["Args"], each["Config"]["Labels"]])
        assert PASSWORD not in shown
        assert token not in shown


def test_only_the_front_is_published_and_only_on_loopback(paper: Stack) -> None:
    published = {
        (name, binding["HostIp"])
        for name, each in paper.containers().items()
        for bindings in each["NetworkSettings"]["Ports"].values()
        for binding in bindings or []
    }

    assert published == {("front-paper", "127.0.0.1")}


def test_a_network_holds_only_what_must_talk(paper: Stack) -> None:
    found: dict[str, set[str]] = {}
    for name, each in paper.containers().items():
        for network in each["NetworkSettings"]["Networks"]:
            found.setdefault(network.removeprefix(f"{paper.project}_"), set()).add(name)

    assert found == MEETINGS


def test_every_container_has_no_capability_no_new_privileges_and_limits(paper: Stack) -> None:
    settings = {name: each["HostConfig"] for name, each in paper.containers().items()}

    assert set(settings) == SERVICES
    for name, each in settings.items():
        assert each["CapDrop"] == ["ALL"], name
        assert each["CapAdd"] == (["CHOWN"] if name == "gateway-settings-paper" else None), name
        assert each["SecurityOpt"] == ["no-new-privileges:true"], name
        assert each["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}, name
        assert each["Memory"] or name == "gateway-settings-paper", name
    assert {name for name, each in settings.items() if not each["ReadonlyRootfs"]} == {"gateway-paper"}


def test_only_what_fills_new_volumes_runs_as_root(paper: Stack) -> None:
    users = {name: each["Config"]["User"] for name, each in paper.containers().items()}

    assert {name for name, user in users.items() if user.split(":")[0] in ("", "0")} == {
        "gateway-settings-paper", "redis-users",
    }  # fmt: skip
