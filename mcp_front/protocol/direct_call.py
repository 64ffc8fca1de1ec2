"""Tool calls that need no MCP session: a POST's message checked by the SDK's own rules, and the answer's bytes. Pure.

Whatever the SDK would refuse is no direct call: MCP's own machinery then reads the request, and words the refusal.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

import msgspec
from fastmcp.tools import ToolResult
from mcp.shared.inbound import InboundModernRoute, classify_inbound_request, find_duplicated_routing_header
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    LOG_LEVEL_META_KEY,
    SERVER_INFO_META_KEY,
    ContentBlock,
    TextContent,
    methods,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from mcp_front.protocol.envelope import PROGRESS_TOKEN
from mcp_front.protocol.results import RepeatedResult

CALL = "tools/call"
PARAMS = frozenset(("name", "arguments", "_meta"))  # of a call without a task, and in its first round
VERSION_HEADER = "mcp-protocol-version"
DEFAULT_VERSION = "2025-03-26"  # MCP: of a handshake-era request without the header
CONTENT_TYPE = "content-type"
INFO_SHOWN = ("debug", "info")  # the levels that a client may ask for and get messages of `info`
PARAM_HEADER = "mcp-param-"  # no tool declares one; the SDK answers a request that has one
HEADS = 64  # requests whose check is remembered, with heads of 64 KiB each at most: a client repeats its own
LONGEST_LASTING = 4 * 1024  # bytes
Headers = list[tuple[bytes, bytes]]  # as in an ASGI scope: lower-case names
NOTHING: dict[str, Any] = {}  # of a request that leaves the part out
HeaderLines = tuple[tuple[bytes, bytes], ...]  # the same


class DirectCall(msgspec.Struct, frozen=True):
    """One `tools/call`. `client`: the MCP client's name, "" where the request does not give it."""

    id: str | int
    tool: str
    arguments: dict[str, Any]
    modern: bool
    client: str
    meta: Mapping[str, Any]

    @property
    def may_be_asked(self) -> bool:
        """Return whether the person at the client can be asked before the call is carried out. Only a client of the
        stateless era can, and it declares so on each request."""
        declared = self.meta.get(CLIENT_CAPABILITIES_META_KEY) if self.modern else None
        return isinstance(declared, Mapping) and declared.get("elicitation") is not None


def direct_call(message: Mapping[str, Any], headers: Headers) -> DirectCall | None:
    """Return the call that a checked envelope makes, None where the SDK has to answer it."""
    if message.get("method") != CALL or "id" not in message:
        return None
    params = message["params"]
    meta = params.get("_meta") or {}
    version = _taken(message, tuple(headers))
    if version is None:
        return None
    modern = version in MODERN_PROTOCOL_VERSIONS
    return DirectCall(message["id"], params["name"], params.get("arguments") or {}, modern, _client(meta, modern), meta)


def _taken(message: Mapping[str, Any], headers: HeaderLines) -> str | None:
    """Return the protocol version under which the SDK takes a call, None where it would refuse it or answer itself."""
    params = message["params"]
    lasting = _lasting(params)
    if lasting is None:
        return _version(message, headers)
    return _known_version(headers, params["name"], lasting)


def _lasting(params: Mapping[str, Any]) -> bytes | None:
    """Return the part of a call's parameters that a client repeats and the SDK's checks depend on, beside the name.
    None where they may depend on more, or where that part is long."""
    meta = params.get("_meta", NOTHING)
    if params.keys() - PARAMS or not isinstance(meta, dict) or not isinstance(params.get("arguments", NOTHING), dict):
        return None
    if PROGRESS_TOKEN in meta:
        if type(meta[PROGRESS_TOKEN]) not in (str, int):
            return None
        meta = {name: value for name, value in meta.items() if name != PROGRESS_TOKEN}
    try:
        lasting = msgspec.json.encode(meta)
    except (TypeError, ValueError, OverflowError, RecursionError):  # JSON of Python's that is none
        return None
    return lasting if len(lasting) <= LONGEST_LASTING else None


@lru_cache(HEADS)
def _known_version(headers: HeaderLines, name: str, lasting: bytes) -> str | None:
    params = {"name": name, "arguments": {}, "_meta": msgspec.json.decode(lasting)}
    return _version({"method": CALL, "params": params}, headers)


