"""The least rights in Redis of each service, as rules of Redis' access control (ACL).

A script runs with the rights of the user that sends it: each command in it is checked by itself. So whoever may send
scripts may do no more by them than by single commands.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from bridge.bus.keys import Keys

Service = Literal["front", "worker", "console", "operator"]
SERVICES: tuple[Service, ...] = get_args(Service)
ANY_SESSION = "*"

# For health checks, which give no password: PING, and no more.
HEALTH = "health"
HEALTH_LINE = f"user {HEALTH} on nopass resetkeys resetchannels -@all +ping"

# What a connection needs by itself. The library names itself by CLIENT SETINFO, which Redis 7.0 does not know by name.
# Tracking tells the names of all keys that change, of every session: among them are confirmation tokens.
_CONNECT = "-@all +@connection -client|tracking"
_BASICS = "-@dangerous +time +info"  # comes last, or it would take INFO away again
_DATA = "+@hash +@list +@set +@sortedset +@stream +@string +del +exists +pexpire +pttl +type +unlink"
_SESSION, _ANY = "SESSION", "ANY"  # stand for a session and for a part of a name until the rules are written


@dataclass(frozen=True)
class Grant:
    """Commands, and the keys and channels that they may name."""

    commands: str
    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    channels: Sequence[str] = ()

    def words(self) -> str:
        """Return the grant as Redis writes it."""
        keys = [f"%R~{each}" for each in self.reads] + [f"~{each}" for each in self.writes]
        return " ".join([*self.commands.split(), *keys, *(f"&{each}" for each in self.channels)])


def rules(service: Service, session: str) -> str:
    """Return the rights of a service in one session, or with ANY_SESSION in all of them. Raises ValueError.

    They are the words of ACL SETUSER without name, state and password.
    """
    keys = Keys(_SESSION if session == ANY_SESSION else session)
    first, *others = _GRANTS[service](keys)
    text = " ".join(["resetkeys resetchannels", first.words(), *(f"({each.words()})" for each in others)])
    text = re.sub(rf"\b{_ANY}\b", "*", text)
    return text.replace(f"{{{_SESSION}}}", "{*}") if session == ANY_SESSION else text


def user_line(name: str, service: Service, session: str, password_sha256: str) -> str:
    """Return a user's line of an ACL file. Raises ValueError."""
    return f"user {name} on #{password_sha256} {rules(service, session)}"


def default_line(password_sha256: str) -> str:
    """Return the line of the server's default user, who is its administrator and asks for a password.

    With fewer rights data would be lost: a server plays its append-only log as this user, and leaves out each
    transaction, as which a script's writes are logged, that this user could not make (redis/redis#14541,
    valkey-io/valkey#3983; servers before their fixes).
    """
    return f"user default on #{password_sha256} allkeys allchannels +@all"


def _stored(keys: Keys) -> set[str]:
    """Return the names of all that the session stores, or patterns of them."""
    several = (keys.kept, keys.history, keys.duplicate, keys.preview, keys.approval, keys.order, keys.answer)
    of_principals = keys.placed_by("").rpartition(":")[0] + ":" + _ANY
    channels = {keys.requests, keys.fronts, keys.calls, keys.event_news, keys.stream_news, keys.client_news}
    single = {name for name in vars(keys).values() if name.startswith(_every(keys).removesuffix(_ANY))}
    return (single | {each(_ANY) for each in several} | {of_principals}) - channels - {_every(keys).removesuffix(_ANY)}


def _heard_by_fronts(keys: Keys) -> list[str]:
    news = [keys.event_news, keys.stream_news, keys.client_news]
    return [keys.replies(_ANY), keys.ticks(_ANY), keys.fronts, *news]


def _every(keys: Keys) -> str:
    """Return the pattern of all names of the session."""
    return keys.seal.removesuffix("seal") + _ANY


def _scripts(keys: Keys) -> Grant:
    """Sending a script. Redis takes each key that is handed to one for written; what a script does is checked apart."""
    return Grant("+eval +evalsha", writes=[_every(keys)])


