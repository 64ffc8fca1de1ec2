"""Claude Code with a scripted model: printing (`claude -p`), and interactive at a terminal of its own."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.hosts import pseudo_terminal
from tests.hosts.installation import PLACE, claude
from tests.hosts.models.anthropic_messages import AnthropicMessages
from tests.hosts.models.scripted_model import ScriptedModel, Step, served

BACKGROUND_MS = 8000  # instead of two minutes: a call that takes longer moves to the background
WITHIN_S = 240.0
KEY = "scripted-model-needs-no-key"
END_S = 8.0


def model(script: list[Step]) -> ScriptedModel:
    return ScriptedModel(AnthropicMessages(), script)


async def printed(url: str, scripted: ScriptedModel) -> str:
    """Run `claude -p` to its end, and return its output."""
    with served(scripted) as port:
        home = _home("printed")
        process = await asyncio.create_subprocess_exec(
            claude(), "-p", *_arguments(url), "go", cwd=home, env=_environment(home, port),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(WITHIN_S):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return output.decode(errors="replace")


@asynccontextmanager
async def interactive(url: str, scripted: ScriptedModel) -> AsyncIterator[bytearray]:
    """Run Claude Code at a pseudo-terminal; its screen's bytes come into the value as they are written."""
    screen, loop = bytearray(), asyncio.get_running_loop()
    home = _home("interactive")
    with served(scripted) as port, pseudo_terminal.pair() as (person, program):
        process = await asyncio.create_subprocess_exec(
            claude(), *_arguments(url), "go", cwd=home, env=_environment(home, port),
            stdin=program, stdout=program, stderr=program, start_new_session=True, preexec_fn=pseudo_terminal.take,
        )  # fmt: skip
        os.close(program)
        loop.add_reader(person, _read, person, screen)
        try:
            yield screen
        finally:
            loop.remove_reader(person)
            await _end(process)


def _read(terminal: int, screen: bytearray) -> None:
    with suppress(OSError):  # the host has ended
        screen += os.read(terminal, 65536)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _home(name: str) -> Path:
    """Return a new home folder in which the questions of a first start are answered."""
    home = PLACE / "claude" / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    answered = {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
        "projects": {str(home): {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}},
    }
    (home / ".claude.json").write_text(json.dumps(answered), encoding="utf-8")
    return home


def _arguments(url: str) -> tuple[str, ...]:
    servers = {"mcpServers": {"ibkr": {"type": "http", "url": url}}}
    return ("--strict-mcp-config", "--mcp-config", json.dumps(servers), "--allowedTools=mcp__ibkr")


def _environment(home: Path, port: int) -> Mapping[str, str]:
    """Nothing of this process' environment but the PATH: the host must reach no other model and no settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TERM": "xterm-256color",
        "GIT_CEILING_DIRECTORIES": str(PLACE),  # it describes the repository that it is in to its model
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}",
        "ANTHROPIC_API_KEY": KEY,
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MCP_AUTO_BACKGROUND_MS": str(BACKGROUND_MS),
    }
