"""`python -m benchmarks.rights`: what the check of a call's client costs, at the front and in the worker.

The worker's check is `ClientAdmission.admit` of a client out of a file of CLIENTS. Its control is the same call in a
session without clients. The front's is the check of a bearer token. Each figure is the median of rounds.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.clients import Registry, proof_of
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import OPERATIONS
from bridge.tools import account  # noqa: F401  # registers its operations
from ib_worker.client_rights.admission import ClientAdmission
from mcp_front.admission.auth import ClientTokens

CALLS, ROUNDS = 5_000, 15
CLIENTS = 20
BAR_US = 50.0
LAST = f"token {CLIENTS - 1}"


def written(folder: Path) -> Path:
    """Return a file of clients, each with rights on one account and a limit."""
    more = {"scopes": ["read", "trade"], "accounts": ["DU1"], "max_order_value": 1000}
    entries = [{"name": f"c{n}", "sha256": proof_of(f"token {n}"), **more} for n in range(CLIENTS)]
    path = folder / "clients.json"
    path.write_text(json.dumps(entries))
    return path


def asked_by(name: str, proof: str) -> Any:
    """Return a request as the worker's check sees it."""
    return SimpleNamespace(caller=name, proof=proof, request=SimpleNamespace(restricted=False), operation="get_pnl")


async def per_call_us(call: Callable[[], Awaitable[object]]) -> float:
    """Return the microseconds that one call takes, as the median of the rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(CALLS):
            await call()
        rounds.append((time.perf_counter() - began) / CALLS * 1e6)
    return median(rounds)


async def measured(folder: Path) -> tuple[float, float, float]:
    """Return the cost of the worker's check with and without clients, and of the front's check."""
    pipe, keys, declared = CommandPipeline("redis://127.0.0.1:9/0"), Keys("bench"), OPERATIONS["get_pnl"]
    of_file, of_none = ClientDirectory(pipe, keys, written(folder)), ClientDirectory(pipe, keys)
    of_none._take(Registry({}, {}, 1), float("inf"))  # Redis was read, and has no client
    known, unknown = asked_by(f"c{CLIENTS - 1}", proof_of(LAST)), asked_by("local", "")
    with_clients, without = ClientAdmission(of_file), ClientAdmission(of_none)
    tokens = ClientTokens(of_file)
    checked = await per_call_us(lambda: with_clients.admit(known, declared))
    control = await per_call_us(lambda: without.admit(unknown, declared))
    return checked, control, await per_call_us(lambda: tokens.verify_token(LAST))


def main() -> int:
    with TemporaryDirectory() as folder:
        checked, control, front = asyncio.run(measured(Path(folder)))
    print(f"the worker's check: {checked:.1f} us, control without clients {control:.1f} us; bar {BAR_US:g}")
    print(f"the front's check of a token, {CLIENTS} clients in the file: {front:.1f} us; bar {BAR_US:g}")
    return int(max(checked, front) > BAR_US)


if __name__ == "__main__":
    sys.exit(main())
