"""A static client's rights are in its entry; a file of an earlier release means all accounts and symbols."""

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.identity.client_file import ClientFile, read_clients, require_clients
from bridge.bus.identity.clients import proof_of
from bridge.bus.identity.rights import Rights

OLD = {"name": "old", "sha256": proof_of("old token"), "scopes": ["read"]}


def written(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(json.dumps(entries))
    return path


def test_an_entry_of_an_earlier_release_has_its_scopes_on_everything(tmp_path: Path) -> None:
    found = ClientFile(written(tmp_path / "f", OLD)).find(proof_of("old token"))

    assert found is not None
    assert (found.name, found.rights) == ("old", Rights(frozenset({"read"})))


def test_an_entry_has_further_rights(tmp_path: Path) -> None:
    more = {"accounts": ["DU1"], "toolsets": ["orders"], "symbols": ["BRK B"], "max_order_value": 1000}
    found = ClientFile(written(tmp_path / "f", OLD | more)).find(proof_of("old token"))

    assert found is not None
    expected = (frozenset({"DU1"}), frozenset({"orders"}), frozenset({"BRK B"}), 1000.0)
    rights = found.rights
    assert (rights.accounts, rights.toolsets, rights.symbols, rights.max_order_value) == expected


@pytest.mark.parametrize(
    "entry",
    [{"accounts": "DU1"}, {"max_order_value": 0}, {"max_orders_per_day": "3"}, {"symbols": [""]}, {"account": ["DU1"]}],
)
def test_an_entry_whose_rights_cannot_be_read_makes_the_file_unreadable(tmp_path: Path, entry: dict[str, Any]) -> None:
    """A misspelled restriction must not be none."""
    path = written(tmp_path / "f", OLD)
    clients = ClientFile(path)
    written(path, OLD | entry)

    assert clients.find(proof_of("old token")) is None
    assert next(iter(entry)) in str(clients.fault())


def test_another_token_is_nobodys(tmp_path: Path) -> None:
    clients = ClientFile(written(tmp_path / "f", OLD))

    assert clients.find(proof_of("another")) is None
    assert clients.find("") is None
    assert clients.named("old") is not None
    assert clients.named("new") is None


def test_no_fault_names_a_digest(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sha256") as caught:
        read_clients(written(tmp_path / "f", OLD | {"sha256": "0" * 63}))

    assert "0" * 63 not in str(caught.value)


def test_a_service_without_its_file_names_the_setting_and_the_command(tmp_path: Path) -> None:
    path = tmp_path / "none.json"

    with pytest.raises(ValueError, match=f"^CLIENTS_FILE: {path}: No such file") as caught:
        require_clients(path, "CLIENTS_FILE")

    assert f"cli client --file {path} add NAME" in str(caught.value)
