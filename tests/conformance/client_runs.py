"""The clients of several libraries, each against both servers: their users must get the same."""

import asyncio
import json
import re
import secrets
import sys
from dataclasses import dataclass
from typing import Any

from tests.conformance.answers import without_figures
from tests.conformance.installation import PACKAGES, PYTHON_1, ROOT, node
from tests.conformance.stack import Server

HANDSHAKE, STATELESS = "2025-11-25", "2026-07-28"
WITHIN_S = 120.0
ENDED_WITHIN_S = 5.0  # from a client's hang-up to the log line of the call that it ended
LOOK_AGAIN_S = 0.1
IS_ERROR = {"read": False, "wrong": True, "placed": False, "again": False, "cancelled": False, "after": False}
BETWEEN = re.compile(r"\bPre(Submitted)\b")

Report = dict[str, Any]


@dataclass(frozen=True)
class Client:
    """A client library: its script below clients/, and the eras that it speaks."""

    script: str
    eras: tuple[str, ...] = (HANDSHAKE, STATELESS)

    def command(self) -> tuple[str, ...]:
        if self.script.endswith(".mjs"):
            return (node(), str(PACKAGES / self.script))
        python = str(PYTHON_1) if self.script == "with_mcp_1" else sys.executable
        return (python, "-m", f"tests.conformance.clients.{self.script}")


CLIENTS = (
    Client("with_mcp_2"),
    Client("with_mcp_1", (HANDSHAKE,)),
    Client("with_fastmcp"),
    Client("with_sdk_1.mjs", (HANDSHAKE,)),
    Client("with_client_2.mjs"),
)


async def played(client: Client, era: str, server: Server) -> Report | str:
    """Return the report of one run, or its error."""
    process = await asyncio.create_subprocess_exec(
        *client.command(), server.url, era, secrets.token_hex(16), cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(WITHIN_S):
        output, errors = await process.communicate()
    if process.returncode:
        return errors.decode().strip()[-1500:]
    report: Report = json.loads(output.splitlines()[-1])
    return report


async def faults(client: Client, era: str, front: Server, control: Server) -> list[str]:
    """Run one client against both servers; name each step whose answer differs, and a read that goes on unheard."""
    before = front.ended_reads()
    ours, alone = await asyncio.gather(played(client, era, front), played(client, era, control))
    if isinstance(ours, str):
        return [f"failed: {ours}"]
    if isinstance(alone, str):
        return [f"failed against FastMCP alone: {alone}"]
    found = [each for step, answer in ours.items() for each in _faults_of_step(step, answer, alone.get(step))]
    if not await _has_ended(front, before):
        found.append(f"hang-up: the front's log has no end of the read within {ENDED_WITHIN_S:g} s")
    return found


def _faults_of_step(step: str, ours: Any, alone: Any) -> list[str]:
    if step in IS_ERROR and ours.get("isError", False) is not IS_ERROR[step]:
        return [f"{step}: isError is not {IS_ERROR[step]}: {json.dumps(ours)[:700]}"]
    if _shown(ours) != _shown(alone):
        return [f"{step}: another answer than FastMCP's\n    {_shown(ours)[:700]}\n    {_shown(alone)[:700]}"]
    return []


def _shown(answer: Any) -> str:
    """Return an answer as text, without its figures and without a step that TWS may or may not have taken yet."""
    return BETWEEN.sub(r"\1", without_figures(json.dumps(answer, ensure_ascii=False, sort_keys=True)))


async def _has_ended(front: Server, before: int) -> bool:
    for _ in range(int(ENDED_WITHIN_S / LOOK_AGAIN_S)):
        if front.ended_reads() > before:
            return True
        await asyncio.sleep(LOOK_AGAIN_S)
    return False
