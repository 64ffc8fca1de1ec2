"""As much of JSON-RPC over HTTP as is needed before MCP's own machinery, which takes milliseconds.

What is asked, and how to refuse it in the words that its tool would have used.
"""

import json
import math
from typing import Any

import msgspec
from mcp_types import CLIENT_INFO_META_KEY, CallToolResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.types import Message, Receive, Scope, Send

from bridge.tool import TOOLS, Effect, ToolError, ToolSpec
from mcp_front.protocol.lenient_json import read_leniently
from mcp_front.protocol.results import error_result

BODY_LIMIT = 4 * 1024 * 1024  # more is not held
CALL = "tools/call"
MODERN_VERSIONS = frozenset(each.encode("latin-1") for each in MODERN_PROTOCOL_VERSIONS)


class CallParams(msgspec.Struct):
    name: Any = None
    meta: Any = msgspec.field(name="_meta", default=None)


class JsonRpcHead(msgspec.Struct):
    """As much of a JSON-RPC message as is needed here."""

    id: Any = None
    method: Any = None
    params: CallParams | None = None

    @property
    def halts(self) -> bool:
        """Halting waits for nobody: it must work while something floods."""
        tool = self.tool
        return tool is not None and tool.effect is Effect.HALT

    @property
    def relieves(self) -> bool:
        """The call reduces risk or shows it: a halt, a cancel, the status. No quota of other calls holds it up."""
        tool = self.tool
        return tool is not None and tool.relieves

    @property
    def client(self) -> str:
        """The name that the MCP client gives itself in the request's `_meta`, "" without one."""
        meta = self.params.meta if self.params is not None else None
        info = meta.get(CLIENT_INFO_META_KEY) if isinstance(meta, dict) else None
        return str(info.get("name", "")) if isinstance(info, dict) else ""

    @property
    def tool(self) -> ToolSpec | None:
        """The tool that a call names; None for any other request, and for a name that is unknown."""
        name = self.params.name if self.method == CALL and self.params is not None else None
        return TOOLS.get(name) if isinstance(name, str) else None


async def body_of(receive: Receive, limit: int = BODY_LIMIT) -> list[Message]:
    """The request's body as it came, up to the limit in bytes."""
    messages, size = [], 0
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if not message.get("more_body") or size > limit:
            return messages


def arrived(receive: Receive) -> Message | None:
    """Return the next ASGI message if it has come; None, and nothing is lost, where it would have to be awaited."""
    waiting = receive()
    try:
        waiting.send(None)  # type: ignore[attr-defined] # ASGI servers' receive is a coroutine
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    waiting.close()  # type: ignore[attr-defined] # the same
    return None


def is_whole(come: list[Message]) -> bool:
    """Return whether nothing of the body is still to be read."""
    return not come[-1].get("more_body")


def body_size(come: list[Message]) -> int:
    """Return the bytes that were read."""
    return sum(len(each.get("body", b"")) for each in come)


def replay_body(come: list[Message], receive: Receive) -> Receive:
    """For whoever is to read the body once more."""

    async def receive_again() -> Message:
        return come.pop(0) if come else await receive()

    return receive_again


def parse_head(come: list[Message]) -> JsonRpcHead | None:
    """Return the head of a JSON-RPC message; None for JSON that is nested too deep to parse. It is read from JSON that
    only a lenient reader takes, too: a cancel in it waits behind no quota. Who answers the message judges its form."""
    body = b"".join(each.get("body", b"") for each in come)
    try:
        return msgspec.json.decode(body, type=JsonRpcHead)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError:
        return None
    try:
        return _head(read_leniently(body))
    except ValueError:
        return JsonRpcHead()
    except RecursionError:
        return None


def _head(message: Any) -> JsonRpcHead:
    params = message.get("params") if isinstance(message, dict) else None
    if not isinstance(params, dict):
        return JsonRpcHead()
    return JsonRpcHead(message.get("id"), message.get("method"), CallParams(params.get("name"), params.get("_meta")))


def is_modern(scope: Scope) -> bool:
    versions = [value for name, value in scope.get("headers", ()) if name == b"mcp-protocol-version"]
    return bool(versions) and versions[-1] in MODERN_VERSIONS


async def refuse(asked: JsonRpcHead, error: ToolError, modern: bool, send: Send, status: int = 429) -> None:
    """A tool call gets its tool's error; anything else HTTP's own word, with MCP's inside."""
    told = error_response(asked, error, modern)
    retry_after = str(math.ceil(error.details["retry_after_s"])).encode()
    await answer(200 if "result" in told else status, told, send, (b"retry-after", retry_after))


def error_response(asked: JsonRpcHead, error: ToolError, modern: bool) -> dict[str, Any]:
    """Return the JSON-RPC response without its version: a tool call's result, or the error of any other request."""
    if asked.method == CALL and asked.id is not None:
        return {"id": asked.id, "result": _result(error, modern)}
    data = {"code": error.code, **error.details}
    return {"id": asked.id, "error": {"code": -32000, "message": str(error), "data": data}}


def _result(error: ToolError, modern: bool) -> dict[str, Any]:
    result = error_result(error).to_mcp_result()
    assert isinstance(result, CallToolResult)  # an error is always a whole result
    newer = None if modern else {"result_type"}
    return result.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=newer)


async def send_timeout(send: Send) -> None:
    """The client has begun a request and not gone on with it."""
    await answer(408, {"id": None, "error": {"code": -32700, "message": "The request did not come."}}, send)


async def answer(status: int, told: dict[str, Any], send: Send, *more: tuple[bytes, bytes]) -> None:
    body = json.dumps({"jsonrpc": "2.0", **told}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
