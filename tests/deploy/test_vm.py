"""A machine in the internet: what its proxy lets through, what its stack publishes, and that its files fit together."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from cli.local_stack.embedded_redis import free_port
from tests.deploy.tools import find_compose, find_tool, needs, needs_compose

VM = Path("deploy/vm")
CADDY = find_tool("caddy")
DOCKER = find_compose()
SETTINGS = {"DOMAIN": "ibkr.example.com", "ACME_EMAIL": "you@example.com"}

needs_caddy = needs("caddy")


SECOND_HALF = asyncio.Event()


async def front(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with the request's first line, and sends a stream's second half only when the first was read."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    if length := re.search(r"(?i)content-length: (\d+)", head):
        with contextlib.suppress(asyncio.IncompleteReadError):  # the proxy cuts what is too long
            await reader.readexactly(int(length[1]))
    writer.write(b"HTTP/1.1 200 OK\r\nServer: uvicorn\r\nTransfer-Encoding: chunked\r\n\r\n")
    writer.write(b"6\r\nfirst\n\r\n")
    await writer.drain()
    await SECOND_HALF.wait()
    body = head.splitlines()[0].encode()
    writer.write(f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
    await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def proxy(tmp_path: Path, **environment: str) -> AsyncIterator[tuple[httpx.AsyncClient, Path]]:
    """The real proxy before a stand-in front, and the file that it logs to."""
    SECOND_HALF.set()
    server = await asyncio.start_server(front, "127.0.0.1", 0)
    upstream, port, log = server.sockets[0].getsockname()[1], free_port(), tmp_path / "caddy.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            str(CADDY), "run", "--config", str(VM / "Caddyfile"), "--adapter", "caddyfile",
            stdout=output, stderr=output,
            env={
                "HOME": str(tmp_path), "DOMAIN": f"http://127.0.0.1:{port}", "ACME_EMAIL": "you@example.com",
                "FRONT": "127.0.0.1", "FRONT_PORT": str(upstream), **environment,
            },
        )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            await until_serving(client)
            yield client, log
    finally:
        process.terminate()
        await process.wait()
        server.close()


async def until_serving(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await client.get("/none")
            except httpx.ConnectError:
                await asyncio.sleep(0.05)  # what is awaited is a port of another process
            else:
                return


@needs_caddy
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1",
        "/api/v1/",
        "/api/v1/mcp",
        "/mcp",
        "/healthz",
        "/readyz",
        "/.well-known/oauth-protected-resource/api/v1",
    ],
)
async def test_what_clients_need_passes_the_proxy(path: str, tmp_path: Path) -> None:
    async with proxy(tmp_path) as (client, _):
        answer = await client.get(path)

    assert answer.status_code == 200
    assert answer.text == f"first\nGET {path} HTTP/1.1"
    assert "Server" not in answer.headers


@needs_caddy
@pytest.mark.parametrize(
    "path", ["/", "/console", "/api", "/api/v2", "/api/v1x", "/metrics", "/api/../console", "/.well-known/other"]
)
async def test_nothing_else_of_the_front_reaches_the_internet(path: str, tmp_path: Path) -> None:
    async with proxy(tmp_path) as (client, _):
        answer = await client.get(path)

    assert (answer.status_code, answer.text) == (404, "")


@needs_caddy
async def test_progress_passes_the_proxy_as_it_happens(tmp_path: Path) -> None:
    async with proxy(tmp_path) as (client, _):
        SECOND_HALF.clear()
        async with client.stream("GET", "/api/v1") as answer:
            parts = answer.aiter_text()
            first = await anext(parts)
            SECOND_HALF.set()
            rest = "".join([part async for part in parts])

    assert (first, rest) == ("first\n", "GET /api/v1 HTTP/1.1")


@needs_caddy
async def test_a_front_that_is_away_is_a_gateway_error_within_seconds(tmp_path: Path) -> None:
    async with proxy(tmp_path, FRONT_PORT=str(free_port())) as (client, _):
        answer = await client.get("/api/v1")

    assert answer.status_code == 502


@needs_caddy
async def test_a_body_beyond_a_megabyte_is_refused(tmp_path: Path) -> None:
    async with proxy(tmp_path) as (client, _):
        answer = await client.post("/api/v1", content=b"x" * 1_100_000)

    assert answer.status_code == 413


@needs_caddy
async def test_a_token_never_reaches_the_proxys_log(tmp_path: Path) -> None:
    async with proxy(tmp_path) as (client, log):
        await client.get("/api/v1", headers={"Authorization": "Bearer a-very-secret-token"})

    assert "/api/v1" in log.read_text()
    assert "a-very-secret-token" not in log.read_text()


def stack(profile: str) -> dict[str, Any]:
    """The services of the overlaid stack, as compose itself reads them."""
    said = subprocess.run(
        [str(DOCKER), "compose", "-f", "compose.yaml", "-f", str(VM / "compose.yaml"), "config", "--format", "json"],
        env={**os.environ, **SETTINGS, "COMPOSE_PROFILES": profile},
        capture_output=True,
        check=True,
    )
    services: dict[str, Any] = json.loads(said.stdout)["services"]
    return services


@needs_compose
@pytest.mark.parametrize("profile", ["paper", "live"])
def test_only_the_proxy_is_published_beyond_loopback(profile: str) -> None:
    published = {
        (name, port["published"])
        for name, service in stack(profile).items()
        for port in service.get("ports", [])
        if port.get("host_ip") != "127.0.0.1"
    }

    assert published == {("caddy", "80"), ("caddy", "443")}


@needs_compose
@pytest.mark.parametrize("profile", ["paper", "live"])
def test_the_proxied_front_wants_tokens_and_knows_its_name(profile: str) -> None:
    services = stack(profile)
    told = services[f"front-{profile}"]["environment"]

    assert services["caddy"]["environment"]["FRONT"] == f"front-{profile}"
    assert told["FRONT_TOKENS_FILE"]
    assert told["FRONT_ALLOWED_HOSTS"] == SETTINGS["DOMAIN"]
    assert not told.get("FRONT_PUBLISHED_ON")


@needs_compose
def test_the_simulators_open_front_is_never_proxied() -> None:
    assert "caddy" not in stack("sim")


@needs_compose
@pytest.mark.parametrize("profile", ["paper", "live"])
def test_the_stacks_memory_limits_fit_four_gigabytes(profile: str) -> None:
    limits = [int(each.get("mem_limit", 0)) for each in stack(profile).values() if each.get("restart") != "no"]

    assert all(limits)
    assert sum(limits) < 4 * 2**30


def test_the_units_and_the_user_data_name_files_that_are_there() -> None:
    named = re.findall(r"/opt/ibkr-tws-mcp/([\w./-]+)", "".join(each.read_text() for each in VM.rglob("*.*")))

    assert named
    assert [each for each in named if not Path(each).exists()] == []


def test_a_restart_of_the_engine_does_not_stop_the_stack_which_runs_on_over_it() -> None:
    lines = (VM / "systemd/ibkr-tws-mcp.service").read_text().splitlines()
    tied = {
        word for line in lines for word in line.split("=")[-1].split() if line.startswith(("Req", "Bind", "PartOf"))
    }

    assert "docker.service" not in tied
    assert "Wants=docker.service network-online.target" in lines
    assert json.loads((VM / "daemon.json").read_text())["live-restore"] is True


def test_the_user_data_is_cloud_config_and_holds_no_secret() -> None:
    text = (VM / "cloud-init.yaml").read_text()

    assert text.startswith("#cloud-config\n")
    assert "/opt/ibkr-tws-mcp/deploy/vm/setup.sh" in yaml.safe_load(text)["runcmd"][1]
    assert not re.search(r"TWS_PASSWORD|TWS_USERID|BEGIN .* KEY", text)


def test_the_settings_can_be_read_by_a_shell_and_by_systemd_alike() -> None:
    said = subprocess.run(
        ["bash", "-c", f"set -eu; . {VM / 'env.example'}; echo $COMPOSE_FILE"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert all(Path(each).exists() for each in said.stdout.strip().split(":"))


def allowed(tmp_path: Path, sshd: str, **environment: str) -> list[str]:
    """What the set-up's firewall is told to limit, where `sshd -T` says so."""
    for name, body in {"ufw": 'echo "$*"', "sshd": f"printf '{sshd}'"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    functions = f"source <(sed -n '/^ssh_ports()/,/^}}/p; /^firewall()/,/^}}/p' {VM / 'setup.sh'})"
    said = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{functions}; firewall"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.removeprefix("limit ") for line in said.stdout.splitlines() if line.startswith("limit")]


@pytest.mark.parametrize(
    ("sshd", "environment", "ports"),
    [
        ("port 22\\n", {}, ["22/tcp"]),
        ("port 2222\\naddressfamily any\\n", {}, ["2222/tcp"]),
        ("port 22\\nport 2222\\n", {}, ["22/tcp", "2222/tcp"]),
        ("port 22\\n", {"SSH_CONNECTION": "198.51.100.7 50000 203.0.113.9 2200"}, ["22/tcp", "2200/tcp"]),
        ("port 22\\n", {"SSH_PORT": "2022"}, ["2022/tcp", "22/tcp"]),
        ("", {}, ["OpenSSH"]),
    ],
)
def test_the_firewall_leaves_in_who_administers_the_machine(
    sshd: str, environment: dict[str, str], ports: list[str], tmp_path: Path
) -> None:
    assert allowed(tmp_path, sshd, **environment) == ports


@pytest.mark.parametrize(
    "script", sorted([*VM.glob("*.sh"), VM / "ibkr", *Path("ibgateway/probe").glob("*.sh")]), ids=str
)
def test_every_script_can_be_run_and_parsed(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


def ran_with(settings: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """`ibkr config` with these settings; its docker prints the environment that it is given."""
    (tmp_path / "env").write_text(settings)
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nenv -0\n")
    docker.chmod(0o755)
    paths = {"PATH": f"{tmp_path}:/usr/bin:/bin", "IBKR_ENV": str(tmp_path / "env"), "IBKR_HOME": str(tmp_path)}
    return subprocess.run(["bash", str(VM / "ibkr"), "config"], env=paths, capture_output=True, text=True, check=False)


@pytest.mark.trial("E13")
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("BACKUP_COPY=rclone copyto remote", "rclone copyto remote"),
        ("BACKUP_COPY=  spaced out   # a note", "spaced out"),
        ("BACKUP_COPY='it $HOME; touch x' # a note", "it $HOME; touch x"),
        ('BACKUP_COPY="say \\"hi\\" # here"', 'say "hi" # here'),
        ("export BACKUP_COPY=a#b", "a#b"),
        ("BACKUP_COPY=$(touch x) `touch x`", "$(touch x) `touch x`"),
        ("BACKUP_COPY=\r", ""),
        ("BACKUP_COPY= # nothing", ""),
        ("# BACKUP_COPY=none\n\nBACKUP_COPY=last line without an end", "last line without an end"),
    ],
)
def test_a_machines_settings_are_read_as_compose_reads_them_and_never_run(
    written: str, read: str, tmp_path: Path
) -> None:
    ran = ran_with(written, tmp_path)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"BACKUP_COPY={read}" in ran.stdout.split("\0")
    assert not (tmp_path / "x").exists()


@pytest.mark.trial("E13")
@pytest.mark.parametrize("line", ["touch x", "BACKUP COPY=x", "1ST=x", 'DOMAIN="unclosed', "DOMAIN='a' b"])
def test_a_line_that_is_no_setting_is_named_by_its_number(line: str, tmp_path: Path) -> None:
    ran = ran_with(f"DOMAIN=a\n{line}\n", tmp_path)

    assert ran.returncode == 1
    assert f"ibkr: {tmp_path / 'env'}, line 2: " in ran.stderr
    assert not (tmp_path / "x").exists()
