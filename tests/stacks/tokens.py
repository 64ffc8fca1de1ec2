"""Tokens of clients, in the file that a front reads."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.stacks.front import ERAS, Running

SCOPES = {"reader": ["read"], "trader": ["read", "trade"], "admin": ["read", "trade", "admin"], "nobody": []}


def token_of(name: str) -> str:
    return f"token-of-{name}-that-is-long-enough-to-be-one"


def write_tokens(path: Path, names: list[str]) -> Path:
    entries = [
        {"name": name, "sha256": hashlib.sha256(token_of(name).encode()).hexdigest(), "scopes": SCOPES[name]}
        for name in names
    ]
    path.write_text(json.dumps(entries))
    return path


def as_caller(front: Running, name: str, era: str = ERAS[0]) -> Any:
    return front.raw(era, authorization=f"Bearer {token_of(name)}")
