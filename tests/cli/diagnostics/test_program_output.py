"""The output of another program, with a time limit."""

import sys

import pytest

from cli.diagnostics import program_output
from cli.diagnostics.program_output import output_of


async def test_what_is_printed_comes_back_with_the_status_and_without_errors() -> None:
    script = "import sys; print('said'); sys.stderr.write('not heard'); sys.exit(3)"

    assert await output_of(sys.executable, "-c", script) == (3, "said\n")


async def test_a_program_that_takes_too_long_is_ended_and_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_output, "PROBE_S", 0.05)

    assert await output_of("sleep", "30") == (1, "")
