"""Requests of calls that reduce risk or show it, mended where their form alone would have them refused. Pure.

Mended is only what leaves no doubt about what the call is to do. docs/adding-a-tool.md lists what stays refused.
"""

import json
from typing import Any

from mcp.server.streamable_http import check_accept_headers
from starlette.requests import Request
from starlette.types import Message

from bridge.tool import TOOLS, Effect, ToolSpec
from mcp_front.protocol.envelope import PROGRESS_TOKEN, is_id
from mcp_front.protocol.jsonrpc import CALL
from mcp_front.protocol.lenient_arguments import plain_name
from mcp_front.protocol.lenient_json import AmbiguousObject, read_leniently

WRAPPINGS = 3  # of the arguments: a text, a list of one, or one in the other
JSON = b"application/json"
BOTH = JSON + b", text/event-stream"
BROWSERS = (b"origin", b"sec-fetch-")  # how the headers begin that a browser adds to a page's request
Headers = list[tuple[bytes, bytes]]  # as in an ASGI scope: lower-case names


class _Unclear(Exception):
    """Nobody knows which of several things the call is to do."""


def relieving_tool(message: Any) -> ToolSpec | None:
    """Return the tool of a call that reduces risk or shows it; None for every other message."""
    params = message.get("params") if isinstance(message, dict) and message.get("method") == CALL else None
    name = params.get("name") if isinstance(params, dict) else None
    declared = TOOLS.get(name) if isinstance(name, str) else None
    return declared if declared is not None and declared.relieves else None


def mended(come: list[Message]) -> list[Message]:
    """Return the request as JSON that MCP takes; as it came where it is no call that reduces risk, or is unclear."""
    try:
        message = read_leniently(b"".join(each.get("body", b"") for each in come))
        declared = relieving_tool(message)
        if declared is None:
            return come
        body = json.dumps(_clear(message, declared), ensure_ascii=False).encode(errors="replace")
    except (ValueError, RecursionError, _Unclear):  # for the strict reader to say
        return come
    return [{"type": "http.request", "body": body, "more_body": False}]


def mended_headers(headers: Headers) -> Headers:
    """Return the headers of a call that reduces risk, with an Accept and a Content-Type that MCP takes.

    The Content-Type of a browser's request stays as it is. A page may send JSON to another host only after a preflight,
    and text without one.
    """
    found = dict(headers)
    changed: dict[bytes, bytes] = {}
    json_taken, stream_taken = check_accept_headers(Request({"type": "http", "headers": headers}))
    if b"accept" in found and not json_taken:
        changed[b"accept"] = BOTH if stream_taken else JSON
    browser = any(name.startswith(BROWSERS) for name in found)
    if not browser and found.get(b"content-type", b"").partition(b";")[0].strip() != JSON:
        changed[b"content-type"] = JSON
    return [pair for pair in headers if pair[0] not in changed] + list(changed.items()) if changed else headers


def _clear(message: dict[str, Any], declared: ToolSpec) -> dict[str, Any]:
    """Return the message as JSON-RPC has it. Raises _Unclear."""
    params = message["params"]
    _require_one(message, "id", "method", "params")
    _require_one(params, "name", "arguments")
    params = {**params, "arguments": _arguments(params.get("arguments"), declared)}
    if "_meta" in params:
        meta = params["_meta"] if isinstance(params["_meta"], dict) else {}
        params["_meta"] = {name: value for name, value in meta.items() if name != PROGRESS_TOKEN or is_id(value)}
    whole = {**message, "jsonrpc": "2.0", "params": params}
    if isinstance(whole.get("id"), float) and whole["id"].is_integer():  # of a client whose numbers are all floats
        whole["id"] = int(whole["id"])
    return whole


def _require_one(given: dict[str, Any], *names: str) -> None:
    if isinstance(given, AmbiguousObject) and given.given.keys() & set(names):
        raise _Unclear


def _arguments(given: Any, declared: ToolSpec) -> dict[str, Any]:
    """Return the arguments. A halt and the status need none: what they have that is no object counts as an argument
    that is unknown. Raises _Unclear for any other tool."""
    whole = _unwrapped(given)
    if not isinstance(whole, dict):
        if declared.effect is Effect.WRITE:
            raise _Unclear
        return {"arguments": given}
    return _one_of_each(whole, declared) if isinstance(whole, AmbiguousObject) else whole


def _unwrapped(given: Any) -> Any:
    """Return the object that was given as JSON text, as a list of one, or left empty."""
    for _ in range(WRAPPINGS):
        if isinstance(given, str):
            try:
                given = read_leniently(given.strip() or "{}")
            except ValueError:
                return given
        elif isinstance(given, list) and len(given) <= 1:
            given = given[0] if given else {}
    return {} if given is None else given


def _one_of_each(arguments: AmbiguousObject, declared: ToolSpec) -> dict[str, Any]:
    """Return the arguments where a name has several values. The tool does not use one that it does not declare. A
    declared one of a halt becomes the list of them, which is not understood; of any other tool it is unclear."""
    known = {plain_name(name) for name in declared.request.model_fields}
    doubted = {name: values for name, values in arguments.given.items() if plain_name(name) in known}
    if doubted and declared.effect is Effect.WRITE:
        raise _Unclear
    return {**arguments, **doubted}
