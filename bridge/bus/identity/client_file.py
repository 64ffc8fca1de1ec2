"""The file of static clients: a JSON list of names, digests of bearer tokens or a provider's subjects, scopes, and
further rights.

Front and worker read it. It is read again when it changes, so removing an entry ends that client's access.
"""

import hmac
from pathlib import Path
from typing import Annotated

import msgspec
import structlog

from bridge.bus.identity.clients import Client, ClientName
from bridge.bus.identity.rights import Rights

Claim = Annotated[str, msgspec.Meta(max_length=255)]  # characters of a `sub` at most: OpenID Connect Core, section 2

log = structlog.get_logger(__name__)


class ClientEntry(Rights, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One entry: of a token of ours, or of a subject of the OpenID Connect provider, through any program or one.

    A file of an earlier release has name, sha256 and scopes alone, and means all accounts and symbols.
    """

    name: ClientName
    sha256: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""  # of the token's UTF-8 bytes: the proof
    subject: Claim = ""  # the provider's `sub`
    program: Claim = ""  # the provider's `azp` or `client_id`; empty: any

    def __post_init__(self) -> None:
        if bool(self.sha256) == bool(self.subject) or (self.program and not self.subject):
            raise ValueError(f"{self.name} needs either sha256, of its token, or subject, with or without program")

    def client(self) -> Client:
        rights = Rights(*(getattr(self, field) for field in Rights.__struct_fields__))
        return Client(self.name, rights, by="the clients' file")


class ClientFile:
    """The clients of the file as it is now. A file that can no longer be read admits nobody."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._known: list[tuple[str, Client]] = []
        self._subjects: dict[tuple[str, str], Client] = {}
        self._fault: str | None = None
        self._refresh()

    def fault(self) -> str | None:
        """The reason why the file cannot be read now, without its path; None where it can."""
        self._refresh()
        return self._fault

    def find(self, proof: str) -> Client | None:
        """Return the client whose token's SHA-256 this is."""
        self._refresh()
        found = None
        for digest, client in self._known:  # all of them, so that the time taken says nothing of the place
            if hmac.compare_digest(digest, proof):
                found = client
        return found

    def named(self, name: str) -> Client | None:
        """Return the file's client of that name."""
        self._refresh()
        every = (*(client for _, client in self._known), *self._subjects.values())
        return next((client for client in every if client.name == name), None)

    def of_subject(self, subject: str, program: str) -> Client | None:
        """Return the client of the provider's subject: the program's own, else the one for any program."""
        self._refresh()
        return self._subjects.get((subject, program)) or self._subjects.get((subject, ""))

    def _refresh(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp and self._fault is None:  # rights that come back change no stamp
            return
        self._stamp = stamp
        try:
            entries = read_clients(self._path)
        except (OSError, ValueError) as error:
            self._known, self._subjects = [], {}
            self._tell(error.strerror or "error" if isinstance(error, OSError) else str(error))
            return
        self._known = [(each.sha256, each.client()) for each in entries if each.sha256]
        self._subjects = {(each.subject, each.program): each.client() for each in entries if each.subject}
        self._fault = None

    def _tell(self, fault: str) -> None:
        fault = fault.removeprefix(f"{self._path}: ")
        if fault != self._fault:
            log.error("tokens_unreadable", path=str(self._path), error=fault)
        self._fault = fault


def read_clients(path: Path) -> list[ClientEntry]:
    """The entries of the file; raises OSError or ValueError, and names no hash in either."""
    try:
        known = msgspec.json.decode(path.read_bytes(), type=list[ClientEntry])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None
    names = [each.name for each in known]
    if len(set(names)) != len(names):
        raise ValueError(f"{path}: each name must be unique, because logs and the audit log tell callers apart by it")
    subjects = [(each.subject, each.program) for each in known if each.subject]
    if len(set(subjects)) != len(subjects):
        raise ValueError(f"{path}: each pair of subject and program must be unique: else it has two clients' rights")
    return known


def require_clients(path: Path, setting: str) -> None:
    """Check at a service's start that clients can be read; raises ValueError, which names the setting and the fix."""
    try:
        read_clients(path)
    except OSError as error:
        made = f"`.venv/bin/python -m cli client --file {path} add NAME` makes this file"
        raise ValueError(f"{setting}: {path}: {error.strerror}. Name a file that can be read: {made}") from None
    except ValueError as error:
        raise ValueError(f"{setting}: {error}") from None


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
