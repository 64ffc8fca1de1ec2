"""The only module that spells a Redis key or channel."""

import hashlib
import re

_SESSION = re.compile(r"[A-Za-z0-9_.-]{1,32}")  # no braces: they would move the hash tag
_PART = re.compile(r"[A-Za-z0-9_.:-]{1,96}")
_NAME = re.compile(r"ibkr:\{(.+)\}:\w+")
SIGNS = tuple(
    f"ibkr:{{*}}:{sign}" for sign in ("epoch", "heartbeat", "generation")
)  # patterns of a session's own marks


class Keys:
    """The names of one session. They share the hash tag {session}, so one Cluster slot holds all of them."""

    def __init__(self, session: str) -> None:
        if not _SESSION.fullmatch(session):
            raise ValueError(f"session: 1-32 of A-Z a-z 0-9 _ . - are expected, not {session!r}")
        self.session = session
        self._prefix = f"ibkr:{{{session}}}:"
        self._name_channels()
        self._name_leadership()
        self._name_orders()
        self._name_controls()
        self._name_identities()
        self._name_logs()
        self._name_watches_and_streams()

    def _name_channels(self) -> None:
        self.requests = self._prefix + "req"  # channel: what fronts ask
        self.fronts = self._prefix + "fronts"  # channel: what fronts ask one another
        self.calls = self._prefix + "calls"  # channel: the tool calls that fronts have answered, for who watches

    def _name_leadership(self) -> None:
        self.lease = self._prefix + "lease"  # string: the leader's token
        self.cut_off = self._prefix + "cut_off"  # string, for seconds: the leader can't reach the gateway
        self.relief = self._prefix + "relief"  # string, for seconds: a standby can
        self.epoch = self._prefix + "epoch"  # counter that tokens come from
        self.generation = self._prefix + "generation"  # string: gone when Redis has lost its data
        self.revision = self._prefix + "revision"  # counter of the leaders' steps: a lower one is an older copy's
        self.steering = self._prefix + "steering"  # string: what ibkr_connect or ibkr_disconnect asked for last
        self.heartbeat = self._prefix + "heartbeat"  # hash: the session's status as last written

    def _name_orders(self) -> None:
        self.inflight = self._prefix + "inflight"  # set: keys of orders that are accepted and not done
        self.order_ids = self._prefix + "order_ids"  # counter: the highest orderId ever handed out
        self.accepted = self._prefix + "accepted"  # sorted set: keys of placed orders by the time of acceptance
        self.owned = self._prefix + "owned"  # string: the token of a leader whose part of each record is its own
        self.seal = self._prefix + "seal"  # string: the secret under which fronts seal what a client hands back

    def _name_controls(self) -> None:
        self.halt = self._prefix + "halt"  # hash: the kill switch, there while it is set
        self.halts = self._prefix + "halts"  # counter: how often the switch was released
        self.switched = self._prefix + "switched"  # list: who set it, where the audit log does not say so yet
        self.released = self._prefix + "released"  # list: who released it, likewise; no front writes here
        self.approvals = self._prefix + "approvals"  # sorted set: keys of live orders that await a human
        self.refusals = self._prefix + "refusals"  # list: what the operator refused and is not in the audit log yet

    def _name_identities(self) -> None:
        self.operators = self._prefix + "operators"  # hash: who may approve and release, by name
        self.sign_ins = self._prefix + "sign_ins"  # hash: which of them are signed in, by the digest of a token
        self.sign_in_links = self._prefix + "sign_in_links"  # hash: links that sign in once, by the digest of a token
        self.identity_epoch = self._prefix + "identity_epoch"  # string: another one after Redis has lost data
        self.clients = self._prefix + "clients"  # hash: who may call, and their rights, by name
        self.access = self._prefix + "access"  # hash: as which client a proof acts, by the proof's digest
        self.client_news = self._prefix + "client_news"  # channel: clients or their access have changed
        self.oauth_registrations = self._prefix + "oauth_registrations"  # hash: OAuth clients that have registered
        self.oauth_grants = self._prefix + "oauth_grants"  # hash: what operators granted to them, by a digest

    def _name_logs(self) -> None:
        self.audit = self._prefix + "audit"  # stream: the audit log
        self.audit_head = self._prefix + "audit_head"  # hash: seq and digest of the log's last entry
        self.audit_index = self._prefix + "audit_index"  # sorted set: which of its newest entries name an order
        self.events = self._prefix + "events"  # stream: the event log, capped
        self.event_states = self._prefix + "event_states"  # hash: what the log says last of each subject
        self.event_ages = self._prefix + "event_ages"  # sorted set: those subjects by when the log named them last
        self.event_news = self._prefix + "event_news"  # channel: the id of each new event

    def _name_watches_and_streams(self) -> None:
        self.watches = self._prefix + "watches"  # hash: the conditions that the worker looks out for, by their id
        self.pushed = self._prefix + "pushed"  # hash: how far each reader of the worker has read the event log
        self.streams = self._prefix + "streams"  # hash: the handles of streams that can be read
        self.stream_grants = self._prefix + "stream_grants"  # hash: whose stream the worker keeps; no front writes here
        self.stream_news = self._prefix + "stream_news"  # channel: the names of the kept streams that have grown

    def replies(self, front: str) -> str:
        """The channel that one front listens to."""
        return f"{self._prefix}rep:{_checked(front)}"

    def ticks(self, stream: str) -> str:
        """The channel of one stream."""
        return f"{self._prefix}tick:{_checked(stream)}"

    def kept(self, stream: str) -> str:
        """The log of one stream that a handle reads, capped."""
        return f"{self._prefix}kept:{_checked(stream)}"

    def history(self, shelf: str) -> str:
        """The hash of one kind of the account's past: `snapshots`, `executions` or `flows`, capped."""
        return f"{self._prefix}history:{_checked(shelf)}"

    def history_times(self, shelf: str) -> str:
        """The sorted set of those records by their time."""
        return f"{self._prefix}history:{_checked(shelf)}:times"

    def duplicate(self, digest: str) -> str:
        """The key of the latest order with these very terms, for as long as an equal one is held."""
        return f"{self._prefix}dup:{_checked(digest)}"

    def preview(self, token: str) -> str:
        """Return the key of a confirmation token's grant; it is deleted when the token is used or expires."""
        return f"{self._prefix}preview:{_checked(token)}"

    def preview_user(self, token: str) -> str:
        """The idempotencyKey that has used it."""
        return f"{self._prefix}preview:{_checked(token)}:user"

    def placed_by(self, principal: str) -> str:
        """The sorted set of a principal's placed orders by the time of acceptance, where it has limits of its own."""
        return f"{self._prefix}placed:{hashlib.sha256(principal.encode()).hexdigest()[:32]}"

    def approval(self, key: str) -> str:
        """A live order that awaits, or has, a human's approval."""
        return f"{self._prefix}approval:{_checked(key)}"

    def order(self, key: str) -> str:
        """A front's part of the record of one order key: what was asked for."""
        return f"{self._prefix}op:{_checked(key)}"

    def answer(self, key: str) -> str:
        """The worker's part of that record: what became of it. No front writes it."""
        return f"{self._prefix}own:{_checked(key)}"

    def key_of(self, name: str) -> str:
        """Return the order key of a front's part of a record, empty for any other name."""
        part = name.removeprefix(f"{self._prefix}op:")
        return part if part != name and _PART.fullmatch(part) else ""


def session_name(written: str) -> str:
    """A session's name as settings take it. Raises ValueError."""
    return Keys(written).session


def session_of(name: str) -> str:
    """Return the session of a key, empty for any other name."""
    return found[1] if (found := _NAME.fullmatch(name)) else ""


def _checked(part: str) -> str:
    if not _PART.fullmatch(part):
        raise ValueError(f"1-96 of A-Z a-z 0-9 _ . : - are expected, not {part[:100]!r}")
    return part
