"""`python -m benchmarks.fairness`: one client floods the front with reads; what does another client feel?

Two clients, once with tokens of their own, and once without tokens under names of their own. The quiet one reads its
positions, and places a small order now and then, over one connection each; first alone, then while the hungry one sends
a thousand reads a second over many connections, whether or not they are answered. Three floods: positions, which the
worker knows; contracts that nobody has heard of, each of which is a message to TWS; and positions over 1,500
connections, each of which sends again once it is answered. Quiet times and floods take turns, so that a busy machine
falls on both.
"""

import argparse
import asyncio
import hashlib
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.flood import BEGUN, FLOODS, positions, with_token
from benchmarks.http_load import MODERN, Call, Socket, call_of
from benchmarks.rig import Stack, percentile, stack
from cli.errors import Problem

READ_EVERY_S = 0.05
ORDER_EVERY_S = 0.5
READ_BAR = 2.0  # times the quiet value, of the 95th percentile
ORDER_BAR_S = 0.1
NAME = "quiet"  # that the quiet client gives itself
APART = ("tokens", "names")  # by what the front tells the two clients apart
ORDER = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 1}


@dataclass
class Times:
    """Seconds that the quiet client's calls took."""

    reads: list[float] = field(default_factory=list)
    orders: list[float] = field(default_factory=list)
    refused: int = 0


async def live(port: int, token: str, seconds: float, times: Times) -> None:
    """The quiet client for a while."""
    until = time.monotonic() + seconds
    await asyncio.gather(_reads(port, token, until, times), _orders(port, token, until, times))


async def _reads(port: int, token: str, until: float, times: Times) -> None:
    call = with_token(positions(0, NAME), token)
    await _repeat(port, lambda: call, READ_EVERY_S, until, times.reads, times)


async def _orders(port: int, token: str, until: float, times: Times) -> None:
    def call() -> Call:
        arguments = ORDER | {"idempotencyKey": secrets.token_hex(8)}
        return with_token(call_of(MODERN, "ibkr_place_order", arguments, NAME), token)

    await _repeat(port, call, ORDER_EVERY_S, until, times.orders, times)


async def _repeat(
    port: int, call: Callable[[], Call], every_s: float, until: float, taken: list[float], times: Times
) -> None:
    client = Socket(port)
    await client.open()
    try:
        while time.monotonic() < until:
            began = time.perf_counter()
            answer = await client.ask(call())
            taken.append(time.perf_counter() - began)
            times.refused += b'"isError":false' not in answer
            await asyncio.sleep(every_s)
    finally:
        await client.close()


@asynccontextmanager
async def flooded(kind: str, port: int, token: str, number: int) -> AsyncIterator[None]:
    """Another process floods the front meanwhile; what came of it is printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.flood", kind, str(port),
        env=os.environ | {"TOKEN": token}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None  # it is a pipe
    while (line := await process.stdout.readline()) and line.strip() != BEGUN:
        pass
    try:
        yield
    finally:
        process.terminate()
        said, _ = await process.communicate()
        print(f"  round {number + 1}, flood of {kind}: {said.decode().strip()}", flush=True)


async def compare(stage: Stack, options: argparse.Namespace, port: int, tokens: dict[str, str]) -> int:
    quiet, under = Times(), {kind: Times() for kind in options.floods}
    await live(port, tokens["quiet"], 3, Times())
    for number in range(options.rounds):
        await live(port, tokens["quiet"], options.seconds, quiet)
        for kind in under:
            async with flooded(kind, port, tokens["hungry"], number):
                await live(port, tokens["quiet"], options.seconds, under[kind])
            await stage.ready()
    return verdict(quiet, under)


def verdict(quiet: Times, under: dict[str, Times]) -> int:
    missed = quiet.refused
    before = percentile(quiet.reads, 0.95)
    for name, times in {"alone": quiet, **under}.items():
        reads, orders = percentile(times.reads, 0.95), percentile(times.orders, 0.95)
        missed += times.refused + (reads > READ_BAR * before) + (orders > ORDER_BAR_S)
        print(
            f"  {name:<10} reads: median {statistics.median(times.reads) * 1000:6.1f} ms, p95 {reads * 1000:6.1f} ms "
            f"({reads / before:4.2f} times the quiet value), n={len(times.reads)}"
        )
        print(
            f"  {'':<10} orders: p95 {orders * 1000:6.1f} ms, longest {max(times.orders) * 1000:6.1f} ms, "
            f"n={len(times.orders)};  refused: {times.refused}"
        )
    print(f"bars: reads {READ_BAR:g} times, orders {ORDER_BAR_S * 1000:g} ms: {'MISSED' if missed else 'met'}")
    return int(bool(missed))


def tokens_file(folder: Path) -> tuple[Path, dict[str, str]]:
    tokens = {name: secrets.token_urlsafe(16) for name in ("quiet", "hungry")}
    entries = [
        {"name": name, "sha256": hashlib.sha256(token.encode()).hexdigest(), "scopes": ["read", "trade"]}
        for name, token in tokens.items()
    ]
    file = folder / "tokens.json"
    file.write_text(json.dumps(entries), encoding="utf-8")
    return file, tokens


async def run(options: argparse.Namespace, folder: Path) -> int:
    file, tokens = tokens_file(folder)
    no_tokens, result = dict.fromkeys(tokens, ""), 0
    async with stack(folder) as stage:
        await stage.control.fault("pacing on")
        await stage.worker()
        for apart in options.apart:
            named = apart == "names"
            _, port = await stage.front(apart, **({} if named else {"FRONT_TOKENS_FILE": str(file)}))
            print(f"told apart by {apart}:", flush=True)
            result |= await compare(stage, options, port, no_tokens if named else tokens)
        found = await stage.control.ask("journal", direction="out", msgId=4)
        paced = sum(each["fields"][3] in {"100", "162"} for each in found["entries"])
        print(f"pacing errors of TWS: {paced}")
    return result or int(bool(paced))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fairness", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="(2)")
    parser.add_argument("--seconds", type=float, default=6, help="of each measurement (6)")
    parser.add_argument("--floods", nargs="+", choices=FLOODS, default=tuple(FLOODS), help="by kind (all)")
    parser.add_argument(
        "--apart", nargs="+", choices=APART, default=APART, help="by what clients are told apart (both)"
    )
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}", flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="fairness-") as folder:
            return asyncio.run(run(options, Path(folder)))
    except (Problem, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
