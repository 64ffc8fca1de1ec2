"""`redis-users`: prints each service's rights in Redis, or writes an ACL file and a password file for each user.

With given passwords it makes none: where Kubernetes or an operator keeps them, the ACL file alone is written.
"""

import argparse
import asyncio
import hashlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from bridge.bus.access import ANY_SESSION, HEALTH_LINE, Service, default_line, user_line
from bridge.bus.keys import session_name
from bridge.bus.transport.address import redis_address, with_password
from bridge.bus.transport.connection import BusError, NotSent
from bridge.bus.transport.pipeline import CommandPipeline

USUAL_SESSION = "paper"  # as that of front, worker and console
DEFAULT = "default"
SERVER = "redis"  # the folder that the server reads, with the password of its default user
PASSWORD, ACL_FILE, LOADED = "password", "users.acl", "loaded"
NO_PASSWORD = "SHA256-OF-ITS-PASSWORD"  # a server rejects it until somebody puts a digest there


def add_arguments(parser: argparse.ArgumentParser) -> None:
    told = f"a session to make users for, once for each; left out: IBKR_SESSION, else {USUAL_SESSION}"
    parser.add_argument("--session", action="append", type=session_name, metavar="NAME", help=told)
    told = f"write {SERVER}/{ACL_FILE} and USER/{PASSWORD} there; passwords that are there are kept"
    parser.add_argument("--folder", type=Path, help=told)
    told = "a folder with the passwords, each in a file named as its user: none is made then"
    parser.add_argument("--passwords", type=Path, metavar="FOLDER", help=told)
    told = "a server that reads that file, and is to read it again if it runs"
    parser.add_argument("--reload", type=redis_address, metavar="URL", help=told)


def run(options: argparse.Namespace) -> int:
    sessions = options.session or [os.environ.get("IBKR_SESSION") or USUAL_SESSION]
    users = list(_users(sessions))
    try:
        given = None if options.passwords is None else _given(options.passwords, _names(users))
        if options.folder is None:
            print("\n".join(_lines(users, _digests(given) if given else dict.fromkeys(_names(users), NO_PASSWORD))))
            return 0
        admin = _write(options.folder, users, given)
        print(f"{options.folder / SERVER / ACL_FILE}: {len(users)} users of {', '.join(sessions)}")
        if options.reload is not None and not _is_loaded(options.folder):
            asyncio.run(_reload(options.reload, admin, options.folder))
    except (OSError, BusError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _users(sessions: list[str]) -> Iterator[tuple[str, Service, str]]:
    """Yield name, service and session of each user. Console and operator see to all sessions."""
    for session in dict.fromkeys(sessions):
        yield f"front-{session}", "front", session
        yield f"worker-{session}", "worker", session
    yield "console", "console", ANY_SESSION
    yield "operator", "operator", ANY_SESSION


def _names(users: list[tuple[str, Service, str]]) -> list[str]:
    return [DEFAULT, *(name for name, *_ in users)]


def _digests(passwords: dict[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(password.encode()).hexdigest() for name, password in passwords.items()}


def _lines(users: list[tuple[str, Service, str]], digests: dict[str, str]) -> list[str]:
    lines = [user_line(name, service, session, digests[name]) for name, service, session in users]
    return [default_line(digests[DEFAULT]), HEALTH_LINE, *lines]


def _write(folder: Path, users: list[tuple[str, Service, str]], given: dict[str, str] | None) -> str:
    """Write the files, and return the default user's password. The folder is closed to others; what is in it is to be
    read by containers that run as somebody else, each of which sees its own folder alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    passwords = given or {name: _password(folder / (SERVER if name == DEFAULT else name)) for name in _names(users)}
    _put(folder / SERVER / ACL_FILE, "".join(f"{line}\n" for line in _lines(users, _digests(passwords))))
    return passwords[DEFAULT]


def _given(folder: Path, names: list[str]) -> dict[str, str]:
    """Return the passwords that the folder has. Raises ValueError if one is missing or empty."""
    files = {name: folder / name for name in names}
    found = {name: file.read_text(encoding="utf-8").strip() for name, file in files.items() if file.is_file()}
    if missing := [name for name in names if not found.get(name)]:
        raise ValueError(
            f"--passwords {folder}: no password of {', '.join(missing)}. Write each into a file named as its user; in "
            "Kubernetes that is a key of the Secret"
        )
    return found


def _password(folder: Path) -> str:
    """Return the password that the folder has; a new one is written."""
    file = folder / PASSWORD
    if file.exists() and (kept := file.read_text(encoding="utf-8").strip()):
        return kept
    made = secrets.token_urlsafe(32)
    _put(file, f"{made}\n")
    return made


def _put(file: Path, text: str) -> None:
    """Write the file as a whole: a server may read it at any moment."""
    file.parent.mkdir(exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.chmod(0o444)
    os.replace(new, file)


def _is_loaded(folder: Path) -> bool:
    """Return whether a server has read this very file: older ones drop each connection where they read it again."""
    loaded = folder / SERVER / LOADED
    return loaded.exists() and loaded.read_text(encoding="utf-8").strip() == _digest(folder)


def _digest(folder: Path) -> str:
    return hashlib.sha256((folder / SERVER / ACL_FILE).read_bytes()).hexdigest()


async def _reload(url: str, password: str, folder: Path) -> None:
    """Let a server that runs read the file again. One that does not run will read it when it starts; one that rejects
    the password runs without these users, and is about to be started anew. Raises BusError."""
    async with CommandPipeline(with_password(url, password)) as pipe:
        try:
            await pipe.send("ACL", "LOAD")
        except NotSent as error:
            print(f"not loaded into a running server: {error}")
        else:
            _put(folder / SERVER / LOADED, f"{_digest(folder)}\n")
