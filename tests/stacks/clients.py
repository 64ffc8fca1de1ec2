"""Clients with rights: their file, and callers that show their proof."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridge.bus.identity.client_file import ClientEntry
from bridge.bus.identity.clients import proof_of
from bridge.bus.messages import ClientProof
from tests.stacks.worker import Caller

EVERY_SCOPE = ["read", "trade", "admin"]


def token_for(name: str) -> str:
    return f"token-of-{name}"


def proof_for(name: str) -> str:
    return proof_of(token_for(name))


def write_clients(path: Path, clients: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write a file of these clients with these rights; every scope where none is named, and a token of ours where there
    is no provider's subject."""
    entries = [
        {"name": name, "scopes": EVERY_SCOPE, **({} if "subject" in rights else {"sha256": proof_for(name)}), **rights}
        for name, rights in clients.items()
    ]
    path.write_text(json.dumps(entries))
    assert all(name in ClientEntry.__struct_fields__ for each in entries for name in each)
    return path


def as_client(front: Caller, name: str, token_of: str | None = None) -> Caller:
    """Return the same front's calls of a client; `token_of` another client's where it is to be forged."""
    return Caller(front.bus_client, name, proof=ClientProof(proof_for(token_of or name)))
