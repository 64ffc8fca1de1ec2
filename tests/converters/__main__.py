"""Tries every published tool with every converter: `python -m tests.converters`.

It installs them from PyPI and npm by their locks, beside the development environment, since they want other releases of
the MCP SDK. Status 1: a converter refuses a tool. `tests/bridge/test_json_schema.py` holds what they take without them.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel

from bridge.bus.messages import TRUNCATED
from bridge.tool import ToolSpec
from bridge.tools.account import Position
from bridge.tools.market.market_data import Bar
from bridge.tools.types import Contract, ListArguments
from ib_worker.answers.shapes import shape_of, shaped
from mcp_front.protocol.results import to_result
from mcp_front.tools.catalogue import offered_tools

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LOCK = ROOT / "requirements" / "converters.txt"
PLACE = ROOT / ".state" / "converters"
PYTHON = PLACE / "python" / ("Scripts" if os.name == "nt" else "bin") / "python"
UV = Path(sys.executable).with_name("uv")

SPY = Contract(conId=756733, symbol="SPY", secType="STK", currency="USD")
DAY = Bar(date="2025-06-11", open=1.0, high=2.0, low=0.5, close=1.5, volume=None, average=None, barCount=None)
ROWS: dict[str, list[BaseModel]] = {
    "get_positions": [Position(account="DU1", contract=SPY, position=1.5, avgCost=None)] * 2,
    "get_historical_data": [DAY],  # of two: one is left out
}


def main() -> int:
    PLACE.mkdir(parents=True, exist_ok=True)
    results = [*tried([str(PYTHON), str(HERE / "in_python.py")], install_python), *node()]
    for converter, refused in results:
        print(f"{'ok      ' if not refused else 'refused '} {converter}")
        for tool, reason in refused.items():
            print(f"           {tool}: {reason}")
    return 1 if any(refused for _, refused in results) else 0


def node() -> list[tuple[str, dict[str, str]]]:
    if shutil.which("npm") is None:
        return [("npm's converters", {"all": "npm is not installed (Node.js 22 or newer)"})]
    return tried(["node", str(PLACE / "in_node.mjs")], install_node)


def tried(command: list[str], install: Callable[[], None]) -> list[tuple[str, dict[str, str]]]:
    """Each converter's name, and the tools that it refuses with its reason."""
    install()
    ended = subprocess.run(command, input=json.dumps(published()), capture_output=True, text=True, check=False)
    if ended.returncode:
        return [(command[-1], {"all": ended.stderr.strip()[-2000:]})]
    return [(name, refused) for name, refused in json.loads(ended.stdout.splitlines()[-1]).items()]


def install_python() -> None:
    run(str(UV), "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(PLACE / "python"))
    run(str(UV), "pip", "sync", "--quiet", "--python", str(PYTHON), "--require-hashes", str(LOCK))


def install_node() -> None:
    for name in ("package.json", "package-lock.json", "in_node.mjs"):
        shutil.copy(HERE / name, PLACE / name)
    run("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(PLACE))


def published() -> list[dict[str, object]]:
    return [
        {
            "name": each.tool_name,
            "description": each.doc,
            "inputSchema": each.input_schema(),
            "outputSchema": each.output_schema(),
            "answers": list(answers(each)),
        }
        for each in offered_tools()
    ]


def answers(declared: ToolSpec) -> Iterator[object]:
    """Answers of a tool that returns a list, one of each format; `tests/mcp_front/scenarios` has those of a stack."""
    if not declared.listed or not issubclass(declared.request, ListArguments):
        return
    required = {"symbol": "SPY"} if "symbol" in declared.input_schema().get("required", ()) else {}
    for form in ("objects", "table", "summary"):
        shape = shape_of(declared.request.model_validate(required | {"format": form}), declared.returns)
        answer = shaped(declared.name, ROWS.get(declared.name, []), 2, shape)
        yield to_result(declared, answer.json, {TRUNCATED: answer.truncated}).structured_content


def run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main())
