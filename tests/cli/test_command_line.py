"""Commands that texts name, as they work where the person is who types them."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.command_line import command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.trial("D12")
def test_a_command_that_a_text_names_runs_as_it_stands() -> None:
    shown = command("doctor", "--help")

    ran = subprocess.run(shown, shell=True, cwd=ROOT, capture_output=True, text=True)

    assert ran.stdout.startswith(f"usage: {command('doctor')}")


@pytest.mark.trial("D12")
def test_in_a_container_a_text_names_the_command_of_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLI_COMMAND", "docker compose run --rm operator")

    assert command("resume", "--session", "paper") == "docker compose run --rm operator resume --session paper"


@pytest.mark.trial("D12")
def test_a_python_without_the_packages_is_told_which_has_them() -> None:
    bare = subprocess.run(
        [sys.executable, "-S", "-m", "cli", "doctor"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert bare.returncode == 1
    assert "python3 requirements/install.py local" in bare.stderr
    assert "make doctor" in bare.stderr
