"""The dependency rules of docs/architecture.md, read from the source's own import statements."""

import ast
import gc
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml

from bridge.tool import OPERATIONS, ToolSpec
from cli.commands.reference import SCHEMAS, api_md, readme_md, snapshots, tools

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bridge", "mcp_front", "console", "ib_worker", "ibgateway", "cli", "benchmarks", "tests")


def domain_of(declared: ToolSpec) -> str:
    """Return the tool's file below bridge/tools, without its ending."""
    return declared.request.__module__.removeprefix("bridge.tools.").replace(".", "/")


# A domain is a file of declarations and the file of their handlers: "orders", "market/quotes". Reading them fills
# OPERATIONS too.
DOMAINS = sorted({domain_of(declared) for declared in tools()})

# What each package may import of ours; tests and benchmarks may import anything.
MAY_IMPORT = {
    "bridge": {"bridge"},
    "mcp_front": {"mcp_front", "bridge"},
    "console": {"console", "bridge"},
    "ib_worker": {"ib_worker", "bridge"},
    "ibgateway": {"ibgateway"},
    "cli": {"cli", "bridge", "ib_worker"},  # the audit log is replayed by the rules that made it
}
CLIENTS = ("tests/", "benchmarks/")
# Who may import a library of others.
OWNERS = {
    "fastmcp": ("mcp_front/", "cli/commands/tour", "cli/mcp_client", *CLIENTS),
    "mcp": ("mcp_front/", "console/oauth/", "cli/commands/tour", "cli/mcp_client", *CLIENTS),
    "uvicorn": ("mcp_front/", "console/__main__", "console/web/server", *CLIENTS),
    "starlette": ("mcp_front/", "console/", *CLIENTS),
    "ib_async": ("ib_worker/", *CLIENTS),
    "jinja2": ("console/pages/rendering", *CLIENTS),
    "h11": ("console/oauth/document_reader", *CLIENTS),
    "PIL": ("mcp_front/drawing/", *CLIENTS),
    "argon2": ("bridge/bus/identity/credentials", *CLIENTS),
    "pyotp": ("bridge/bus/identity/credentials", *CLIENTS),
    "opentelemetry": ("bridge/tracing/opentelemetry", *CLIENTS),
    "prometheus_client": ("bridge/metrics/exposition", *CLIENTS),
    "apprise": ("ib_worker/pushes/apprise_channel", *CLIENTS),
    "ibflex": ("cli/operator/flex_statement", *CLIENTS),
    "redis": ("bridge/bus/", "cli/local_stack/embedded_redis.py", *CLIENTS),
}
MAX_MODULES = 12  # of one folder, `__init__.py` not counted
MAX_LEVELS = {"ib_worker": 10}  # files in the longest chain of imports inside the package


