"""The Inspector's command line against both servers: schemas under --strict, a right call and a wrong one."""

import asyncio
import os
from dataclasses import dataclass

from tests.conformance.answers import without_figures
from tests.conformance.installation import MODULES, PLACE, node
from tests.conformance.stack import Server

WITHIN_S = 60.0
ERAS = ("legacy", "modern")
CALLS = {
    "tools/list --strict": ("--method", "tools/list", "--strict"),
    "tools/call": ("--method", "tools/call", "--tool-name", "ibkr_get_contract_details", "--tool-arg", "symbol=NVDA"),
    "wrong tools/call": ("--method", "tools/call", "--tool-name", "ibkr_get_order", "--tool-arg", "orderId=none"),
}


@dataclass(frozen=True)
class Said:
    """The end of one run: its status, its answer without figures, and the report of --strict."""

    status: int
    answer: str
    report: str


async def asked(server: Server, era: str, call: tuple[str, ...]) -> Said:
    """Run the Inspector once."""
    options = ("--cli", server.url, "--transport", "http", "--protocol-era", era, "--format", "json", "-q")
    home = {"HOME": str(PLACE), "MCP_CATALOG_PATH": str(PLACE / "catalog.json")}
    process = await asyncio.create_subprocess_exec(
        node(), str(MODULES / ".bin" / "mcp-inspector"), *options, *call,
        env=os.environ | home, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(WITHIN_S):
        answer, report = await process.communicate()
    return Said(process.returncode or 0, without_figures(answer.decode()), report.decode().strip())


def faults(name: str, ours: Said, alone: Said) -> list[str]:
    """Name what is worse than with FastMCP alone. Lists differ: FastMCP writes each `$ref` out."""
    found = []
    if ours.status != alone.status or (ours.status and "wrong" not in name):
        found.append(f"{name}: status {ours.status}, and {alone.status} with FastMCP alone: {ours.report[-500:]}")
    if "list" not in name and ours.answer != alone.answer:
        found.append(f"{name}: another answer than FastMCP's\n    {ours.answer[:500]}\n    {alone.answer[:500]}")
    if len(ours.report.splitlines()) > len(alone.report.splitlines()):
        found.append(f"{name}: --strict reports more than with FastMCP alone: {ours.report[-500:]}")
    return found
