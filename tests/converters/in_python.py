"""PyPI's converters. Runs in an environment of its own: tools as JSON on stdin, a JSON line of refusals on stdout."""

import asyncio
import copy
import json
import logging
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

Tool = dict[str, Any]
Convert = Callable[[Tool], Any]


def the(path: str) -> Any:
    """An object by its module and name: those packages are not in the environment that the type checker sees."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def mcp_tool(tool: Tool) -> Any:
    return the("mcp.types.Tool")(**tool)


def langchain_tool(tool: Tool) -> Any:
    connection = {"transport": "streamable_http", "url": "http://127.0.0.1:8000/api/v1"}
    convert = the("langchain_mcp_adapters.tools.convert_mcp_tool_to_langchain_tool")
    return convert(None, mcp_tool(tool), connection=connection)


def openai_strict(tool: Tool) -> Any:
    schema = tool["inputSchema"]
    return the("openai.lib._pydantic._ensure_strict_json_schema")(schema, path=(), root=schema)


def gemini_schema(tool: Tool) -> Any:
    schema = the("google.genai.types.JSONSchema").model_validate(tool["inputSchema"])
    return the("google.genai.types.Schema").from_json_schema(json_schema=schema, raise_error_on_unsupported_field=True)


def gemini_declaration(tool: Tool) -> Any:
    parameters = the("google.genai.types.Schema").model_validate(tool["inputSchema"])
    return the("google.genai.types.FunctionDeclaration")(name=tool["name"], parameters=parameters)


def pydantic_ai(transformer: str, **options: Any) -> Convert:
    return lambda tool: the(transformer)(tool["inputSchema"], **options).walk()


def anthropic_tool(tool: Tool) -> Any:
    made = the("anthropic.lib.tools.mcp.async_mcp_tool")(mcp_tool(tool), None)
    return made.to_dict()


CONVERTERS: dict[str, Convert] = {
    "PyPI openai, strict": openai_strict,
    "PyPI openai-agents, strict": lambda tool: the("agents.strict_schema.ensure_strict_json_schema")(
        tool["inputSchema"]
    ),
    "PyPI anthropic, MCP tool": anthropic_tool,
    "PyPI anthropic, output schema": lambda tool: the("anthropic.lib._parse._transform.transform_schema")(
        tool["inputSchema"]
    ),
    "PyPI google-genai, MCP tool": lambda tool: the("google.genai._mcp_utils.mcp_to_gemini_tool")(mcp_tool(tool)),
    "PyPI google-genai, JSON Schema": gemini_schema,
    "PyPI google-genai, declaration": gemini_declaration,
    "PyPI google-adk": lambda tool: the("google.adk.tools._gemini_schema_util._to_gemini_schema")(tool["inputSchema"]),
    "PyPI langchain to OpenAI, strict": lambda tool: the(
        "langchain_core.utils.function_calling.convert_to_openai_tool"
    )(langchain_tool(tool), strict=True),
    "PyPI langchain to Anthropic": lambda tool: the("langchain_anthropic.chat_models.convert_to_anthropic_tool")(
        langchain_tool(tool)
    ),
    "PyPI langchain to Gemini": lambda tool: the(
        "langchain_google_genai._function_utils.convert_to_genai_function_declarations"
    )([langchain_tool(tool)]),
    "PyPI pydantic-ai to OpenAI, strict": pydantic_ai(
        "pydantic_ai.profiles.openai.OpenAIJsonSchemaTransformer", strict=True
    ),
    "PyPI pydantic-ai to Gemini": pydantic_ai("pydantic_ai.profiles.google.GoogleJsonSchemaTransformer"),
}


def refused(convert: Convert, tools: list[Tool]) -> dict[str, str]:
    found = {}
    for tool in tools:
        try:
            convert(copy.deepcopy(tool))
        except Exception as error:  # noqa: BLE001  # whatever it is, the converter does not take the tool
            found[tool["name"]] = f"{type(error).__name__}: {str(error)[:300]}"
    return found


async def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    tools = json.load(sys.stdin)
    print(json.dumps({name: refused(convert, tools) for name, convert in CONVERTERS.items()}))


if __name__ == "__main__":
    asyncio.run(main())
