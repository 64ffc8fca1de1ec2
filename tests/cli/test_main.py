"""`python -m cli COMMAND`: each command loads its own module alone."""

import os
import subprocess
import sys

import pytest

from cli.__main__ import BROKEN_PIPE, main, module_of


def test_the_operators_commands_need_nothing_that_the_workers_image_lacks() -> None:
    """It holds `cli` for them, on the worker's packages."""
    modules = ", ".join(module_of(name) for name in ("approve", "audit", "halt", "operator", "orders", "resume"))
    commands = f"import sys, {modules}; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", commands], capture_output=True, text=True, check=True)

    assert {"fastmcp", "mcp", "httpx2", "uvicorn"}.isdisjoint(done.stdout.split())


def test_a_command_that_is_none_is_told_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["hlat"])

    assert ended.value.code == 2
    assert "invalid choice: 'hlat'" in capsys.readouterr().err


def test_a_package_that_is_missing_is_named_with_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "cli.commands.tour", raising=False)
    monkeypatch.setitem(sys.modules, "fastmcp", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "cli.mcp_client", raising=False)

    assert main(["tour"]) == 1
    assert "tour needs fastmcp" in capsys.readouterr().err


def test_a_reader_that_ends_early_gets_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `redis-users --session paper | head -1` does."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)

        assert main(["redis-users", "--session", "paper"]) == BROKEN_PIPE
