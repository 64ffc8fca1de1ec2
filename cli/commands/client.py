"""`client`: manages the file of named tokens by which front and worker admit clients; it stores only their digests."""

import argparse
import fcntl
import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bridge.bus.identity.client_file import ClientEntry
from bridge.bus.identity.rights import LIMITS
from bridge.toolsets import TOOLSETS

FILE = Path("secrets/front_tokens.json")
SCOPES = ("read", "trade", "admin")
NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")

SETS = ("accounts", "symbols", "toolsets")
NOBODY = ("", "")

Entry = dict[str, Any]  # as the file has it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", type=Path, default=FILE, help=f"the file that FRONT_TOKENS_FILE names ({FILE})")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a token, and show it once")
    add.add_argument("name", type=a_name, help="the client's name in logs and audit")
    add.add_argument("--subject", default="", help="of OIDC_ISSUER: its tokens' `sub`, in place of a token of ours")
    add.add_argument("--program", default="", help="only by this one: those tokens' `azp` or `client_id` (any)")
    add.add_argument("--scopes", type=some_scopes, default=["read"], help="of read, trade and admin (read)")
    add.add_argument("--accounts", type=names, default=[], help="comma list: only these (all)")
    add.add_argument("--symbols", type=names, default=[], help="comma list: orders and prices of these alone (all)")
    add.add_argument("--toolsets", type=some_toolsets, default=[], help="comma list: tools of these alone (all)")
    for limit in LIMITS:
        add.add_argument(
            f"--{limit.replace('_', '-')}", type=json.loads, metavar="N", help=f"as LIMIT_{limit.upper()}, of its own"
        )
    add.set_defaults(act=add_client)
    first = actions.add_parser("first", help="the same if no client has access yet, else nothing")
    first.add_argument("name", type=a_name)
    first.add_argument("--scopes", type=some_scopes, default=["read"])
    first.set_defaults(act=add_first)
    remove = actions.add_parser("remove", help="end a client's access, at once")
    remove.add_argument("name", type=a_name)
    remove.set_defaults(act=remove_client)
    actions.add_parser("list", help="names and rights").set_defaults(act=list_clients)


def run(options: argparse.Namespace) -> int:
    try:
        if options.act is list_clients:
            list_clients(options)
        else:
            with alone(options.file):
                options.act(options)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def add_client(options: argparse.Namespace) -> None:
    entries, token = read(options.file), secrets.token_urlsafe(32)
    identity = identity_of(options, token)
    require_free(entries, options.name, identity)
    given = {name: value for name in (*SETS, *LIMITS) if (value := getattr(options, name, None))}
    entry: Entry = {"name": options.name, **identity, "scopes": options.scopes} | given
    rights = checked(entry)
    write(options.file, [*entries, entry])
    if "subject" in entry:
        print(f"{options.name} may {rights}: of this, what each token of {options.subject} by OIDC_ISSUER allows")
    else:
        print(f"{options.name} may {rights} with this token, which is shown only now:\n\n  {token}\n")


def require_free(entries: list[Entry], name: str, identity: Entry) -> None:
    """Raise ValueError where there is a client of this name, or of this subject."""
    if any(each["name"] == name for each in entries):
        raise ValueError(f"{name} exists already: remove it first, or use another name")
    same = [each["name"] for each in entries if subject_of(each) == subject_of(identity) != NOBODY]
    if same:
        raise ValueError(f"{same[0]} is this subject already: remove it first")


def subject_of(entry: Entry) -> tuple[str, str]:
    """Return the provider's subject and program of an entry."""
    return entry.get("subject", ""), entry.get("program", "")


def identity_of(options: argparse.Namespace, token: str) -> Entry:
    """Return what shows that a call is the client's: a subject of the provider's, or the new token's digest."""
    subject, program = getattr(options, "subject", ""), getattr(options, "program", "")
    if program and not subject:
        raise ValueError("--program goes with --subject: the program by which that subject signs in")
    if not subject:
        return {"sha256": hashlib.sha256(token.encode()).hexdigest()}
    return {"subject": subject} | ({"program": program} if program else {})


def add_first(options: argparse.Namespace) -> None:
    if entries := read(options.file):
        print(f"clients with access: {', '.join(str(each['name']) for each in entries)}")
    else:
        add_client(options)


def remove_client(options: argparse.Namespace) -> None:
    entries = read(options.file)
    kept = [each for each in entries if each["name"] != options.name]
    if len(kept) == len(entries):
        raise ValueError(f"no client is called {options.name}")
    write(options.file, kept)
    print(f"{options.name} has no access any more")


def list_clients(options: argparse.Namespace) -> None:
    for each in read(options.file):
        of = f" (subject {each['subject']})" if "subject" in each else ""
        print(f"{each['name']:<24} {checked(each)}{of}")


def checked(entry: Entry) -> str:
    """Return an entry's rights in one line. Raises ValueError for an entry that no front and no worker would read."""
    try:
        return msgspec.convert(entry, ClientEntry).told()
    except msgspec.ValidationError as error:
        raise ValueError(f"{entry['name']}: {error}") from None


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Lock the file for the block: of two changes at once, one would print a token that the other's file lacks.

    The folder is what is locked: the file may not be there yet, and must never be seen empty.
    """
    path.parent.mkdir(mode=0o700, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def read(path: Path) -> list[Entry]:
    if not path.exists():
        return []
    entries: list[Entry] = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(entries, list) or not all(map(is_entry, entries)):
        raise ValueError(f"{path} is no list of clients, each with name, sha256 or subject, and scopes")
    return entries


def is_entry(found: object) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(found.get("name"), str)
        and isinstance(found.get("sha256", found.get("subject")), str)
        and isinstance(found.get("scopes"), list)
        and all(isinstance(each, str) for each in found["scopes"])
    )


def write(path: Path, entries: list[Entry]) -> None:
    """In the file itself, not a new one in its place: a container that has it mounted keeps seeing the old one."""
    content = (json.dumps(entries, indent=2) + "\n").encode()
    # The front's own user reads it in its container, so everybody may; nobody gets a token back from its hash.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, content)
        os.ftruncate(descriptor, len(content))
    finally:
        os.close(descriptor)


def a_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("1-64 of A-Z a-z 0-9 . _ @ -")
    return text


def names(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def some_toolsets(text: str) -> list[str]:
    if unknown := set(names(text)) - set(TOOLSETS):
        raise argparse.ArgumentTypeError(f"no toolset: {', '.join(sorted(unknown))}. There are {', '.join(TOOLSETS)}")
    return names(text)


def some_scopes(text: str) -> list[str]:
    scopes = text.split(",")
    if not set(scopes) <= set(SCOPES):
        raise argparse.ArgumentTypeError(f"a comma list of {', '.join(SCOPES)}")
    return scopes
