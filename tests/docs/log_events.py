"""Finds each event that the front, the worker and the commands log; `python -m tests.docs.log_events` lists them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("bridge", "mcp_front", "console", "ib_worker", "cli")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
REPEATED = {"Outage", "RepeatedError"}  # the classes of bridge/bus/transport/outage_log.py, which take an event's name
NO_FIELDS = {"exc_info"}
PLACEHOLDER = re.compile(r"%(?:\.\d+)?[a-z]")


def logged() -> dict[str, set[str]]:
    """Return the fields of each event by its name; a sentence has `…` for each value that it contains."""
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for name, fields in _of_module(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(PLACEHOLDER.sub("…", name), set()).update(fields)
    return found


def _of_module(module: ast.Module) -> Iterator[tuple[str, set[str]]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(call: ast.Call) -> Iterator[tuple[str, set[str]]]:
    fields = {each.arg for each in call.keywords if each.arg} - NO_FIELDS
    if _is_log(call.func) or any(_is_log(each) for each in call.args):  # the second: partial(log.info, "call", …)
        yield from ((name, fields) for name in _first_text(call))
    elif isinstance(call.func, ast.Name) and call.func.id in REPEATED:
        yield from ((name, set()) for name in _first_text(call))


def _is_log(node: ast.expr) -> bool:
    """Return whether the node is `log.info`, of any level, or `log.log`."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "log"
        and node.attr in {*LEVELS, "log"}
    )


def _first_text(call: ast.Call) -> list[str]:
    texts = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return texts[:1]


if __name__ == "__main__":
    for name, fields in sorted(logged().items()):
        print(f"{name}: {', '.join(sorted(fields))}")
