"""`python -m benchmarks.demo`: what the console adds to the demo's start and memory, in turn with a demo without it.

`ready`: seconds until the session is ready, when the tour begins. `serving`: until the demo has told how to reach it,
without a tour. The memory is PSS by the kernel's `/proc/PID/smaps_rollup` (Linux), of all processes of the demo.
"""

import argparse
import asyncio
import re
import statistics
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path

from cli.local_stack.embedded_redis import free_port

ROUNDS = 3
REST_S = 5.0  # before the memory is read
WITHIN_S = 120.0
READY, SERVING = "simulator, worker and front", "Serving at"


@dataclass(frozen=True)
class Start:
    """One start of the demo: seconds, and MiB."""

    ready: float
    serving: float
    memory: float


async def started(*flags: str) -> Start:
    """Start the demo, and end it."""
    clock = asyncio.get_running_loop().time
    with tempfile.TemporaryDirectory() as state:
        began = clock()
        ports = ("--port", str(free_port()), "--sim-port", str(free_port()), "--state", state)
        demo = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli", "up", "--no-tour", *ports, *flags, stdin=DEVNULL, stdout=PIPE
        )
        try:
            async with asyncio.timeout(WITHIN_S):
                ready = await _until(demo, READY) - began
                serving = await _until(demo, SERVING) - began
                await asyncio.sleep(REST_S)
                memory = sum(map(pss_mib, descendants(demo.pid)))
        finally:
            demo.terminate()
            await demo.communicate()
    return Start(ready, serving, memory)


async def _until(demo: asyncio.subprocess.Process, text: str) -> float:
    assert demo.stdout is not None
    async for line in demo.stdout:
        if text in line.decode():
            return asyncio.get_running_loop().time()
    raise RuntimeError(f"the demo ended before it said {text!r}")


def descendants(pid: int) -> list[int]:
    """Return the process and all that it has started."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has just ended
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def pss_mib(pid: int) -> float:
    """Return the memory that a process holds, its share of shared pages included."""
    found = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


async def main(rounds: int) -> None:
    without, with_console = [], []
    for _ in range(rounds):
        without.append(await started("--no-console"))
        with_console.append(await started("--console-port", str(free_port())))
    for name in ("ready", "serving", "memory"):
        before, now = (statistics.median(getattr(each, name) for each in kind) for kind in (without, with_console))
        unit = "MiB" if name == "memory" else "s"
        print(f"{name:<8} {before:7.1f} {unit} without the console, {now:7.1f} {unit} with it: {now / before:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asyncio.run(main(parser.parse_args().rounds))
