"""`python -m tests.examples`: calls each tool of the whole stack once, and records the call and its answer.

The simulator begins at its own time with its own seed. Ids and moments are the same in each run; prices move with the
seconds that a run takes. `make api` shows the examples in API.md.
"""

import argparse
import asyncio
import json
import logging
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import structlog

from bridge.tool import TOOLS
from cli.local_stack.embedded_redis import EmbeddedRedis
from mcp_front.tools.catalogue import offered_tools
from tests.examples.stable import random_values, short, stable
from tests.examples.steps import LAST, STEPS, Step
from tests.stacks.example_arguments import example_arguments
from tests.stacks.front import RawClient
from tests.stacks.whole import whole_stack

RECORDED = Path(__file__).with_name("recorded")
EARLIER = re.compile(r"<(?P<tool>\w+)\.(?P<path>[\w.]+)>")


def steps() -> Iterator[Step]:
    """Yield the steps of the run, with one for each tool that has none of its own."""
    named = {step.tool for step in (*STEPS, *LAST)}
    yield from STEPS
    others = (each for each in offered_tools() if each.tool_name not in named)
    yield from (Step(each.tool_name, example_arguments(each)) for each in others)
    yield from LAST


def with_earlier(arguments: Any, answers: dict[str, Any]) -> Any:
    """Return the arguments, fields of earlier answers in place of their names."""
    return json.loads(
        EARLIER.sub(lambda found: str(_part(answers[found["tool"]], found["path"])), json.dumps(arguments))
    )


def _part(value: Any, path: str) -> Any:
    """Return a field of an answer, or a value of a row: rows.0.1."""
    for name in path.split("."):
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


async def examples(client: RawClient) -> dict[str, dict[str, Any]]:
    """Return each tool's arguments and answer. Raises AssertionError for an answer that is an error."""
    answers: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    random: dict[str, str] = {}
    for step in steps():
        arguments = with_earlier(step.arguments, answers)
        result = await client.call(step.tool, **arguments)
        assert not result.get("isError"), (step.tool, result["content"])
        answer = answer_of(result)
        answers[step.tool] = answer
        random |= random_values(answer)
        if step.shown:
            shown[step.tool] = {"arguments": arguments, "answer": answer}
    return {tool: stable({**each, "answer": short(each["answer"])}, random) for tool, each in shown.items()}


def answer_of(result: dict[str, Any]) -> dict[str, Any]:
    """Return the structured answer; of a picture, which has none, its contents without the bytes."""
    if "structuredContent" in result:
        found: dict[str, Any] = result["structuredContent"]
        return found
    return {"content": [each | ({"data": "…"} if "data" in each else {}) for each in result["content"]]}


async def run() -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedRedis(Path(folder)) as redis, whole_stack(redis.url, "examples") as stack:
            return await examples(stack.front.raw())


def write(found: dict[str, dict[str, Any]]) -> None:
    """Replace the recorded examples."""
    for stale in RECORDED.glob("*.json"):
        stale.unlink()
    for tool, example in found.items():
        jsonschema.validate(example["answer"], TOOLS[tool].output_schema())
        (RECORDED / f"{tool}.json").write_text(json.dumps(example, indent=1, ensure_ascii=False) + "\n", "utf-8")


def main() -> int:
    argparse.ArgumentParser(prog="python -m tests.examples", description=__doc__).parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    found = asyncio.run(run())
    write(found)
    print(f"{len(found)} examples in {RECORDED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
