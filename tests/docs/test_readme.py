"""What the README tells a newcomer to type exists, under that name."""

import argparse
import importlib
import re
import shlex
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from cli.__main__ import module_of
from cli.client_setup import ways_to_add
from console.settings import ConsoleSettings
from ib_worker.risk.circuit_breakers import CircuitBreakerSettings
from ib_worker.risk.limit_settings import Limits
from ib_worker.settings import GROUPS
from ib_worker.settings import WorkerSettings as WorkerSettings
from mcp_front.settings import FrontSettings as FrontSettings
from mcp_front.tools.catalogue import offered_tools

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
URL = "http://127.0.0.1:8000/api/v1"
TARGETS = sorted(set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)))
PAGES = sorted((ROOT / "docs").glob("*.md"))
# Of the trial's page, which tells what was typed once, nothing is typed again.
TYPED = [*sorted(ROOT.glob("*.md")), *(page for page in PAGES if page.name != "trial.md")]
SETTINGS = {
    name.upper() for settings in (FrontSettings, WorkerSettings, ConsoleSettings) for name in settings.model_fields
}


@pytest.mark.parametrize("host", ["Claude Code", "Cursor", "VS Code", "Gemini CLI"])
def test_the_readme_and_the_demo_add_the_server_alike(host: str) -> None:
    way = ways_to_add(URL)[host].removeprefix("~/.cursor/mcp.json: ")

    assert f"`{way}`" in README


@pytest.mark.parametrize("target", TARGETS)
def test_a_make_target_of_the_readme_exists(target: str) -> None:
    assert re.search(rf"^{target}:.*## ", MAKEFILE, re.MULTILINE)


def test_the_readme_names_every_tool() -> None:
    told = README.split("## Tools")[1].split("\n## ")[0]

    assert set(re.findall(r"`(ibkr_[a-z_]+)`", told)) == {declared.tool_name for declared in offered_tools()}


def test_the_settings_of_the_readme_are_those_that_are_read() -> None:
    table = README.split("## Settings")[1].split("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}

    assert named == SETTINGS - {each.upper() for each in GROUPS}  # the LIMIT_… and TRIP_… of docs/orders.md


@pytest.mark.parametrize(("prefix", "settings"), [("LIMIT_", Limits), ("TRIP_", CircuitBreakerSettings)])
def test_the_page_about_orders_has_each_limit_and_each_wire(prefix: str, settings: type[BaseSettings]) -> None:
    page = (ROOT / "docs" / "orders.md").read_text(encoding="utf-8")
    table = "\n".join(line for line in page.splitlines() if line.startswith("| `"))

    assert {name for name in settings.model_fields if f"`{prefix}{name.upper()}`" not in table} == set()


@pytest.mark.parametrize("page", ["README.md", "API.md", "CONTRIBUTING.md", *(f"docs/{each.name}" for each in PAGES)])
def test_a_page_links_only_to_what_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = {link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link}

    assert {link for link in links if link and not ((ROOT / page).parent / link).exists()} == set()


@pytest.mark.trial("D12")
@pytest.mark.parametrize("page", TYPED, ids=lambda page: page.name)
def test_a_page_names_the_python_that_has_the_packages(page: Path) -> None:
    """Debian has no `python`, and its python3 lacks the packages; a container's own python has them."""
    lines = [re.sub(r"exec -it .*?python -m", "", line) for line in page.read_text(encoding="utf-8").splitlines()]
    module = r"(?:cli|tests|benchmarks|ibgateway|ib_worker|mcp_front|pytest)"
    bare = re.compile(rf"(?<!\.venv/bin/)\bpython3? -m {module}\b|(?:^\s*|`)pytest ")

    assert [line for line in lines if bare.search(line) and "in a worker's pod" not in line] == []


@pytest.mark.trial("D12")
def test_a_module_that_a_page_runs_exists() -> None:
    named = {name for page in TYPED for name in re.findall(r"\.venv/bin/python -m ([a-z_.]+[a-z])", page.read_text())}

    assert len(named) > 15
    assert {name for name in named if find_spec(name) is None} == set()


@pytest.mark.trial("D12")
def test_a_command_of_the_cli_is_written_as_it_takes_it() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in TYPED)
    shown = set(re.findall(r"\bpython -m cli ([a-z][^`#\n|]*)", text))

    assert len(shown) > 10
    for line in shown:
        name, *arguments = shlex.split(line)
        parser = argparse.ArgumentParser(prog=line)
        importlib.import_module(module_of(name)).add_arguments(parser)
        parser.parse_args(arguments)


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_a_redis_that_a_page_starts_keeps_its_data_when_it_stops(page: Path) -> None:
    starts = re.findall(r"docker run .*(?:valkey/|redis:).*", page.read_text(encoding="utf-8"))

    assert [each for each in starts if not re.search(r"-v [\w-]+:/data", each)] == []


@pytest.mark.trial("E16")
def test_what_depends_on_the_machine_has_a_page() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")

    for subject in ("SELinux", "Rootless Docker", "A window to the gateway", "A damaged append-only log"):
        assert f"\n## {subject}" in text
    assert "docs/troubleshooting.md" in README


@pytest.mark.trial("E12")
def test_a_clone_on_windows_keeps_the_line_ends_of_every_text_file() -> None:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    ends = subprocess.run(
        ["git", "ls-files", "-z", "--eol"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    unsafe = [line for line in ends if line.startswith("i/lf") and "eol=lf" not in line]

    assert names.count("\0") > 500
    assert unsafe == []
    assert not [line for line in ends if line.startswith("i/crlf")]
