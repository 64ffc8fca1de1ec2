"""`python -m benchmarks.audit`: how long the audit log takes to verify, in Redis and in its archive, line by line.

The log is a real one in a real Redis, made of the events of one filled order over and over.
"""

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bridge.audit_chain import GENESIS, AuditEntry, digest, encode
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis

BAR_S = 10.0  # for a million lines
AT_ONCE = 2_000  # commands under way while the log is filled
SESSION = "bench"
DETAILS = {
    "at": "2025-06-11T14:30:00.123456+00:00", "permId": 1_806_000_123, "status": "Submitted", "filled": 0.0,
    "remaining": 100.0, "avgFillPrice": None, "lastFillPrice": None, "whyHeld": None,
}  # fmt: skip
ROUNDS = 3


def lines_of(count: int) -> list[bytes]:
    """Lines as the worker writes them."""
    lines, prev = [], GENESIS
    for seq in range(1, count + 1):
        number = seq // 8
        line = encode(
            AuditEntry(
                seq=seq, prev=prev, at="2025-06-11T14:30:00.123Z", event="Status", key=f"key-{number:012d}",
                account="DU***567", orderRef=f"mcp{number:026d}", orderId=number, clientId=1,
                permId=1_806_000_000 + number, status="Submitted", token="1795741840", details=DETAILS,
            )
        )  # fmt: skip
        prev = digest(line)
        lines.append(line)
    return lines


async def fill(url: str, lines: list[bytes]) -> None:
    keys = Keys(SESSION)
    async with CommandPipeline(url) as pipe:
        for start in range(0, len(lines), AT_ONCE):
            part = enumerate(lines[start : start + AT_ONCE], start + 1)
            await asyncio.gather(*(pipe.send("XADD", keys.audit, f"{seq}-0", "e", line) for seq, line in part))
        await pipe.send("HSET", keys.audit_head, "seq", str(len(lines)), "digest", digest(lines[-1]))


@dataclass(frozen=True)
class Took:
    """One command as the operator types it, its start included: what the clock says, and what a core worked."""

    seconds: float
    cpu_s: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s ({self.cpu_s:.2f} s of a core)"


def timed(*words: str) -> Took:
    worked, began = children_s(), time.perf_counter()
    subprocess.run([sys.executable, "-m", "cli", "audit", *words, "--session", SESSION], check=True)
    return Took(time.perf_counter() - began, children_s() - worked)


def children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def best(*words: str) -> Took:
    return min((timed(*words) for _ in range(ROUNDS)), key=lambda each: each.seconds)


async def run(count: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        redis = EmbeddedRedis(Path(folder) / "redis", options=("--appendonly", "no"))  # filling it is not measured
        async with redis:
            lines = lines_of(count)
            print(f"{count} lines, {sum(map(len, lines)) / count:.0f} bytes each")
            await fill(redis.url, lines)
            del lines
            where, archive = ("--redis", redis.url), ("--archive", f"{folder}/archive")
            in_redis = await asyncio.to_thread(best, "verify", *where)
            archiving = await asyncio.to_thread(timed, "archive", *where, *archive)
            in_files = await asyncio.to_thread(best, "verify", *where, *archive)
    bar = BAR_S * count / 1_000_000
    print(f"verify in Redis {in_redis}, in its archive {in_files}; archiving {archiving}")
    missed = max(in_redis.seconds, in_files.seconds) > bar
    print(f"the bar of {bar:g} s is {'missed' if missed else 'met'}; load {os.getloadavg()[0]:.1f}")
    return int(missed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="entries in the log (1000000)")
    return asyncio.run(run(parser.parse_args().lines))


if __name__ == "__main__":
    sys.exit(main())
