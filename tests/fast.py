"""
`pytest -p tests.fast`, which `make test-fast` runs: what answers within a minute on two cores.

These are the tests that need no server and no other process, and a few calls through the whole stack. The tests that
`make check` has are left out by the Makefile.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
LEFT_OUT = frozenset({
    "catalogue", "converters", "deploy", "docker", "faults", "promises", "scenarios", "world",
    "test_command_line.py", "test_embedded_redis.py", "test_fastmcp_patches.py", "test_handshake.py",
    "test_light_imports.py", "test_loading.py", "test_login_guard.py", "test_main.py", "test_processes.py",
    "test_up.py",
})  # fmt: skip
SERVERS = frozenset({"redis_url", "own_redis"})
THROUGH_THE_STACK = ("e2e/test_flow.py",)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what starts processes, or takes seconds a test: to import it takes time too."""
    return True if collection_path.name in LEFT_OUT else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what needs a server, but for the few tests of the whole stack."""
    config.hook.pytest_deselected(items=[each for each in items if not is_chosen(each)])
    items[:] = filter(is_chosen, items)


def is_chosen(item: pytest.Item) -> bool:
    file = item.path.relative_to(TESTS).as_posix()
    return file in THROUGH_THE_STACK or not SERVERS & set(getattr(item, "fixturenames", ()))
