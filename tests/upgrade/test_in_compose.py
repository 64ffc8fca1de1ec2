"""Release 0.1.0 in containers, then this tree's `docker compose up` on its volumes, and the console beside it."""

import asyncio
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.local_stack.embedded_redis import free_port
from tests.stacks.front import LEGACY, RawClient
from tests.upgrade.release import RELEASE
from tests.upgrade.test_from_0_1_0 import BOUGHT, RESTING, value
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.docker, pytest.mark.timeout(1500)]

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "ibkr-tws-mcp-upgrade"
READY_S = 120
NAMES = {"FRONT_IMAGE": "front", "WORKER_IMAGE": "worker", "SIMULATOR_IMAGE": "simulator", "CONSOLE_IMAGE": "console"}
# A terminal of the container's own, on which the session's name is typed.
RESUME = """
import os, pty

def read(fd):
    shown = os.read(fd, 4096)
    if b"Type sim" in shown:
        os.write(fd, b"sim\\n")
    return shown

pty.spawn(["python", "-m", "cli", "resume", "--session", "sim"], read)
"""


class Checkout:
    """One folder with a compose.yaml, and the images that are built of it. The simulator is the old one's throughout,
    as a gateway is that the upgrade does not touch."""

    def __init__(self, folder: Path, tag: str, ports: dict[str, str]) -> None:
        own = {each: f"{PROJECT}/{name}:{tag}" for each, name in NAMES.items()}
        self.folder = folder
        self.environment = os.environ | own | ports | {"SIMULATOR_IMAGE": f"{PROJECT}/simulator:old"}

    def compose(self, *arguments: str) -> str:
        command = ("docker", "compose", "-p", PROJECT, *arguments)
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}: {(done.stdout + done.stderr)[-4000:]}"
        return done.stdout

    def operator(self, *arguments: str) -> str:
        return self.compose("run", "--rm", "-T", "operator", *arguments, "--session", "sim")


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Checkout, Checkout]]:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no container engine answers")
    try:
        packed = subprocess.run(["git", "archive", RELEASE], cwd=ROOT, check=True, capture_output=True).stdout
    except subprocess.CalledProcessError:
        pytest.skip(f"the commit {RELEASE} of release 0.1.0 is not in this clone")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path / "old", filter="data")
    ports = {"FRONT_PORT": str(free_port()), "CONSOLE_PORT": str(free_port()), "IBKR_SESSION": "sim"}
    old, new = Checkout(tmp_path / "old", "old", ports), Checkout(ROOT, "new", ports)
    try:
        yield old, new
    finally:
        new.compose("--profile", "sim", "--profile", "console", "down", "--volumes", "--remove-orphans")
        images = [f"{PROJECT}/{name}:{tag}" for name in NAMES.values() for tag in ("old", "new")]
        subprocess.run(["docker", "image", "rm", "--force", *images], capture_output=True, check=False)


async def served(checkout: Checkout) -> RawClient:
    """A client of the front, once it is ready."""
    address = f"http://127.0.0.1:{checkout.environment['FRONT_PORT']}"

    async def ready() -> bool:
        try:
            async with httpx.AsyncClient() as http:
                return (await http.get(f"{address}/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    await until(ready, "the front is ready", READY_S)
    return RawClient(f"{address}/api/v1", LEGACY, {})


async def test_a_stack_of_0_1_0_goes_on_in_compose_and_gets_a_console(both: tuple[Checkout, Checkout]) -> None:
    old, new = both
    await asyncio.to_thread(old.compose, "--profile", "sim", "build")
    await asyncio.to_thread(old.compose, "--profile", "sim", "up", "--detach")
    client = await served(old)
    filled, resting = await value(client, "place_order", **BOUGHT), await value(client, "place_order", **RESTING)
    await asyncio.to_thread(old.compose, "run", "--rm", "-T", "operator", "halt", "the upgrade")
    gateway = await asyncio.to_thread(old.compose, "ps", "-q", "gateway")

    await asyncio.to_thread(
        new.compose, "--profile", "sim", "--profile", "console", "build", "front", "worker", "console"
    )
    await asyncio.to_thread(new.compose, "--profile", "sim", "up", "--detach")
    client = await served(new)
    assert gateway == await asyncio.to_thread(new.compose, "ps", "-q", "gateway")  # a real one would log in anew
    await goes_on(new, client, filled, resting)

    await asyncio.to_thread(new.compose, "--profile", "console", "up", "--detach", "--wait", "console")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{new.environment['CONSOLE_PORT']}") as http:
        assert "Passphrase" in (await http.get("/")).text
    assert " 0 breaks" in new.operator("audit", "verify")


async def goes_on(new: Checkout, client: RawClient, filled: Any, resting: Any) -> None:
    """Keys, open orders and the kill switch are those of before."""
    assert "the upgrade" in (await value(client, "get_status"))["halted"]
    again = await value(client, "place_order", **BOUGHT)
    assert (again["replayed"], again["permId"]) == (True, filled["permId"])
    cancelled = await value(client, "cancel_order", orderKey=RESTING["idempotencyKey"])
    assert cancelled["permId"] == resting["permId"]
    refused = await client.call("ibkr_place_order", **BOUGHT | {"idempotencyKey": "compose-halted"})
    assert refused["_meta"]["ibkr/error"]["code"] == "halted"

    typed = ("run", "--rm", "-T", "--entrypoint", "python", "operator", "-c", RESUME)
    assert "sim: released" in await asyncio.to_thread(new.compose, *typed)
    more = await value(client, "place_order", **BOUGHT | {"totalQuantity": 2, "idempotencyKey": "compose-further"})
    assert more["status"] == "Filled"
