"""`python -m tests.ibgateway.simulator.clients`: every client there is, its whole request set, against the simulator.

Installs each client into an environment of its own under a folder (a temporary one where none is given), runs its
script against a fresh simulator, and prints a table of what was answered. It ends with 1 when anything was not.

    python -m tests.ibgateway.simulator.clients [--folder DIR] [NAME …]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ibgateway.simulator.server.server import Simulator, SimulatorConfig

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
LIMIT_S = 300.0  # for one client's whole set
INSTALL_S = 600.0
TIME_FACTOR = 2.0  # bars of five seconds come in half the time


@dataclass(frozen=True)
class Client:
    """One library in one version."""

    name: str
    package: str
    script: str
    arguments: tuple[str, ...] = ()


CLIENTS = (
    Client("ib_async 2.1.0", "ib_async==2.1.0", "asyncio_clients.py", ("ib_async",)),
    Client("ib_insync 0.9.86", "ib_insync==0.9.86", "asyncio_clients.py", ("ib_insync",)),
    Client("ibapi 9.81.1", "ibapi==9.81.1.post1", "official.py"),
    Client("ibapi 10.37.2", "ibapi-stable==10.37.2", "official.py"),
    Client("ibapi 10.40.1", "ibapi-latest==10.40.1", "official.py"),
    Client("ibapi 10.50.2", "ibapi-stable==10.50.2", "official.py"),
    Client("ibapi 10.51.1", "ibapi-latest==10.51.1", "official.py"),
    Client("@stoqey/ib 1.6.10", "@stoqey/ib@1.6.10", "stoqey.cjs"),
)


@dataclass(frozen=True)
class Result:
    got: int
    problem: str | None


Results = dict[str, Result]  # by operation


async def run(folder: Path, *command: str, limit_s: float) -> str:
    """A command's output; RuntimeError with its errors when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(limit_s):
            out, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        raise RuntimeError(f"{command[0]}: not done in {limit_s} s") from None
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {errors.decode()[-500:]}")
    return out.decode()


async def install(client: Client, folder: Path) -> list[str]:
    """The command that runs the client's script, once its environment is there."""
    if client.script.endswith(".cjs"):
        if not (folder / "node_modules").exists():
            (folder / "package.json").write_text("{}")
            await run(folder, "npm", "install", "--silent", client.package, limit_s=INSTALL_S)
        return ["node", str(HERE / client.script)]
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        await run(folder, sys.executable, "-m", "venv", ".", limit_s=INSTALL_S)
        await run(folder, str(python), "-m", "pip", "install", "-q", "setuptools", client.package, limit_s=INSTALL_S)
        (folder / "installed").touch()
    return [str(python), "-m", f"tests.ibgateway.simulator.clients.{client.script.removesuffix('.py')}"]


async def tried(client: Client, folder: Path) -> Results:
    """Each operation of one client, against a simulator of its own."""
    if client.script.endswith(".cjs") and shutil.which("npm") is None:
        return {"start": Result(0, "skipped: there is no npm")}
    command = await install(client, folder)
    async with Simulator(SimulatorConfig(time_factor=TIME_FACTOR)) as simulator:
        place = folder if command[0] == "node" else ROOT
        out = await run(place, *command, str(simulator.port), *client.arguments, limit_s=LIMIT_S)
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return {line["op"]: Result(line["got"], line["problem"]) for line in lines}


def table(results: dict[str, Results]) -> str:
    """Operations down, clients across; the number of answers, or `FAIL`."""
    operations = list(dict.fromkeys(op for found in results.values() for op in found))
    width = max(map(len, operations))
    rows = [" " * width + "".join(f"{name:>20}" for name in results)]
    for op in operations:
        cells = [found.get(op) for found in results.values()]
        shown = ["-" if cell is None else "FAIL" if cell.problem else str(cell.got) for cell in cells]
        rows.append(f"{op:<{width}}" + "".join(f"{text:>20}" for text in shown))
    return "\n".join(rows)


def problems(results: dict[str, Results]) -> list[str]:
    return [
        f"{name}: {op}: {result.problem}"
        for name, found in results.items()
        for op, result in found.items()
        if result.problem
    ]


def main(folder: Path, names: list[str]) -> int:
    results: dict[str, Results] = {}
    for client in CLIENTS:
        if names and not any(name in client.name for name in names):
            continue
        place = folder / client.package.replace("/", "_")
        place.mkdir(parents=True, exist_ok=True)
        try:
            results[client.name] = asyncio.run(tried(client, place))
        except RuntimeError as error:
            results[client.name] = {"start": Result(0, str(error))}
    print(table(results))  # noqa: T201 - a command prints
    for problem in problems(results):
        print(problem)  # noqa: T201
    return 1 if problems(results) else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.ibgateway.simulator.clients")
    parser.add_argument("--folder", type=Path, help="where the clients are installed, and kept for the next time")
    parser.add_argument("names", nargs="*", help="parts of the names of clients; all of them by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        raise SystemExit(main(given.folder or Path(temporary), given.names))
