"""Runs the hosts against the demo's stack: `python -m tests.hosts [PART …]`. Status 1: a model reads something wrong.

Where npm or the room on the disk is missing, it says so and ends with 0; with --required it ends with 1.
"""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from statistics import median
from typing import Any

from cli.errors import Problem
from tests.hosts import approval, claude_code, codex, sign_in, tool_search, waking
from tests.hosts.installation import Unavailable, install
from tests.hosts.models.scripted_model import ScriptedModel
from tests.hosts.readings import Reading, before_a_call, read, script
from tests.hosts.stack import LIVE, Stack, running

Lines = AsyncIterator[tuple[str, list[str]]]  # what a model read with its figures, and its faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them where none is named")
    parser.add_argument("--required", action="store_true", help="fail where the hosts cannot be installed")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        install()
        installed = time.monotonic()
        faulty = asyncio.run(_run(options.parts or list(PARTS)))
    except Unavailable as problem:
        print(f"make test-hosts is skipped: {problem}")
        return 1 if options.required else 0
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    took_s = time.monotonic() - installed
    print(f"{faulty or 'no'} faults; {installed - began:.0f} s to install, {took_s:.0f} s to run")
    return 1 if faulty else 0


async def _run(parts: Iterable[str]) -> int:
    faulty = 0
    parts = list(parts)
    stacks: list[tuple[set[str], dict[str, Any]]] = [
        (set(PARTS) - LIVE_PARTS - OAUTH_PARTS, {}), (LIVE_PARTS, LIVE), (OAUTH_PARTS, {"console": True}),
    ]  # fmt: skip
    for of_stack, settings in stacks:
        if chosen := [part for part in parts if part in of_stack]:
            async with running(**settings) as stack:
                faulty += sum([await _shown(PARTS[part](stack)) for part in chosen])
    return faulty


async def _shown(lines: Lines) -> int:
    """Print what was read, and return the number of faults."""
    faulty = 0
    async for line, faults in lines:
        faulty += len(faults)
        print(f"{'wrong ' if faults else 'ok    '} {line}", flush=True)
        for fault in faults:
            print(f"         {fault}")
    return faulty


async def _claude(stack: Stack) -> Lines:
    readings = script(stack, f"claude-{secrets.token_hex(8)}", 10)
    model = claude_code.model([reading.step for reading in readings])
    async for each in _read("Claude Code", readings, model, claude_code.printed(stack.url, model)):
        yield each


async def _codex(stack: Stack) -> Lines:
    readings = script(stack, f"codex-{secrets.token_hex(8)}", 11)
    model = codex.model([reading.step for reading in readings])
    async for each in _read("Codex", readings, model, codex.executed(stack.url, model)):
        yield each


async def _read(host: str, readings: list[Reading], model: ScriptedModel, run: Awaitable[str]) -> Lines:
    output = await run
    yield f"{host}, before a call", list(before_a_call(model.conversation()))
    results = model.results()
    if len(results) < len(readings):
        yield f"{host}: {len(results)} of {len(readings)} results", [f"its output ends with {output[-1000:]}"]
    for reading, text in zip(readings, results, strict=False):
        line, faults = read(reading, text)
        yield f"{host}, {line}", faults


async def _search(stack: Stack) -> Lines:
    found = await tool_search.searched(stack.url)
    first, listed = sum(each.first for each in found), sum(each.listed for each in found)
    line = (
        f"Claude Code's tool search: of {len(found)} questions the right tool is first in {first}, listed in {listed}"
    )
    yield line, list(tool_search.faults(found))


async def _waking(stack: Stack) -> Lines:
    seconds = await waking.woken(stack)
    shown = ", ".join(f"{each:.2f}" for each in seconds)
    line = f"Claude Code, interactive: woken {median(seconds):.2f} s after the fill's frame (median of {shown})"
    yield line, list(waking.faults(seconds))


async def _approval(stack: Stack) -> Lines:
    for host, run in (("claude -p", approval.read_by_claude), ("codex exec", approval.read_by_codex)):
        found = list(approval.faults(await run(stack)))
        yield f"{host}, a live order: waits for the operator, is approved, and the same key brings the fill", found


async def _sign_in(stack: Stack) -> Lines:
    await sign_in.add_person(stack)
    for host, run in (("Codex", sign_in.codex_signs_in), ("Claude Code", sign_in.claude_signs_in)):
        yield f"{host} signs in by OAuth on loopback, with no token pasted", await run(stack)


PARTS: dict[str, Callable[[Stack], Lines]] = {
    "claude": _claude,
    "codex": _codex,
    "search": _search,
    "waking": _waking,
    "approval": _approval,
    "sign-in": _sign_in,
}
LIVE_PARTS = {"approval"}
OAUTH_PARTS = {"sign-in"}


if __name__ == "__main__":
    sys.exit(main())
