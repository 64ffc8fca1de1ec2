"""`docker compose up` with the console: an operator in a real browser approves, stops trading, and releases it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("playwright.async_api", reason="playwright is missing: make test-docker installs it where it can")

from playwright.async_api import Browser  # after the line that skips

from cli.local_stack.embedded_redis import free_port
from cli.local_stack.readiness import until_ready
from tests.browser.chromium import browser, chromium, visit  # noqa: F401 - a fixture
from tests.browser.steps import (
    OPERATOR,
    PASSPHRASE,
    answered_on_the_phone,
    called,
    fills,
    looks,
    stopped_and_released,
    waits,
)
from tests.docker.stack import Stack, running

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(600),
    pytest.mark.skipif(chromium() is None, reason="no Chromium is on the PATH, and CHROMIUM names none"),
]

KEY = "compose-order-1"
# A terminal of the container's own, on which the new passphrase is typed twice.
ADD_AN_OPERATOR = """
import os, pty, sys

def read(fd):
    shown = os.read(fd, 4096)
    if b"passphrase for" in shown or b"same again" in shown:
        os.write(fd, sys.argv[2].encode() + b"\\n")
    return shown

pty.spawn(["python", "-m", "cli", "operator", "add", sys.argv[1], "--session", "sim"], read)
"""


@dataclass(frozen=True)
class ComposeConsole:
    """The compose project, as the browser's steps see it."""

    stack: Stack
    session: str = "sim"

    @property
    def console(self) -> str:
        return f"http://127.0.0.1:{self.stack.settings['CONSOLE_PORT']}"

    def add_operator(self) -> str:
        """Return what the command says. It knows no session before a worker has led."""
        return self.stack.compose(
            *("run", "--rm", "-T", "--entrypoint", "python"), "operator", "-c", ADD_AN_OPERATOR, OPERATOR, PASSPHRASE
        )

    async def called(self, tool: str, **arguments: Any) -> tuple[bool, str]:
        return await called(self.stack.url, tool, **arguments)


@pytest.fixture(scope="module")
def served() -> Iterator[ComposeConsole]:
    """The sim profile with its console, in live mode."""
    settings = {"CONSOLE_PORT": str(free_port()), "IBKR_SESSION": "sim"}
    files = ("tests/docker/compose.console.yaml",)
    with running(Stack("ibkr-tws-mcp-console", free_port(), "sim,console", files, settings)) as stack:
        yield ComposeConsole(stack)


async def test_an_operator_approves_stops_and_releases_in_compose(
    browser: Browser,  # noqa: F811
    served: ComposeConsole,
) -> None:
    await until_ready(served.stack.port, lambda _: None)
    assert "operator anna added" in await asyncio.to_thread(served.add_operator)
    async with visit(browser, served.console) as desk:
        await looks(desk, served)
        await waits(desk, served, KEY, "compose-waiting")
        await answered_on_the_phone(browser, served, f"{served.console}/orders/{KEY}")
        await fills(desk, served, KEY)
        await stopped_and_released(desk, served, "compose-halted")
