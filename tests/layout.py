"""Which test file belongs to which product file: of the same name, in the same room below tests/."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("bridge", "mcp_front", "console", "ib_worker", "cli", "ibgateway")

# Product files without a test file of their name, and why.
WITHOUT_OWN_TESTS = {
    "bridge/bus/transport/errors.py": "names alone; whoever raises them shows them",
    "mcp_front/tools/live_order_approval.py": "needs a worker; tests/e2e/test_confirmation.py asks and answers",
    "mcp_front/tools/request_state.py": "seals what live_order_approval asks; tests/e2e/test_confirmation.py breaks it",
    "mcp_front/tools/server.py": "puts the tools together; every test of tests/mcp_front/tools calls it",
    "ib_worker/orders/timing.py": "default values alone; each wait's own test file shows it",
    "ib_worker/session/read_caches.py": "puts the caches together; each has its own test file",
    "ib_worker/session/telemetry.py": "fields alone; metrics/test_table.py and handlers/test_dispatch.py fill them",
    "ib_worker/session_state/redis_condition.py": "fields alone; order_entry/test_data_loss.py fills them",
    "ib_worker/publisher.py": "a Protocol alone; mypy holds the bus server and its streams to it",
    "cli/tape/items.py": "fields alone; cli/tape/test_lines.py prints each",
    "console/app.py": "puts the pages together; every test of tests/console calls it",
    "cli/errors.py": "a name alone; every command's tests show it",
    "ibgateway/recorder/layouts/contract_fields.py": "names alone; layouts/test_requests.py fits them to frames",
    "ibgateway/simulator/gateway/ports.py": "Protocols alone; mypy holds the gateway and its connections to them",
    "ibgateway/simulator/server/host.py": "a Protocol alone; mypy holds the server and its sockets to it",
    "ibgateway/simulator/model/account.py": "fields alone; wire/messages/test_account.py prints them",
    "ibgateway/simulator/model/contracts.py": "fields alone; wire/messages/test_contracts.py prints them",
    "ibgateway/simulator/model/events.py": "unions alone; gateway/test_gateway.py tells them apart",
    "ibgateway/simulator/model/market_data.py": "fields alone; wire/messages/test_market_data.py prints them",
    "ibgateway/simulator/model/orders.py": "fields alone; wire/messages/test_order_state.py prints them",
    "ibgateway/simulator/model/research.py": "fields alone; wire/messages/test_research.py prints them",
    "ibgateway/simulator/model/config.py": "defaults alone; simulator/test_main.py sets each",
    "ibgateway/simulator/world/instruments/guess.py": "fields alone; market/series/test_user_history.py fills them",
}

# Test files that take ten seconds or more, the longest first. They begin in this order: one that began last would run
# alone at the end.
SLOW = (
    "faults/test_matrix.py", "cli/commands/test_up.py", "mcp_front/streams/test_readable.py", "faults/test_rollback.py",
    "ib_worker/scenarios/test_redis_goes_back.py", "ib_worker/scenarios/test_redis_goes_back_twice.py",
    "e2e/test_operators_decision.py", "mcp_front/http/test_direct_lane.py", "mcp_front/test_main.py",
    "promises/test_promises.py", "faults/test_runs.py", "ib_worker/scenarios/test_long_answers_hold_nobody_up.py",
    "ib_worker/test_main.py", "ib_worker/tws/test_fencing_process.py", "requirements/test_install.py",
)  # fmt: skip


def product_files(*packages: str) -> list[str]:
    """The product's modules below the root; an `__init__.py` has no promise of its own."""
    files = (path for package in packages or PRODUCT for path in sorted((ROOT / package).rglob("*.py")))
    return [path.relative_to(ROOT).as_posix() for path in files if path.name != "__init__.py"]


def own_tests(product_file: str) -> str:
    """`tests/ib_worker/orders/test_state.py` of `ib_worker/orders/state.py`; `test_main.py` of a `__main__.py`."""
    folder, name = product_file.rsplit("/", 1)
    return f"tests/{folder}/test_{name.removesuffix('.py').strip('_')}.py"
