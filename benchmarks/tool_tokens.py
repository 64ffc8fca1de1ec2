"""`python -m benchmarks.tool_tokens`: how many tokens each tool is to a model before it has called any.

A host shows its model the name, the description and the input schema of each tool; no host measured shows the output
schema. Counted in o200k, with npm's js-tiktoken, as `benchmarks.tokens` does. `--write` records the totals in
tool_tokens.json, which a test holds the declarations against without npm: it counts the pieces of a text instead.
Status 1: a total is above its bar.
"""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tokens import counted
from bridge.tool import ToolSpec
from bridge.toolsets import ALL, DEFAULT
from mcp_front.tools.catalogue import offered_tools

RECORD = Path(__file__).with_name("tool_tokens.json")
BARS = {ALL: 10_000, DEFAULT: 6_500}  # tokens, by the name for FRONT_TOOLSETS
GROWTH = 1.05  # without a new record
# The pieces into which o200k cuts an ASCII text before it joins bytes: most are one token each.
PIECES = re.compile(
    r"[^\r\nA-Za-z0-9]?[A-Z]*[a-z]+|[^\r\nA-Za-z0-9]?[A-Z]+[a-z]*|[0-9]{1,3}| ?[^\sA-Za-z0-9]+[\r\n/]*|\s+"
)


@dataclass(frozen=True)
class Figures:
    """The totals of one list of tools: its tokens, counted when it was recorded, and its pieces."""

    tokens: int
    pieces: int

    def estimate(self, pieces: int) -> int:
        """Return the tokens of a list of so many pieces."""
        return round(self.tokens * pieces / self.pieces)


def visible(declared: ToolSpec) -> str:
    """Return what a model sees of a tool, as compact JSON."""
    seen = {"name": declared.tool_name, "description": declared.doc, "inputSchema": declared.input_schema()}
    return json.dumps(seen, separators=(",", ":"), ensure_ascii=False)


def pieces_of(offered: Iterable[ToolSpec]) -> int:
    """Return the pieces of all that a model sees of these tools."""
    return sum(len(PIECES.findall(visible(declared))) for declared in offered)


def recorded() -> dict[str, Figures]:
    return {name: Figures(**figures) for name, figures in json.loads(RECORD.read_text(encoding="utf-8")).items()}


def measured(tokens: dict[str, int]) -> dict[str, Figures]:
    """Return the totals of everything and of the default toolsets. `tokens`: those of each tool."""
    lists = {name: offered_tools([name]) for name in BARS}
    return {
        name: Figures(sum(tokens[each.tool_name] for each in offered), pieces_of(offered))
        for name, offered in lists.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tool_tokens", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"record the totals in {RECORD.name}")
    options = parser.parse_args()
    if shutil.which("npm") is None:
        print("npm is not installed (Node.js 20 or newer): nothing can be counted")
        return 1
    tools = offered_tools()
    tokens = dict(zip((each.tool_name for each in tools), counted([visible(each) for each in tools]), strict=True))
    for declared in sorted(tools, key=lambda each: -tokens[each.tool_name]):
        print(f"{tokens[declared.tool_name]:7,}  {declared.tool_name} ({declared.toolset})")
    figures = measured(tokens)
    for name, total in figures.items():
        print(f"{'above' if total.tokens > BARS[name] else 'ok':7}{total.tokens:7,} of {BARS[name]:7,} tokens  {name}")
    if options.write:
        RECORD.write_text(json.dumps({name: vars(each) for name, each in figures.items()}, indent=2) + "\n", "utf-8")
    return 1 if any(total.tokens > BARS[name] for name, total in figures.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