def _version(message: Mapping[str, Any], headers: HeaderLines) -> str | None:
    """As `_taken`, by the SDK's checks."""
    found = _routed(headers)
    if found is None:
        return None
    version = found.get(VERSION_HEADER, DEFAULT_VERSION)
    if version not in HANDSHAKE_PROTOCOL_VERSIONS and not _is_modern(message, found):
        return None
    try:
        methods.validate_client_request(CALL, version, message["params"])
    except (ValidationError, ValueError, KeyError):
        return None
    return version


def _routed(headers: HeaderLines) -> Mapping[str, str] | None:
    """Return a request's headers by name, None where they lead to the SDK."""
    found = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    if len(found) != len(headers) and _is_ambiguous(headers):
        return None
    if found.get(CONTENT_TYPE, "").partition(";")[0].strip().lower() != "application/json":
        return None
    if "mcp-session-id" in found or any(name.startswith(PARAM_HEADER) for name in found):
        return None
    return found


def _is_ambiguous(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Tell whether a header that decides the way is there twice: the SDK reads the first one, or refuses."""
    names = [name.decode("latin-1") for name, _ in headers]
    return names.count(CONTENT_TYPE) > 1 or find_duplicated_routing_header((name, "") for name in names) is not None


def _is_modern(message: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    """Tell whether a request of the stateless era passes the SDK's checks of headers and envelope."""
    return isinstance(classify_inbound_request(message, headers=found), InboundModernRoute)


def _client(meta: Mapping[str, Any], modern: bool) -> str:
    info = meta.get(CLIENT_INFO_META_KEY) if modern else None
    return str(info.get("name", "")) if isinstance(info, Mapping) else ""


def wants_messages(call: DirectCall) -> bool:
    """Return whether a client gets log messages. One of 2026-07-28 asks for them in each request, one of the handshake
    era gets all."""
    return not call.modern or call.meta.get(LOG_LEVEL_META_KEY) in INFO_SHOWN


def wants_progress(call: DirectCall) -> bool:
    """Return whether a client gave a progress token."""
    return call.meta.get(PROGRESS_TOKEN) is not None


def log_message(line: str, extra: Mapping[str, Any] | msgspec.Raw) -> bytes:
    """Return the notification with a line and its values, in the shape that FastMCP gives to `Context.info`."""
    params = {"level": "info", "data": {"msg": line, "extra": extra}}
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "notifications/message", "params": params})


def progress_note(call: DirectCall, progress: float, total: float | None = None, line: str = "") -> bytes:
    """Return the notification that a call still runs; empty where the client wants none.

    A client may restart its own timeout at each (MCP, "Progress"), and most have one of a minute.
    """
    token = call.meta.get(PROGRESS_TOKEN)
    if token is None:
        return b""
    params = {"progressToken": token, "progress": round(progress, 3)}
    if total is not None:
        params |= {"total": float(total), "message": line}
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})


def direct_answer(call: DirectCall, result: ToolResult, server_info: Mapping[str, str]) -> bytes:
    """Return the JSON-RPC response with the fields that the SDK writes, in its order. A result of 2026-07-28 names its
    type and the server."""
    encode = partial(_encoded, result, server_info, modern=call.modern)
    told = result.known(call.modern, encode) if isinstance(result, RepeatedResult) else encode()
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (msgspec.json.encode(call.id), told)


def _encoded(result: ToolResult, server_info: Mapping[str, str], *, modern: bool) -> bytes:
    meta = dict(result.meta or {})
    value: dict[str, Any] = {"_meta": meta} if meta else {}
    value["content"] = [_content(each) for each in result.content]
    value["isError"] = result.is_error
    if modern:
        value["resultType"] = "complete"
    if result.structured_content is not None:
        value["structuredContent"] = result.structured_content
    if modern:
        meta[SERVER_INFO_META_KEY] = server_info
        value.setdefault("_meta", meta)
    return msgspec.json.encode(value)


def _content(part: ContentBlock) -> dict[str, Any]:
    """Return a part of an answer with its fields by name, as the SDK sends it."""
    if isinstance(part, TextContent):
        return {"text": part.text, "type": "text"}
    return dict(sorted(part.model_dump(mode="json", by_alias=True, exclude_none=True).items()))
