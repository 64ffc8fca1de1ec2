"""A provider's claims make a client: by the clients' file, or by the token alone where that is allowed."""

from pathlib import Path
from typing import Any

import pytest

from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.oidc import OidcSettings, TokenClaims, claims_of, client_of
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.clients import write_clients

SETTINGS = OidcSettings("https://issuer.example", "ibkr", "ibkr:", "RS256", listed=False)


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "ibkr:read ibkr:trade other"}, {"read", "trade"}),
        ({"scp": ["ibkr:admin", "read"]}, {"admin"}),
        ({"scp": "ibkr:read"}, {"read"}),
        ({}, set()),
    ],
)
def test_claims_are_scopes_with_the_prefix_alone(claims: dict[str, Any], scopes: set[str]) -> None:
    assert claims_of(claims, SETTINGS.prefix).scopes == scopes


def directory(path: Path | None = None) -> ClientDirectory:
    return ClientDirectory(CommandPipeline("redis://127.0.0.1:9/0"), Keys("test"), path)


def test_each_pair_of_person_and_program_is_a_principal_where_all_are_let_in() -> None:
    pairs = (("anna|1", "claude"), ("anna-1", "claude"), ("anna|1", "codex"))
    found = [client_of(TokenClaims(who, by, frozenset({"read"})), SETTINGS, directory()) for who, by in pairs]
    names = {each.name for each in found if each}

    assert len(names) == 3
    assert all(each.startswith("oidc-anna-1-") for each in names)


def test_an_entry_of_the_file_gives_name_and_rights_and_a_broken_file_nothing(tmp_path: Path) -> None:
    anna = {"subject": "a|1", "accounts": ["DU1"]}
    every: dict[str, dict[str, Any]] = {"anna": anna, "desk": {"subject": "a|1", "program": "codex"}}
    path = write_clients(tmp_path / "clients.json", every)
    clients, trade = directory(path), frozenset({"read", "trade"})

    def client(subject: str, program: str, settings: OidcSettings = SETTINGS) -> tuple[str, set[str], set[str]] | None:
        found = client_of(TokenClaims(subject, program, trade), settings, clients)  # type: ignore[arg-type] # of words
        return (found.name, set(found.rights.scopes), set(found.rights.accounts)) if found else None

    assert client("a|1", "claude") == ("anna", {"read", "trade"}, {"DU1"})
    assert client("a|1", "codex") == ("desk", {"read", "trade"}, set())
    assert client("b|1", "codex") == ("oidc-b-1-" + client("b|1", "codex")[0][-8:], {"read", "trade"}, set())  # type: ignore[index]
    assert client("b|1", "codex", OidcSettings("i", "a", "", "RS256")) is None
    path.write_text("[")
    assert client("a|1", "claude") is None
    assert client("b|1", "codex") is None
