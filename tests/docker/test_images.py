"""The images: small, described, without root and tools for building, and with no secret in their history."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cli.local_stack.embedded_redis import free_port
from tests.docker.stack import IMAGES, Stack, run

pytestmark = pytest.mark.docker

MEGABYTE = 1_000_000  # as `docker images` counts
LARGEST = 200
LABELS = ("title", "description", "licenses", "version")
TOLD = re.compile(r"(password|secret|token|key)\w*\s*[=:]\s*\S|bearer \S|BEGIN .* KEY", re.IGNORECASE)
SECRET = re.compile(r"password|secret|token|key", re.IGNORECASE)


@pytest.fixture(scope="module")
def built() -> Iterator[dict[str, str]]:
    stack = Stack("ibkr-tws-mcp-images", free_port())
    stack.build()
    yield stack.images
    stack.down()


@pytest.fixture(params=IMAGES)
def image(request: pytest.FixtureRequest, built: dict[str, str]) -> str:
    return built[request.param]


def inspected(image: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(run("docker", "image", "inspect", image))
    return found[0]


def inside(image: str, *command: str) -> str:
    return run("docker", "run", "--rm", "--network", "none", "--entrypoint", command[0], image, *command[1:])


def test_an_image_stays_under_its_size(image: str) -> None:
    size = inspected(image)["Size"] / MEGABYTE

    print(f"{image}: {size:.0f} MB")  # noqa: T201
    assert size < LARGEST


def test_an_image_says_what_it_is(image: str) -> None:
    labels = inspected(image)["Config"]["Labels"]

    assert all(labels[f"org.opencontainers.image.{each}"] for each in LABELS)


def test_an_image_runs_as_a_user_of_its_own_by_number(image: str) -> None:
    assert re.fullmatch(r"(\d{5}):\1", inspected(image)["Config"]["User"])


def test_neither_history_nor_environment_of_an_image_holds_a_secret(image: str) -> None:
    history = run("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}} {{.Comment}}", image)
    environment = [each.split("=")[0] for each in inspected(image)["Config"]["Env"]]

    assert TOLD.search(history) is None
    assert [each for each in environment if SECRET.search(each)] == []


def test_an_image_can_neither_build_nor_install(image: str) -> None:
    found = inside(image, "sh", "-c", "command -v pip pip3 uv gcc cc ld strip make git curl wget; python -m pip; true")

    assert found.strip() == ""


def test_what_an_image_runs_was_compiled_in_its_build(image: str) -> None:
    """The root is read-only: what has no bytecode is compiled again at each start."""
    modules = inspected(image)["Config"]["Entrypoint"][2]
    script = (
        f"import importlib, os, sys; importlib.import_module('{modules}.__main__')\n"
        "files = [(m.__file__, m.__cached__) for m in list(sys.modules.values()) if getattr(m, '__cached__', None)]\n"
        "print([file for file, cached in files if file.endswith('.py') and not os.path.exists(cached)])"
    )

    assert inside(image, "python", "-c", script).strip() == "[]"
