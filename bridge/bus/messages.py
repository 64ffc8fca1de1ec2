"""The messages that cross Redis: requests, replies, ticks and the heartbeat, with their limits and encoding.

Unknown fields are ignored and new fields have defaults, so a front and a worker of adjacent releases understand each
other. VERSION rises only when they no longer do.
"""

from typing import Annotated, Any, TypeVar

import msgspec

from bridge.tool import ToolError

VERSION = 1
REQUEST_LIMIT = 64 * 1024
PROOF_BYTES = 75  # of a request's JSON: a record is without
TOKEN_BYTES = 11  # the same, around a token
SHOW_TOKEN = "show_token"  # in an error's details: the worker has not seen the token, and asks the front for it
REPLY_LIMIT = (
    2 * 1024 * 1024
)  # the longest answer is a list of one and a half MiB that is never cut (`ib_worker/answers/bounds.py`)

MESSAGE_LIMIT = 4_000  # characters of an error's text

LOOK_NOW = b"renew"  # on the channel of requests: the leader is to renew its lease now, and so to see what has changed
NULL = msgspec.Raw(b"null")
SIMULATED = "simulated"  # in a list's details: the gateway is a simulator
ACCOUNTS = "accounts"  # in a list's details: it has these accounts alone, by the rights of its client
TRUNCATED = "truncated"  # in a result's details: how many rows of how many it has, and how to ask for fewer

Decoded = TypeVar("Decoded")
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:-]{1,96}$")]  # it becomes a part of a key or channel
Clock = Annotated[int, msgspec.Meta(ge=0, le=2**53)]  # the server's clock in ms
# A provider's access token (JWT), "" for none. Characters of JSON that need no escape: a script puts it into a request.
Token = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)?\Z", max_length=8192)]
Proof = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]  # the SHA-256 of a client's token, "" for none
Wait = Annotated[int, msgspec.Meta(ge=0, le=3_600_000)]

LOCAL = "local"  # the one principal of a front without tokens


class ClientProof(msgspec.Struct, frozen=True):
    """A front's proof of its caller: the SHA-256 of the token, and whether the client's rights name more than scopes.
    A provider's token is here itself: the worker verifies it once, and then knows it by the digest. No text shows it.
    """

    digest: str = ""
    restricted: bool = False
    token: str = ""

    def __repr__(self) -> str:
        return "<proof>"


NO_PROOF = ClientProof()


