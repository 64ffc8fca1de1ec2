"""The dependency rules of docs/architecture.md, and that what is generated is what the declarations say."""

import ast
import re
from collections import Counter
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from bridge.tool import OPERATIONS, ToolSpec
from cli.commands.reference import SCHEMAS, api_md, readme_md, snapshots, tools
from tests.architecture.import_graph import allows, circle, files_imported, longest_chain, room_of
from tests.architecture.rooms.table import ROOMED, ROOMS
from tests.architecture.source import PACKAGES, PRODUCT, ROOT, imports, name_of, sources, strings, top, tree


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
    "joserfc": ("ib_worker/oidc/signatures", *CLIENTS),
    "ibflex": ("cli/operator/flex_statement", *CLIENTS),
    "redis": ("bridge/bus/", "cli/local_stack/embedded_redis.py", *CLIENTS),
}
MAX_MODULES = 12  # of one folder, `__init__.py` not counted
MAX_LEVELS = {"ib_worker": 10}  # files in the longest chain of imports inside the package
RIM = {"asyncio", "socket", "time", "threading", "selectors", "signal"}  # sockets and clocks


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


@pytest.mark.parametrize("package", PRODUCT)
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

    spellers = {name_of(path) for path in sources(*PRODUCT) if any(spelled.search(text) for text in strings(path))}

    assert spellers == {"bridge/bus/keys.py"}


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
