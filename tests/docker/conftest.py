"""The stack in containers, built and brought up once for all tests of this folder that only look at it."""

import subprocess
from collections.abc import Iterator

import pytest

from cli.local_stack.embedded_redis import free_port
from tests.docker.engine import engine_for_module  # noqa: F401 - a fixture
from tests.docker.stack import Stack, running


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        pytest.fail("no container engine answers: start Docker, then run this again")


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The sim profile, one for each module, since two may run at once."""
    with running(Stack(request.module.__name__.replace(".", "-"), free_port())) as stack:
        yield stack