class BusCaller(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of a request, as `Request` names it, and the ids that follow the request through the logs and traces
    of both services."""

    principal: str
    request_id: str
    label: str = ""
    proof: ClientProof = NO_PROOF
    traceparent: str | None = None


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request of a front. A request with a key is a write and has an order record.

    `caller` is the principal: the token's name, else LOCAL. Keys, approvals, confirmation tokens and the duplicate
    window belong to the principal. `label` is the MCP client's name, else the address it connects from. Fairness, logs,
    recent_clients and the audit use the label; no decision about an order does. Earlier releases send no label.

    `proof` shows the worker whose token the front was given. It is in no record and in no text; earlier releases send
    none. `token` is a provider's token itself, with a write, or where the worker asks for it; it is kept likewise.
    """

    v: int
    id: str
    op: str
    args: msgspec.Raw  # JSON of the declaration, unset fields left out
    front: Name  # whose channel the reply goes to
    until: Clock  # after it a read is not answered, and a write not accepted, any more
    caller: str
    request_id: str
    key: Name | None = None
    digest: str = ""
    grace_ms: Wait = 0  # how long after `until` the caller of a write still waits for its answer
    traceparent: str | None = None
    label: str = ""
    keyless: bool = False  # the front made the key: the caller learns it with the answer
    cancelled: bool = False  # the caller of the read `id` has gone, and nobody awaits its answer
    proof: Proof = ""
    restricted: bool = False  # the client's rights name accounts, symbols or limits, which the worker has to hold to
    shows: bool = False  # the front shows the token that the proof is of, if the worker asks for it
    token: Token = ""

    def __repr__(self) -> str:
        return f"<{self.op} {self.id} of {self.client}>"

    @property
    def record(self) -> "Request":
        """Return the request as it may be kept: without the proof and the token."""
        return msgspec.structs.replace(self, proof="", token="") if self.proof or self.token else self

    @property
    def client(self) -> str:
        """Principal and label in one text, for fairness and for lists of clients."""
        if not self.label:
            return self.caller
        return self.label if self.caller == LOCAL else f"{self.caller}/{self.label}"


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer of the worker: a result (JSON as the worker encoded it), or an error's code and message, with
    details."""

    v: int
    id: str
    ok: bool
    result: msgspec.Raw = NULL
    code: str = ""
    message: str = ""
    details: dict[str, Any] = {}


class Tick(msgspec.Struct, frozen=True, array_like=True):
    """One update of a stream. New fields may only be added at the end."""

    seq: int  # counts from 1 in each life of a stream
    kind: str
    time_ms: int  # the server's clock
    body: msgspec.Raw  # JSON


class Ticks(msgspec.Struct, frozen=True, array_like=True):
    """The ticks of one stream since the last message. `life` changes when the count restarts."""

    life: str
    ticks: list[Tick]


class Heartbeat(msgspec.Struct, frozen=True):
    """The session's status as its leader last wrote it, even if that leader is gone."""

    worker: str
    token: int
    written_ms: int  # the server's clock
    age_ms: int  # at the time of asking
    receivers: int  # who takes requests now: 0 means the worker is gone
    status: bytes  # JSON of bridge.tools.session.SessionStatus


def encode_request(request: Request) -> bytes:
    return _bounded(msgspec.json.encode(request), REQUEST_LIMIT, "request")


def encode_record(request: Request) -> bytes:
    """Return the request as its record keeps it: without proof and token, for which the message has room."""
    shown = (PROOF_BYTES if request.proof else 0) + (TOKEN_BYTES + len(request.token) if request.token else 0)
    room = REQUEST_LIMIT - shown
    return _bounded(msgspec.json.encode(request.record), room, "request")


def encode_cancel(request: Request) -> bytes:
    """Return the message that ends a read. A worker of an earlier release drops it: by `until` it is long late."""
    return encode_request(msgspec.structs.replace(request, args=NULL, until=0, cancelled=True, proof="", token=""))


def encode_reply(reply: Reply) -> bytes:
    return _bounded(msgspec.json.encode(reply), REPLY_LIMIT, "reply")


def decode_request(message: bytes) -> Request:
    """Raises msgspec.DecodeError (of which ValidationError is one) for what no front of ours has sent."""
    return _decoded(_REQUESTS, message, REQUEST_LIMIT)


def decode_reply(message: bytes) -> Reply:
    return _decoded(_REPLIES, message, REPLY_LIMIT)


def decode_ticks(message: bytes) -> Ticks:
    return _decoded(_TICKS, message, REPLY_LIMIT)


def result_of(reply: Reply) -> bytes:
    """The result as it was encoded, or the error as it was raised."""
    if reply.ok:
        return bytes(reply.result)
    details = {name: value for name, value in reply.details.items() if name not in ("code", "message")}
    raise ToolError(reply.code, reply.message, **details)


def encode_error(id: str, error: ToolError) -> bytes:
    """An error always gets across: without its details, if those are too long or no JSON."""
    reply = Reply(VERSION, id, False, code=error.code, message=error.message[:MESSAGE_LIMIT], details=error.details)
    try:
        return encode_reply(reply)
    except (TypeError, ToolError):
        return encode_reply(msgspec.structs.replace(reply, details={}))


_REQUESTS = msgspec.json.Decoder(Request)
_REPLIES = msgspec.json.Decoder(Reply)
_TICKS = msgspec.json.Decoder(Ticks)


def _bounded(message: bytes, limit: int, what: str) -> bytes:
    if len(message) > limit:
        raise ToolError(
            "too_large", f"The {what} has {len(message)} bytes; at most {limit} bytes are allowed. Ask for less."
        )
    return message


def _decoded(decoder: msgspec.json.Decoder[Decoded], message: bytes, limit: int) -> Decoded:
    """Raises msgspec.DecodeError for whatever makes the message unreadable, also in parts that are passed on raw."""
    if len(message) > limit:
        raise msgspec.DecodeError(f"a message of {len(message)} bytes is over the limit of {limit}")
    try:
        message.decode()
        return decoder.decode(message)
    except (UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise msgspec.DecodeError(f"{type(error).__name__}: {error}") from error
