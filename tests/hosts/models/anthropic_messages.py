"""Anthropic's Messages API as Claude Code uses it: the answers of a scripted model, streamed or whole.

Source of the form: platform.claude.com/docs, "Messages" and "Streaming messages".
"""

import json
from typing import Any

from tests.hosts.models.scripted_model import Json, Step, sse

PREFIX = "mcp__ibkr__"  # Claude Code's name of a tool: mcp__SERVER__TOOL
SEARCH = "ToolSearch"


class AnthropicMessages:
    """The wire form of Anthropic's models."""

    def results(self, body: Json) -> list[str]:
        return [_text(block) for block in _blocks(body) if block.get("type") == "tool_result"]

    def may_call(self, body: Json) -> bool:
        names = [str(tool.get("name")) for tool in body.get("tools") or ()]
        return any(name == SEARCH or name.startswith(PREFIX) for name in names)

    def answer(self, body: Json, number: int, step: Step | None) -> tuple[str, bytes]:
        if "messages" not in body:
            return "application/json", b"{}"
        block, delta, reason = _content(number, step)
        if body.get("stream"):
            return "text/event-stream", _streamed(_message(body, number), block, delta, reason)
        whole = block | ({"input": step.arguments} if step else {"text": "done"})
        message = _message(body, number) | {"content": [whole], "stop_reason": reason}
        return "application/json", json.dumps(message).encode()


def _blocks(body: Json) -> list[Json]:
    contents = (message.get("content") for message in body.get("messages") or ())
    return [block for content in contents if isinstance(content, list) for block in content]


def _text(block: Json) -> str:
    content: Any = block.get("content")
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or str(part.get("tool_name", "")) + "\n" for part in content or ())


def _content(number: int, step: Step | None) -> tuple[Json, Json, str]:
    """Return a content block, its delta, and why the message ends."""
    if step is None:
        return {"type": "text", "text": ""}, {"type": "text_delta", "text": "done"}, "end_turn"
    name = step.tool if step.tool == SEARCH else PREFIX + step.tool
    block = {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": {}}
    return block, {"type": "input_json_delta", "partial_json": json.dumps(step.arguments)}, "tool_use"


def _message(body: Json, number: int) -> Json:
    return {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": body.get("model", ""), "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip


def _streamed(message: Json, block: Json, delta: Json, reason: str) -> bytes:
    events: list[Json] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": 1},
        },
        {"type": "message_stop"},
    ]
    return b"".join(sse(event["type"], event) for event in events)
