"""Runs the suites, the Inspector and the clients against both servers: `python -m tests.conformance [PART …]`.

Status 1: the front is worse than FastMCP alone, or fails a scenario that needs no fixture.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable

from cli.errors import Problem
from tests.conformance import authorization, client_runs, inspector, suites
from tests.conformance.installation import install
from tests.conformance.stack import Server, servers

Lines = AsyncIterator[tuple[str, list[str]]]  # what was run with its figures, and its faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them where none is named")
    parts = parser.parse_args().parts or list(PARTS)
    began = time.monotonic()
    try:
        install()
        installed = time.monotonic()
        faulty = asyncio.run(_run(parts))
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    took_s = time.monotonic() - installed
    print(f"{faulty or 'no'} faults; {installed - began:.0f} s to install, {took_s:.0f} s to run")
    return 1 if faulty else 0


async def _run(parts: Iterable[str]) -> int:
    faulty = 0
    async with servers() as (front, control):
        for part in parts:
            async for line, faults in PARTS[part](front, control):
                faulty += len(faults)
                print(f"{'worse ' if faults else 'ok    '} {line}", flush=True)
                for fault in faults:
                    print(f"         {fault}")
    return faulty


async def _suites(front: Server, control: Server) -> Lines:
    known, never = suites.expected(), set(suites.expected().no_fixture)
    for suite in suites.SUITES:
        ours, alone = await asyncio.gather(*(suites.played(suite, server) for server in (front, control)))
        never -= {name for name, checks in ours.items() if suites.passed(checks)}
        yield (
            f"{suite}: {suites.figures(ours)}; FastMCP alone {suites.figures(alone)}",
            [*suites.faults(ours, alone, known)],
        )
    yield "scenarios that need no fixture", [f"{name}: no suite has it, or none of its checks passes" for name in never]


async def _inspector(front: Server, control: Server) -> Lines:
    for era in inspector.ERAS:
        for name, call in inspector.CALLS.items():
            ours, alone = await asyncio.gather(*(inspector.asked(server, era, call) for server in (front, control)))
            yield f"Inspector, {era}, {name}: status {ours.status}", inspector.faults(name, ours, alone)


async def _clients(front: Server, control: Server) -> Lines:
    for client in client_runs.CLIENTS:
        for era in client.eras:
            yield f"{client.script}, {era}", await client_runs.faults(client, era, front, control)


async def _authorization(_: Server, __: Server) -> Lines:
    yield await authorization.played()


PARTS: dict[str, Callable[[Server, Server], Lines]] = {
    "suites": _suites,
    "inspector": _inspector,
    "clients": _clients,
    "authorization": _authorization,
}


if __name__ == "__main__":
    sys.exit(main())
