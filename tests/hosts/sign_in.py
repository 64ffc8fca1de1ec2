"""The hosts sign in by OAuth, with no token: their own login command, and a person whose browser is plain HTTP."""

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.commands.up import SESSION
from tests.hosts import pseudo_terminal
from tests.hosts.installation import PLACE, claude, codex
from tests.hosts.stack import Stack
from tests.stacks.console import HASH, Visitor
from tests.stacks.oauth import Host

WITHIN_S = 120.0
OPERATOR = "anna"
CODEX = 'mcp_oauth_credentials_store = "file"\n[mcp_servers.ibkr]\nurl = "{url}"\n'


async def add_person(stack: Stack) -> None:
    """Add the operator who will consent."""
    async with CommandPipeline(stack.redis) as pipe:
        await add_operator(pipe, Keys(SESSION), Operator(OPERATOR, HASH))


async def codex_signs_in(stack: Stack) -> list[str]:
    """Run `codex mcp login`, and return what went wrong."""
    home = _home("codex")
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(CODEX.format(url=stack.url), encoding="utf-8")
    said = await _logged_in(stack, home, codex(), "mcp", "login", "ibkr")
    listed = await _run(home, codex(), "mcp", "list")
    return _faults({"Successfully logged in": said, "OAuth": listed})


async def claude_signs_in(stack: Stack) -> list[str]:
    """Run `claude mcp login`, and return what went wrong."""
    home = _home("claude")
    await _run(home, claude(), "mcp", "add", "--transport", "http", "ibkr", stack.url)
    said = await _logged_in(stack, home, claude(), "mcp", "login", "ibkr")
    listed = await _run(home, claude(), "mcp", "list")
    return _faults({"ibkr": said, "Connected": listed})


def _faults(wanted: Mapping[str, str]) -> list[str]:
    return [f"it did not say {word!r} but: {text[-400:]}" for word, text in wanted.items() if word not in text]


async def _logged_in(stack: Stack, home: Path, *command: str) -> str:
    """Run a login command at a terminal, let the person answer at the address that it shows, and return its output."""
    screen, loop = bytearray(), asyncio.get_running_loop()
    with pseudo_terminal.pair() as (person, program):
        process = await asyncio.create_subprocess_exec(
            *command, cwd=home, env=_environment(home), stdin=program, stdout=program, stderr=program,
            start_new_session=True, preexec_fn=pseudo_terminal.take,
        )  # fmt: skip
        os.close(program)
        loop.add_reader(person, _read, person, screen)
        try:
            async with asyncio.timeout(WITHIN_S):
                await _answered(stack, await _shown(home, screen))
                await process.wait()
        except TimeoutError:
            screen += b" [it did not end in time]"
        finally:
            loop.remove_reader(person)
            if process.returncode is None:
                process.kill()
                await process.wait()
    return screen.decode(errors="replace")


async def _shown(home: Path, screen: bytearray) -> str:
    """Return the address that the host opens in its person's browser."""
    opened = home / "opened"
    while True:
        if opened.exists() and (url := opened.read_text(encoding="utf-8").strip()):
            return url
        plain = re.sub(rb"\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b\[[0-9;?]*[A-Za-z]", b"", bytes(screen))
        if found := re.search(rb"(http://127\.0\.0\.1:\d+/authorize\?\S+)\s", plain):
            return found[1].decode()
        await asyncio.sleep(0.1)  # a program's screen and file tell nobody when they change


async def _answered(stack: Stack, url: str) -> None:
    """Sign in, consent, and follow the redirect to the host."""
    browser = Visitor(stack.console)
    await browser.sign_in(OPERATOR)
    place = urlsplit(url)
    told = await Host(browser).consent(path=f"{place.path}?{place.query}")
    callback = told.pop("to")
    async with httpx.AsyncClient() as http:
        await http.get(callback, params=told)
    await browser.http.aclose()


async def _run(home: Path, *command: str) -> str:
    """Run a command of the host to its end, and return its output."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=home, env=_environment(home), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(WITHIN_S):
        return (await process.communicate())[0].decode(errors="replace")


def _read(terminal: int, screen: bytearray) -> None:
    with suppress(OSError):  # the host has ended
        screen += os.read(terminal, 65536)


def _home(name: str) -> Path:
    """Return a new home folder, whose browser writes the address that it is given into a file."""
    home = PLACE / "signed-in" / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    for program in ("browser", "xdg-open"):
        path = home / program
        path.write_text(f'#!/bin/sh\nprintf "%s" "$1" >"{home}/opened"\n', encoding="utf-8")
        path.chmod(0o755)
    return home


def _environment(home: Path) -> Mapping[str, str]:
    return {
        "PATH": f"{home}:{os.environ['PATH']}",
        "HOME": str(home),
        "TERM": "xterm-256color",
        "BROWSER": str(home / "browser"),
        "GIT_CEILING_DIRECTORIES": str(PLACE),
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
