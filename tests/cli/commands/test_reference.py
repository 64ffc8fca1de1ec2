"""`reference`: what API.md, the README and the snapshots say of a tool is what its declaration says."""

import json
from pathlib import Path

import pytest

import bridge.tools.market.market_data  # its declarations fill the registry
import bridge.tools.orders  # noqa: F401
from bridge.tool import TOOLS
from cli.__main__ import main
from cli.commands import reference


def test_a_chapter_has_the_tools_arguments_with_their_defaults_and_limits() -> None:
    chapter = reference.chapter(TOOLS["ibkr_stream_market_data"])

    assert "`duration_seconds`" in chapter
    assert "60" in chapter
    assert "`symbol`" in chapter
    assert "| `totalQuantity` | number | required |" in reference.chapter(TOOLS["ibkr_place_order"])


def test_every_tool_has_one_snapshot_of_its_name_and_the_same_text_each_time() -> None:
    snapshots = reference.snapshots()

    assert {name: json.loads(text)["name"] for name, text in snapshots.items()} == {
        f"{each}.json": each for each in TOOLS
    }
    assert snapshots == reference.snapshots()


@pytest.mark.parametrize(
    ("doc", "first"), [("One. Two.", "One."), ("Only one", "Only one."), ("A\nline. More.", "A line.")]
)
def test_a_list_has_each_tools_first_sentence(doc: str, first: str) -> None:
    assert reference.first_sentence(doc) == first


def test_what_it_writes_replaces_stale_snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "SCHEMAS", tmp_path)
    (tmp_path / "ibkr_gone.json").write_text("{}")

    assert main(["reference", "--schemas"]) == 0
    assert {each.name for each in tmp_path.iterdir()} == set(reference.snapshots())
