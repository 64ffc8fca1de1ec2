"""OpenAI's Responses API as Codex uses it: the streamed answers of a scripted model.

Source of the form: platform.openai.com/docs, "Responses" and "Streaming events".
"""

import json
from typing import Any

from tests.hosts.models.scripted_model import Json, Step, sse

NAMESPACE = "mcp__ibkr"  # Codex' name of an MCP server's tools
TOOLS = "additional_tools"  # the item that has a known model's tools
RESULTS = ("function_call_output", "custom_tool_call_output")
CODE = "exec"  # a script in Codex' code mode, which calls tools itself


class OpenAIResponses:
    """The wire form of OpenAI's models."""

    def results(self, body: Json) -> list[str]:
        return [_text(item.get("output")) for item in body.get("input") or () if item.get("type") in RESULTS]

    def may_call(self, body: Json) -> bool:
        return any(item.get("type") == TOOLS for item in body.get("input") or ()) or bool(body.get("tools"))

    def answer(self, body: Json, number: int, step: Step | None) -> tuple[str, bytes]:
        if "input" not in body:
            return "application/json", b"{}"
        response = f"resp_{number}"
        events: list[Json] = [
            {"type": "response.created", "response": {"id": response}},
            {"type": "response.output_item.done", "output_index": 0, "item": _item(number, step)},
            {"type": "response.completed", "response": {"id": response, "usage": _USAGE}},
        ]
        return "text/event-stream", b"".join(sse(event["type"], event) for event in events)


_USAGE = {
    "input_tokens": 1, "input_tokens_details": None, "output_tokens": 1, "output_tokens_details": None,
    "total_tokens": 2,
}  # fmt: skip


def _text(output: Any) -> str:
    if isinstance(output, str):
        return output
    return "".join(str(part.get("text", "")) for part in output or ())


def _item(number: int, step: Step | None) -> Json:
    if step is None:
        text = {"type": "output_text", "text": "done", "annotations": []}
        return {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": [text]}
    call = {"call_id": f"call_{number}", "status": "completed"}
    if step.tool == CODE:
        return call | {"type": "custom_tool_call", "id": f"ctc_{number}", "name": CODE, "input": step.arguments["js"]}
    return call | {
        "type": "function_call", "id": f"fc_{number}", "namespace": NAMESPACE, "name": step.tool,
        "arguments": json.dumps(step.arguments),
    }  # fmt: skip
