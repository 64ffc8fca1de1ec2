"""The lines that add the server to a host are what that host reads, and what the README shows."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from cli.client_setup import codex_config, described
from ib_worker.settings import WorkerSettings as WorkerSettings
from mcp_front.settings import FrontSettings as FrontSettings

ROOT = Path(__file__).resolve().parents[2]


README = (ROOT / "README.md").read_text(encoding="utf-8")


URL = "http://127.0.0.1:8000/api/v1"


@pytest.mark.trial("D13")
def test_the_lines_for_codex_are_toml_and_the_readmes_too() -> None:
    row = next(line for line in README.splitlines() if line.startswith("| Codex |"))
    spans = re.findall(r"`([^`]+)`", row)
    expected = {"mcp_servers": {"ibkr": {"url": URL}}}

    assert tomllib.loads(codex_config(URL)) == expected
    assert tomllib.loads("\n".join(spans[1:])) == expected
    assert tomllib.loads("\n".join(shown_for("Codex")[1:])) == expected


@pytest.mark.trial("D13")
def test_the_line_for_cursor_is_json() -> None:
    assert json.loads(shown_for("Cursor")[0].partition(": ")[2]) == {"mcpServers": {"ibkr": {"url": URL}}}


def shown_for(host: str) -> list[str]:
    """What the terminal shows for one host, line by line."""
    return next(each for each in described(URL) if each.strip().startswith(host)).splitlines()
