"""One MCP call over HTTP by bare sockets, which cost next to nothing themselves, and what came of it."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

PATH = "/api/v1"
MODERN, LEGACY = "2026-07-28", "2025-11-25"
ERRORS = "ibkr/error"
PATIENCE_S = 90.0  # longer than any deadline: an answer that comes this late is late, not missing


@dataclass(frozen=True)
class Answer:
    """`code` is `done`, the error's code, or `cut` where the connection ended without an answer."""

    code: str
    value: Any = None
    details: dict[str, Any] = field(default_factory=dict)
    began: float = 0.0  # by the machine's clock, as the simulator's journal has it
    ended: float = 0.0
    seconds: float = 0.0

    @property
    def done(self) -> bool:
        return self.code == "done"


async def ask(port: int, era: str, tool: str, arguments: dict[str, Any]) -> Answer:
    began, at = time.time(), time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_S):
            code, value, details = _read(await _posted(port, *_request(era, tool, arguments)))
    except (OSError, EOFError):  # TimeoutError is an OSError
        code, value, details = "cut", None, {}
    return Answer(code, value, details, began, time.time(), time.monotonic() - at)


def _request(era: str, tool: str, arguments: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": era,
        "connection": "close",
    }
    if era == MODERN:
        headers |= {"mcp-method": "tools/call", "mcp-name": tool}
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "faults", "version": "1"},
        }
    return headers, json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


async def _posted(port: int, headers: dict[str, str], body: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        fields = headers | {"host": f"127.0.0.1:{port}", "content-length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body)
        head_in = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"transfer-encoding: chunked" in head_in:
            return await _chunks(reader)
        return await reader.readexactly(int(head_in.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    finally:
        writer.close()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    whole = b""
    while length := int(await reader.readuntil(b"\r\n"), 16):
        whole += (await reader.readexactly(length + 2))[:-2]
    return whole


def _read(body: bytes) -> tuple[str, Any, dict[str, Any]]:
    """The code, the value, and an error's details. Raises ValueError where the JSON is none, as NaN is."""
    text = body.decode()
    lines = [line[5:] for line in text.splitlines() if line.startswith("data:")]
    answer = json.loads(lines[-1] if lines else text, parse_constant=_no_number)
    result = answer.get("result")
    if result is None:
        return "protocol_error", None, answer
    if result.get("isError"):
        details = result.get("_meta", {}).get(ERRORS, {})
        return details.get("code", "unnamed_error"), None, details
    value = result["structuredContent"]
    return "done", value.get("result", value), {}


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