def _front(keys: Keys) -> Iterable[Grant]:
    """A front asks the worker, and hears what it answers. It writes its own part of an order's record, handles of
    streams, and a halt, which it can neither lift nor loosen."""
    yield Grant(f"{_CONNECT} {_BASICS} +spublish", channels=[keys.requests, keys.fronts, keys.calls])
    yield _scripts(keys)
    yield Grant("+ssubscribe +sunsubscribe", channels=_heard_by_fronts(keys))
    yield Grant("+pubsub|shardnumsub allchannels")
    yield Grant("+get +hmget", reads=[keys.generation, keys.heartbeat, keys.lease, keys.owned, keys.answer(_ANY)])
    yield Grant("+get +hgetall", reads=[keys.clients, keys.access, keys.identity_epoch])
    yield Grant("+hget +hmget +hset +del +pexpire", writes=[keys.order(_ANY)])
    yield Grant("+hget +hmget +hsetnx", writes=[keys.halt])
    yield Grant("+rpush", writes=[keys.switched])
    yield Grant("+get +setnx", writes=[keys.seal])
    yield Grant("+xrange +xrevrange", reads=[keys.events, keys.kept(_ANY)])
    yield Grant("+hdel +hexists +hget +hgetall +hset +pexpire +type +unlink", writes=[keys.streams])


def _worker(keys: Keys) -> Iterable[Grant]:
    """The worker owns what the session keeps. Who may approve, release and call it reads alone."""
    identity = [
        keys.operators, keys.sign_ins, keys.sign_in_links, keys.clients, keys.access, keys.oauth_registrations,
        keys.oauth_grants,
    ]  # fmt: skip
    owned = _stored(keys) - {*identity, keys.seal}
    channels = [
        keys.requests, keys.replies(_ANY), keys.ticks(_ANY), keys.event_news, keys.stream_news, keys.client_news,
    ]  # fmt: skip
    config = "+config|get"  # whether Redis keeps what it acknowledges
    scan = "+scan"  # for records of an earlier release
    yield Grant(f"{_CONNECT} {_DATA} {_BASICS} {config} {scan} +spublish +ssubscribe +sunsubscribe",
                reads=identity, writes=sorted(owned), channels=channels)  # fmt: skip
    yield Grant("+hdel", writes=[keys.access])  # it ends the access of clients whose operator is gone
    yield _scripts(keys)
    yield Grant("+pubsub|shardnumsub allchannels")


def _console(keys: Keys) -> Iterable[Grant]:
    """The console reads the session, and writes what an operator decides: approvals, the kill switch, sign-ins, who may
    call."""
    decided = [
        keys.approvals, keys.approval(_ANY), keys.refusals, keys.halt, keys.halts, keys.switched, keys.released,
        keys.operators, keys.sign_ins, keys.sign_in_links, keys.clients, keys.access, keys.oauth_registrations,
        keys.oauth_grants, keys.events, keys.event_states, keys.event_ages,
    ]  # fmt: skip
    read = _stored(keys) - {*decided, keys.seal, keys.preview(_ANY)}
    yield Grant(f"{_CONNECT} {_DATA} {_BASICS}", reads=sorted(read), writes=decided)
    yield _scripts(keys)
    yield Grant("+spublish", channels=[keys.requests, keys.fronts, keys.event_news, keys.client_news])
    yield Grant("+ssubscribe +sunsubscribe", channels=[*_heard_by_fronts(keys), keys.calls])
    yield Grant("+pubsub|shardnumsub allchannels")


def _operator(keys: Keys) -> Iterable[Grant]:
    """The operator's command line may do everything with the session's data, and nothing with the server."""
    everything = [_every(keys)]
    yield Grant(f"{_CONNECT} {_DATA} +@keyspace {_BASICS} +config|get +eval +evalsha +spublish",
                writes=everything, channels=everything)  # fmt: skip


_GRANTS = {"front": _front, "worker": _worker, "console": _console, "operator": _operator}
