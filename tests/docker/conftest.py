"""The stack in containers, built and brought up once for all tests of this folder that only look at it."""

import subprocess
from collections.abc import Iterator

import pytest

from cli.embedded_redis import free_port
from tests.docker.stack import Stack, running


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        pytest.fail("no container engine answers: start Docker, then run this again")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running(Stack("ibkr-tws-mcp-test", free_port())) as stack:
        yield stack