def within(package: str, table: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the table with the package's name before each of its names."""
    return {f"{package}/{room}": {f"{package}/{below}" for below in allowed} for room, allowed in table.items()}


# The rooms of each package, and which of the same package's rooms each may import. A room is a folder without
# subpackages; where a folder has some, each module beside them is listed alone, as `world/world.py`. On the right a
# folder stands for everything below it. A package is checked as soon as one of its rooms stands here.
ROOMS: dict[str, set[str]] = {
    **within(
        "bridge",
        {
            "__init__.py": set(),
            "accounts.py": set(),
            "audit_chain.py": set(),
            "fair_queue.py": set(),
            "heap.py": set(),
            "metrics": {"settings.py", "tasks.py"},
            "tracing": set(),
            "json_schema.py": set(),
            "order_references.py": set(),
            "redaction.py": set(),
            "settings.py": set(),
            "tasks.py": set(),
            "text": set(),
            "tool.py": {"json_schema.py", "text"},
            "toolsets.py": set(),
            "tools/__init__.py": set(),
            "tools/types.py": {"text", "tool.py"},
            "tools/account.py": {"tool.py", "tools/types.py"},
            "tools/portfolio.py": {"tool.py", "tools/types.py"},
            "tools/events.py": {"text", "tool.py", "tools/types.py"},
            "tools/account_history.py": {"text", "tool.py", "tools/types.py"},
            "tools/market": {"text", "tool.py", "tools/types.py"},
            "tools/console": {"tool.py", "tools/types.py"},
            "tools/session.py": {"tool.py", "tools/types.py"},
            "tools/streams.py": {"tool.py", "tools/types.py"},
            "tools/order_report.py": {"tool.py", "tools/types.py"},
            "tools/order_terms.py": {"text", "tools/order_report.py", "tools/types.py"},
            "tools/order_queries.py": {"tool.py", "tools/order_report.py", "tools/types.py"},
            "tools/orders.py": {"text", "tool.py", "tools/order_report.py", "tools/order_terms.py", "tools/types.py"},
            "tools/previews.py": {"tool.py", "tools/order_terms.py", "tools/types.py"},
            "conditions.py": {"order_references.py", "text", "tools", "bus/events"},
            "bus/__init__.py": set(),
            "bus/access.py": {"bus/keys.py"},
            "bus/keys.py": set(),
            "bus/halt.py": {"text"},
            "bus/messages.py": {"tool.py"},
            "bus/timing.py": set(),
            "bus/transport": {"redaction.py", "tasks.py", "tool.py", "bus/timing.py"},
            "bus/integrity": {"audit_chain.py", "tool.py", "bus/halt.py", "bus/transport"},
            "bus/events": {"bus/keys.py", "bus/transport"},
            "bus/identity": {"bus/keys.py", "bus/messages.py", "bus/transport", "tool.py"},
            "bus/oauth": {"bus/keys.py", "bus/transport", "bus/identity"},
            "bus/history": {"bus/keys.py", "bus/transport"},
            "bus/figures.py": {"bus/events", "bus/keys.py", "bus/transport"},
            "bus/controls": {
                "bus/events",
                "bus/identity",
                "bus/messages.py",
                "audit_chain.py",
                "text",
                "tool.py",
                "bus/halt.py",
                "bus/keys.py",
                "bus/transport",
                "bus/integrity",
            },
            "bus/records": {
                "tool.py",
                "bus/halt.py",
                "bus/keys.py",
                "bus/messages.py",
                "bus/transport",
                "bus/integrity",
                "bus/controls",
            },
            "bus/leadership": {"bus/halt.py", "bus/keys.py", "bus/transport", "bus/integrity"},
            "bus/client": {
                "text",
                "tasks.py",
                "tool.py",
                "tracing",
                "bus/halt.py",
                "bus/keys.py",
                "bus/messages.py",
                "bus/timing.py",
                "bus/transport",
                "bus/events",
                "bus/controls",
                "bus/records",
            },
            "bus/server": {
                "tasks.py",
                "tool.py",
                "bus/halt.py",
                "bus/keys.py",
                "bus/messages.py",
                "bus/timing.py",
                "bus/transport",
                "bus/integrity",
                "bus/events",
                "bus/controls",
                "bus/records",
                "bus/leadership",
            },
        },
    ),
    **within(
        "mcp_front",
        {
            "__init__.py": set(),
            "settings.py": set(),
            "logging_setup.py": set(),
            "metrics.py": {"__init__.py", "tools"},
            "timing.py": set(),
            "protocol": set(),
            "admission": {"protocol"},
            "tools": {"__init__.py", "timing.py", "protocol", "admission"},
            "streams": {"timing.py", "protocol", "admission", "tools"},
            "oauth": {"protocol", "admission"},
            "http": {"__init__.py", "timing.py", "protocol", "admission", "tools", "oauth"},
            "drawing": set(),
            "charts": {"drawing", "protocol", "tools"},
            "__main__.py": {
                "charts",
                "settings.py",
                "logging_setup.py",
                "metrics.py",
                "timing.py",
                "protocol",
                "admission",
                "tools",
                "streams",
                "oauth",
                "http",
            },
        },
    ),
    **within(
        "console",
        {
            "__init__.py": set(),
            "settings.py": set(),
            "metrics.py": set(),
            "web": set(),
            "live": set(),
            "pages": {"live", "web"},
            "oauth": {"pages", "web"},
            "app.py": {"live", "oauth", "pages", "settings.py", "web"},
            "__main__.py": {"app.py", "live", "metrics.py", "pages", "settings.py", "web"},
        },
    ),
    **within(
        "cli",
        {
            "__init__.py": set(),
            "client_setup.py": set(),
            "command_line.py": set(),
            "errors.py": set(),
            "front_access.py": set(),
            "http_client.py": set(),
            "terminal.py": set(),
            "mcp_client.py": {"errors.py"},
            "local_stack": {"errors.py", "http_client.py"},
            "operator": {"errors.py", "local_stack"},
            "tape": {"operator"},
            "diagnostics": {
                "command_line.py",
                "errors.py",
                "front_access.py",
                "http_client.py",
                "mcp_client.py",
                "local_stack",
                "operator",
            },
            "commands/__init__.py": set(),
            "commands/audit.py": {"operator"},
            "commands/client.py": set(),
            "commands/control": {"operator"},
            "commands/doctor.py": {"diagnostics", "front_access.py", "local_stack", "operator", "terminal.py"},
            "commands/import_flex.py": {"errors.py", "operator"},
            "commands/orders.py": {"operator"},
            "commands/paper.py": {"client_setup.py", "command_line.py", "errors.py", "local_stack", "terminal.py"},
            "commands/paper_check.py": {"commands/up.py", "errors.py", "local_stack", "mcp_client.py", "terminal.py"},
            "commands/redis_users.py": set(),
            "commands/reference.py": set(),
            "commands/tour.py": {"errors.py", "front_access.py", "local_stack", "terminal.py"},
            "commands/watch.py": {"operator", "tape"},
            "commands/up.py": {"client_setup.py", "command_line.py", "errors.py", "local_stack", "tape", "terminal.py"},
            "__main__.py": {"command_line.py", "errors.py", "local_stack"},
        },
    ),
    **within(
        "ibgateway",
        {
            "__init__.py": set(),
            "probe": set(),
            "simulator/__init__.py": set(),
            "simulator/model": set(),
            "simulator/wire/__init__.py": set(),
            "simulator/wire/encoding": set(),
            "simulator/wire/frames.py": set(),
            "simulator/wire/messages": {"simulator/model", "simulator/wire/encoding"},
            "simulator/wire/requests": {"simulator/model", "simulator/wire/encoding"},
            "simulator/wire/names.py": {"simulator/wire/encoding", "simulator/wire/requests"},
            "simulator/world/__init__.py": set(),
            "simulator/world/data": set(),
            "simulator/world/time": {"simulator/model"},
            "simulator/world/instruments": {"simulator/model", "simulator/world/time"},
            "simulator/world/market/__init__.py": set(),
            "simulator/world/market/tapes": set(),
            "simulator/world/market/series": {
                "simulator/model",
                "simulator/world/time",
                "simulator/world/instruments",
                "simulator/world/market/tapes",
            },
            "simulator/world/market/option_pricing": {
                "simulator/model",
                "simulator/world/instruments",
                "simulator/world/market/series",
                "simulator/world/market/tapes",
            },
            "simulator/world/market/market.py": {
                "simulator/model",
                "simulator/world/time",
                "simulator/world/instruments",
                "simulator/world/market/option_pricing",
                "simulator/world/market/series",
                "simulator/world/market/tapes",
            },
            "simulator/world/market/depth.py": {
                "simulator/model",
                "simulator/world/instruments",
                "simulator/world/market/market.py",
            },
            "simulator/world/market/generic_ticks.py": {
                "simulator/world/instruments",
                "simulator/world/market/market.py",
                "simulator/world/market/option_pricing",
            },
            "simulator/world/history": {
                "simulator/model",
                "simulator/world/instruments",
                "simulator/world/market",
            },
            "simulator/world/account": {
                "simulator/model",
                "simulator/world/instruments",
                "simulator/world/market",
            },
            "simulator/world/reference": {
                "simulator/model",
                "simulator/world/time",
                "simulator/world/instruments",
                "simulator/world/market",
                "simulator/world/account",
            },
            "simulator/world/exchange/__init__.py": set(),
            "simulator/world/exchange/prices": {
                "simulator/model",
                "simulator/world/time",
                "simulator/world/instruments",
                "simulator/world/market",
            },
            "simulator/world/exchange/orders": {
                "simulator/model",
                "simulator/world/time",
                "simulator/world/instruments",
                "simulator/world/account",
                "simulator/world/exchange/prices",
            },
            "simulator/world/exchange/intake": {
                "simulator/model",
                "simulator/world/time",
                "simulator/world/instruments",
                "simulator/world/account",
                "simulator/world/exchange/prices",
                "simulator/world/exchange/orders",
            },
            "simulator/world/exchange/lifecycle": {
                "simulator/model",
                "simulator/world/time",
                "simulator/world/instruments",
                "simulator/world/market",
                "simulator/world/account",
                "simulator/world/exchange/prices",
                "simulator/world/exchange/orders",
                "simulator/world/exchange/intake",
            },
            "simulator/world/exchange/exchange.py": {
                "simulator/model",
                "simulator/world/instruments",
                "simulator/world/account",
                "simulator/world/exchange/orders",
                "simulator/world/exchange/intake",
                "simulator/world/exchange/lifecycle",
            },
            "simulator/world/exchange/order_lists.py": {
                "simulator/model",
                "simulator/world/time",
                "simulator/world/exchange/orders",
                "simulator/world/exchange/exchange.py",
            },
            "simulator/world/parts.py": {
                "simulator/model",
                "simulator/world/time",
                "simulator/world/instruments",
                "simulator/world/market",
                "simulator/world/account",
                "simulator/world/reference",
                "simulator/world/exchange",
            },
            "simulator/world/market_queries.py": {
                "simulator/model",
                "simulator/world/instruments",
                "simulator/world/market",
                "simulator/world/history",
                "simulator/world/parts.py",
            },
            "simulator/world/order_operations.py": {
                "simulator/model",
                "simulator/world/exchange",
                "simulator/world/parts.py",
            },
            "simulator/world/reference_queries.py": {
                "simulator/model",
                "simulator/world/reference",
                "simulator/world/parts.py",
            },
            "simulator/world/world.py": {
                "simulator/model",
                "simulator/world/parts.py",
                "simulator/world/market_queries.py",
                "simulator/world/order_operations.py",
                "simulator/world/reference_queries.py",
            },
            "simulator/gateway": {
                "simulator/model",
                "simulator/wire",
                "simulator/world/instruments",
                "simulator/world/world.py",
            },
            "simulator/handlers": {
                "simulator/model",
                "simulator/wire",
                "simulator/world/time",
                "simulator/gateway",
            },
            "simulator/faults": {
                "simulator/model",
                "simulator/wire",
                "simulator/world/time",
                "simulator/gateway",
            },
            "simulator/server": {
                "simulator/model",
                "simulator/wire",
                "simulator/world/world.py",
                "simulator/gateway",
                "simulator/handlers",
                "simulator/faults",
            },
            "simulator/__main__.py": {"simulator/model", "simulator/world/time", "simulator/server"},
            "recorder/__init__.py": set(),
            "recorder/framing.py": {"simulator/wire"},
            "recorder/layouts": set(),
            "recorder/transcript": {"simulator/wire", "recorder/layouts"},
            "recorder/connection_log.py": {
                "simulator/wire",
                "recorder/framing.py",
                "recorder/layouts",
                "recorder/transcript",
            },
            "recorder/recording_proxy.py": {"recorder/connection_log.py", "recorder/transcript"},
            "recorder/replay": {"simulator/wire", "recorder/transcript"},
            "recorder/compare.py": {"recorder/replay", "recorder/transcript"},
            "recorder/simulator_run.py": {
                "simulator/wire",
                "simulator/world/world.py",
                "simulator/gateway",
                "simulator/handlers",
                "recorder/layouts",
                "recorder/transcript",
            },
            "recorder/__main__.py": {
                "recorder/compare.py",
                "recorder/connection_log.py",
                "recorder/recording_proxy.py",
                "recorder/replay",
                "recorder/simulator_run.py",
                "recorder/transcript",
            },
        },
    ),
    **within(
        "ib_worker",
        {
            "__init__.py": {"light_imports.py"},  # before any library
            "garbage_collection.py": set(),
            "light_imports.py": set(),
            "liveness.py": set(),
            "logging_setup.py": set(),
            "publisher.py": set(),
            "pacing": set(),
            "client_rights": {"risk"},
            "tws/__init__.py": set(),
            "tws/endpoint.py": set(),
            "tws/fencing_process.py": set(),
            "tws/fencing.py": {"tws/fencing_process.py"},
            "tws/values": set(),
            "tws/clock.py": {"tws/values"},
            "tws/errors.py": {"tws/values"},
            "tws/requests.py": {"tws/errors.py", "tws/values"},
            "tws/unreadable.py": {"tws/errors.py", "tws/requests.py"},
            "tws/replies.py": {"tws/requests.py", "tws/values"},
            "tws/transport.py": set(),
            "tws/connection.py": {"tws/errors.py", "tws/fencing.py", "tws/transport.py", "tws/values"},
            "tws/client.py": {"pacing", "tws/connection.py", "tws/errors.py", "tws/requests.py", "tws/values"},
            "orders": {"tws/values"},
            "risk": {"orders", "tws/values"},
            "events": {"orders"},
            "audit": {"logging_setup.py", "orders"},
            "watches": set(),
            "pushes": {"watches"},
            "alerts": {"market_data", "pacing", "pre_trade", "session", "tws/errors.py", "tws/values", "watches"},
            "account": {"client_rights", "pacing", "publisher.py", "tws"},
            "account_history": {"tws/values"},
            "account_snapshots": {"account_history", "session", "tws/errors.py", "tws/requests.py"},
            "market_data": {"pacing", "publisher.py", "tws"},
            "research": {"pacing", "session", "tws"},
            "settings.py": {"pushes", "risk", "tws/endpoint.py"},
            "probe.py": {"liveness.py", "settings.py"},
            "session": {
                "client_rights",
                "__init__.py",
                "account",
                "answers",
                "account_history",
                "audit",
                "garbage_collection.py",
                "logging_setup.py",
                "market_data",
                "orders",
                "pacing",
                "publisher.py",
                "risk",
                "settings.py",
                "tws",
                "watches",
            },
            "metrics": {"__init__.py", "pacing", "session", "settings.py"},
            "order_identity": {"orders", "session", "tws/values"},
            "order_groups": {"order_identity", "orders", "risk", "session"},
            "pre_trade": {
                "client_rights",
                "account",
                "logging_setup.py",
                "market_data",
                "order_groups",
                "order_identity",
                "orders",
                "pacing",
                "risk",
                "session",
                "tws",
            },
            "answers": set(),
            "history": {"answers", "pacing", "session", "tws"},
            "order_entry": {
                "audit",
                "order_groups",
                "order_identity",
                "orders",
                "pacing",
                "risk",
                "session",
                "tws",
            },
            "handlers/__init__.py": set(),
            "handlers/dispatch.py": {"answers", "client_rights", "pacing", "session", "tws"},
            "handlers/order_lookup.py": {"client_rights", "order_groups", "orders", "session"},
            "handlers/session.py": {"client_rights", "handlers/dispatch.py", "pre_trade", "session", "tws"},
            "options": {"market_data", "pacing", "session", "tws"},
            "handlers/market": {
                "answers",
                "handlers/dispatch.py",
                "history",
                "market_data",
                "options",
                "pacing",
                "pre_trade",
                "research",
                "session",
                "tws",
            },
            "handlers/account.py": {
                "account",
                "answers",
                "handlers/dispatch.py",
                "market_data",
                "pre_trade",
                "pacing",
                "session",
                "tws",
            },
            "handlers/console": {
                "account",
                "handlers/dispatch.py",
                "handlers/session.py",
                "order_identity",
                "orders",
                "pre_trade",
                "risk",
                "session",
            },
            "handlers/portfolio.py": {"account", "client_rights", "handlers/dispatch.py", "session", "tws"},
            "handlers/account_history.py": {"account_history", "handlers/dispatch.py", "session"},
            "handlers/events.py": {
                "alerts",
                "events",
                "handlers/dispatch.py",
                "handlers/order_lookup.py",
                "session",
                "watches",
            },
            "handlers/previews.py": {
                "client_rights",
                "handlers/dispatch.py",
                "order_entry",
                "pacing",
                "pre_trade",
                "risk",
                "session",
                "tws",
            },
            "handlers/order_queries.py": {
                "client_rights",
                "answers",
                "audit",
                "handlers/dispatch.py",
                "handlers/order_lookup.py",
                "market_data",
                "order_groups",
                "order_identity",
                "orders",
                "session",
                "tws",
            },
            "handlers/orders.py": {
                "client_rights",
                "audit",
                "handlers/dispatch.py",
                "handlers/order_lookup.py",
                "order_entry",
                "order_groups",
                "order_identity",
                "orders",
                "pacing",
                "pre_trade",
                "risk",
                "session",
                "tws",
            },
            "streams": {"account", "market_data", "pacing", "session", "tws"},
            "leader.py": {
                "client_rights",
                "account_history",
                "account_snapshots",
                "streams",
                "alerts",
                "audit",
                "events",
                "handlers",
                "order_entry",
                "order_groups",
                "orders",
                "pushes",
                "risk",
                "session",
                "settings.py",
                "tws",
                "watches",
            },
            "__main__.py": {
                "metrics",
                "garbage_collection.py",
                "handlers",
                "leader.py",
                "liveness.py",
                "logging_setup.py",
                "session",
                "settings.py",
            },
        },
    ),
}
ROOMED = tuple(sorted({room.split("/")[0] for room in ROOMS}))  # the packages that the table covers
# The packages in which no docstring opens with a question word, `that` or `of`.
PLAIN_ENGLISH = ("bridge", "cli", "console", "ib_worker", "ibgateway", "mcp_front")
INDIRECT_OPENING = re.compile(r"\W*(what|who|whoever|whether|how|where|that|of)\b", re.IGNORECASE)
# TWS's own nouns, which the simulator, a reading of its own, has as well as the product.
BOTH_READINGS = {
    "Bar", "CalculateImpliedVolatility", "CalculateOptionPrice", "CancelOrder", "Contract", "ContractDetails",
    "Execution", "OptionChain", "OrderState", "PlaceOrder", "Position",
    "PriceIncrement",
}  # fmt: skip
RIM = {"asyncio", "socket", "time", "threading", "selectors", "signal"}  # sockets and clocks


@cache
def sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """The parsed file. Every tree is kept, and to look through all for garbage takes five times as long as parsing."""
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"), str(path))
    finally:
        gc.enable()


@cache
def imports(path: Path) -> set[str]:
    """Dotted names of every module that a file imports; `from a import b` gives a and a.b."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = list(path.relative_to(ROOT).parts[: -node.level]) if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found.update({module, *(f"{module}.{alias.name}" for alias in node.names)})
    return found


def top(module: str) -> str:
    return module.split(".")[0]


def strings(path: Path) -> set[str]:
    """Every string of a file but its docstrings."""
    constants = (node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)} - docstrings(path)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_is_below_it(package: str) -> None:
    ours = set(PACKAGES)

    wrong = {
        f"{name_of(path)} imports {module}"
        for path in sources(package)
        for module in imports(path)
        if top(module) in ours - MAY_IMPORT[package]
    }

    assert not wrong


@cache
def files_imported(path: Path) -> set[Path]:
    """The files of the same package that a file imports, also for type checkers alone."""
    return {
        found
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in modules_named(node)
        if (found := file_of(module)) and found != path and parts_of(found)[0] == parts_of(path)[0]
    }


def modules_named(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Modules that a statement names: `from a import b` names a.b where b is a module, and a where it is not."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    module = node.module or ""
    return [inner if file_of(inner) else module for inner in (f"{module}.{alias.name}" for alias in node.names)]


@cache
def file_of(module: str) -> Path | None:
    """The file of one of our modules; None for others' modules."""
    place = ROOT.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def parts_of(path: Path) -> tuple[str, ...]:
    return path.relative_to(ROOT).parts


@cache
def has_rooms(folder: Path) -> bool:
    return any(next(inner.glob("*.py"), None) for inner in folder.iterdir() if inner.is_dir())


def room_of(path: Path) -> str:
    """A file's folder; the file itself where its folder has rooms."""
    return name_of(path if has_rooms(path.parent) else path.parent)


def allows(room: str, other: str) -> bool:
    return any(other == below or other.startswith(f"{below}/") for below in ROOMS.get(room, ()))


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """One way through the arrows that ends where it began; empty if there is none."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"b"}})) == {"b", "c"}


@pytest.mark.parametrize("package", ROOMED)
def test_every_room_of_a_package_is_listed(package: str) -> None:
    listed = {room for room in ROOMS if room.startswith(f"{package}/")}

    assert {room_of(path) for path in sources(package)} == listed


@pytest.mark.parametrize("package", ROOMED)
def test_a_room_imports_only_what_the_table_allows(package: str) -> None:
    wrong = {
        f"{name_of(path)} imports {name_of(other)}"
        for path in sources(package)
        for other in files_imported(path)
        if room_of(other) != room_of(path) and not allows(room_of(path), room_of(other))
    }

    assert not wrong


@pytest.mark.parametrize("package", ROOMED)
def test_the_table_of_rooms_names_what_exists(package: str) -> None:
    named = {below for room, allowed in ROOMS.items() if room.startswith(f"{package}/") for below in allowed}

    assert {below for below in named if not (ROOT / below).exists()} == set()


def test_the_table_of_rooms_has_no_circle() -> None:
    arrows = {room: {other for other in ROOMS if allows(room, other)} for room in ROOMS}

    assert circle(arrows) == []


@pytest.mark.parametrize("package", ROOMED)
def test_no_files_import_one_another_in_a_circle(package: str) -> None:
    arrows = {name_of(path): {name_of(other) for other in files_imported(path)} for path in sources(package)}

    assert circle(arrows) == []


@pytest.mark.parametrize("package", MAX_LEVELS)
def test_the_longest_chain_of_imports_is_short(package: str) -> None:
    chain = longest_chain({path: files_imported(path) for path in sources(package)})

    assert len(chain) <= MAX_LEVELS[package], " imports ".join(name_of(path) for path in chain)


def longest_chain(arrows: dict[Path, set[Path]]) -> list[Path]:
    """The files of the longest way along the arrows, the importing file before the imported one."""
    chains: dict[Path, list[Path]] = {}
    for path in TopologicalSorter(arrows).static_order():
        chains[path] = [path, *max((chains[other] for other in arrows[path]), key=len, default=[])]
    return max(chains.values(), key=len)


@pytest.mark.parametrize("package", ["bridge", "mcp_front", "console", "ib_worker", "ibgateway", "cli"])
def test_a_folder_has_at_most_twelve_modules(package: str) -> None:
    counted = Counter(name_of(path.parent) for path in sources(package) if path.name != "__init__.py")

    assert {folder: count for folder, count in counted.items() if count > MAX_MODULES} == {}


@pytest.mark.parametrize("room", ["bridge.tools", "ib_worker.handlers"])
def test_domain_files_do_not_import_one_another(room: str) -> None:
    files = {
        f"{room}.{domain.replace('/', '.')}": ROOT.joinpath(*room.split("."), f"{domain}.py") for domain in DOMAINS
    }
    wrong = {
        f"{file} imports {module}"
        for file, path in files.items()
        if path.exists()  # a domain whose tools the front composes has no handlers
        for module in imports(path)
        for other in files
        if other != file and (module == other or module.startswith(f"{other}."))
    }

    assert not wrong


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_has_one_owner(library: str) -> None:
    wrong = {
        name_of(path)
        for path in sources(*PACKAGES)
        if library in {top(module) for module in imports(path)} and not name_of(path).startswith(OWNERS[library])
    }

    assert not wrong


def test_one_module_spells_the_keys_of_redis() -> None:
    spelled = re.compile(r"ibkr:(?!//)")  # ibkr:// is a resource of MCP

    spellers = {
        name_of(path)
        for path in sources("bridge", "mcp_front", "console", "ib_worker", "ibgateway", "cli")
        if any(spelled.search(text) for text in strings(path))
    }

    assert spellers == {"bridge/bus/keys.py"}


def docstrings(path: Path) -> set[str]:
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {ast.get_docstring(node, clean=False) or "" for node in ast.walk(tree(path)) if isinstance(node, described)}


@pytest.mark.parametrize("package", PLAIN_ENGLISH)
def test_a_docstring_begins_with_its_subject_or_a_verb(package: str) -> None:
    wrong = {
        f"{name_of(path)}: {text.splitlines()[0]}"
        for path in sources(package)
        for text in docstrings(path)
        if INDIRECT_OPENING.match(text)
    }

    assert not wrong


def class_names(*packages: str) -> list[str]:
    return [node.name for path in sources(*packages) for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]


def test_a_class_name_stands_once_in_the_product() -> None:
    counted = Counter(class_names("bridge", "cli", "ib_worker", "mcp_front"))

    assert {name for name, count in counted.items() if count > 1} == set()


def test_the_simulator_shares_only_names_of_tws_with_the_product() -> None:
    product, simulator = class_names("bridge", "cli", "ib_worker", "mcp_front"), class_names("ibgateway")

    assert {name for name, count in Counter(simulator).items() if count > 1} == set()
    assert set(product) & set(simulator) == BOTH_READINGS


def test_only_the_simulators_rim_has_sockets_and_clocks() -> None:
    rim = ("server.py", "client_socket.py", "__main__.py")
    simulator = [path for path in sources("ibgateway/simulator") if path.name not in rim]

    importers = {name_of(path) for path in simulator if RIM & {top(module) for module in imports(path)}}
    clock_readers = {name_of(path) for path in simulator if reads_a_clock(path)}

    assert not importers
    assert not clock_readers


def reads_a_clock(path: Path) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in {"now", "utcnow", "today"}
        and isinstance(node.value, ast.Name)
        and node.value.id in {"datetime", "date"}
        for node in ast.walk(tree(path))
    )


def test_nothing_is_mocked_and_no_test_sleeps() -> None:
    mocks = {"unittest.mock", "mock", "pytest_mock"}

    mockers = {name_of(path) for path in sources(*PACKAGES) if mocks & imports(path)}
    sleepers = {name_of(path) for path in sources("tests") if sleeps(path)}

    assert not mockers
    assert not sleepers


def sleeps(path: Path) -> bool:
    called = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute) and node.attr == "sleep")
    return any(isinstance(node.value, ast.Name) and node.value.id == "time" for node in called)


@pytest.mark.parametrize("declared", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_has_a_handler_of_its_name_and_return_type(declared: ToolSpec) -> None:
    domain = domain_of(declared)
    name = declared.request.__name__

    handlers = {
        node.name: node
        for node in tree(ROOT / "ib_worker" / "handlers" / f"{domain}.py").body
        if isinstance(node, ast.AsyncFunctionDef)
        and any(re.match(rf"handles\({name}[,)]", ast.unparse(each)) for each in node.decorator_list)
    }

    assert list(handlers) == [declared.name]
    returns = handlers[declared.name].returns
    assert returns is not None
    shape = spelled(declared.returns)
    assert ast.unparse(returns) in (
        shape,
        f"EncodedAnswer[{shape}]",
        f"ListSource[{shape}]",
    )  # or its JSON, or its items


def spelled(shape: Any) -> str:
    """A type as an annotation spells it: Bar, list[Bar]."""
    if get_origin(shape) is None:
        return str(shape.__name__)
    return f"{get_origin(shape).__name__}[{', '.join(spelled(each) for each in get_args(shape))}]"


def test_api_md_is_what_the_declarations_say() -> None:
    assert (ROOT / "API.md").read_text(encoding="utf-8") == api_md(), "run `make api`"


def test_the_readmes_list_of_tools_is_what_the_declarations_say() -> None:
    assert (ROOT / "README.md").read_text(encoding="utf-8") == readme_md(), "run `make api`"


def test_every_error_code_is_explained_in_api_md() -> None:
    explained = (ROOT / "API.md").read_text(encoding="utf-8").split("## Errors")[1].split("\n## ")[0]

    raised = {code for path in sources("bridge", "mcp_front", "ib_worker") for code in error_codes(path)}

    assert raised
    assert {code for code in raised if f"`{code}`" not in explained} == set()


def error_codes(path: Path) -> set[str]:
    """The codes that a file spells where it makes a ToolError."""
    made = (
        node.args[0]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "ToolError" and node.args
    )
    return {str(code.value) for code in made if isinstance(code, ast.Constant)}


def test_the_schema_snapshots_are_what_the_declarations_say() -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.glob("*.json")}

    assert kept == snapshots(), "a changed schema is a changed promise: if it is meant, run `make schemas`"


def composed() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))[
        "services"
    ]
    return services


def test_compose_publishes_on_loopback_alone() -> None:
    services = composed()
    published = {(name, port) for name, service in services.items() for port in service.get("ports", [])}

    assert published
    assert {each for each in published if not each[1].startswith("127.0.0.1:")} == set()


def test_a_front_that_says_it_is_on_loopback_is_published_there() -> None:
    services = composed()

    saying = {name for name, service in services.items() if "FRONT_PUBLISHED_ON" in service.get("environment", {})}

    assert saying == {"front"}
    assert services["front"]["profiles"] == ["sim"]
    assert all(port.startswith("127.0.0.1:") for port in services["front"]["ports"])


# Packages whose waits stand in one frozen object of each process (bridge/bus/timing.py, mcp_front/timing.py,
# ib_worker/orders/timing.py), and the tests that may patch a wait by its name all the same.
TIMED_TESTS = ("tests/bridge", "tests/mcp_front", "tests/e2e", "tests/catalogue")
PATCH_WAITS = {
    "tests/mcp_front/admission/test_fair_queueing.py": "the fair queue's waits are rules of admission",
    "tests/mcp_front/admission/test_load_shedding.py": "the same",
}


def patches(path: Path) -> Iterator[ast.Call]:
    """Yield the calls of a `setattr` of pytest's monkeypatch in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr":
            yield node


@pytest.mark.parametrize("package", CLIENTS)
def test_no_test_patches_a_dotted_string_of_ours(package: str) -> None:
    """A dotted string outlives the name that it patches; neither a type checker nor a search of the name finds it."""
    wrong = {
        f"{path.relative_to(ROOT)}:{patch.lineno}: {ast.unparse(patch)}"
        for path in sources(package)
        for patch in patches(path)
        if re.match(rf"f?['\"]({'|'.join(PACKAGES)})\.", ast.unparse(patch.args[0]))
    }

    assert not wrong


@pytest.mark.parametrize("folder", TIMED_TESTS)
def test_a_test_gives_a_part_its_waits_and_patches_none(folder: str) -> None:
    wrong = {
        f"{name}:{patch.lineno}: {ast.unparse(patch)}"
        for path in sources(folder)
        if (name := path.relative_to(ROOT).as_posix()) not in PATCH_WAITS
        for patch in patches(path)
        if len(patch.args) > 1 and re.fullmatch(r"'[A-Z_]+_M?S'", ast.unparse(patch.args[1]))
    }

    assert not wrong
