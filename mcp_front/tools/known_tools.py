"""Names of tools that this front does not offer: in a call, and in texts that mention them.

FastMCP answers the call of an unknown tool without a code and a hint, and echoes the whole name.
"""

import difflib
import re
from collections.abc import Iterable, Sequence

import structlog
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from mcp_types import CallToolRequestParams

from bridge.text.plain_text import one_line
from bridge.tool import PREFIX, TOOLS, ToolError, ToolSpec
from mcp_front.protocol.results import error_result

SHOWN = 64  # characters of the name that was called
NEAR = 3  # names that are offered instead
NAMED = re.compile(rf"\b{PREFIX}[a-z_]*[a-z]\b")
# What a name is about, for tools that are called otherwise elsewhere; the first word that fits, with a tool that is
# offered, counts.
ABOUT = (
    ("quote", "get_quotes"),
    ("ticker", "get_quotes"),
    ("snapshot", "get_quotes"),
    ("price", "get_quotes"),
    ("market_data", "get_quotes"),
    ("portfolio", "get_portfolio"),
    ("holdings", "get_portfolio"),
    ("balance", "get_account_summary"),
    ("buying_power", "get_account_summary"),
    ("account_info", "get_account_summary"),
    ("trades", "get_executions"),
    ("fills", "get_executions"),
    ("chart", "get_chart"),
    ("plot", "get_chart"),
    ("candles", "get_historical_data"),
    ("bars", "get_historical_data"),
    ("ohlc", "get_historical_data"),
    ("option_chain", "get_option_chain"),
    ("options_chain", "get_option_chain"),
    ("greeks", "get_option_quotes"),
    ("order_book", "get_market_depth"),
    ("screener", "run_scanner"),
    ("headlines", "get_news"),
    ("search", "search_symbols"),
    ("lookup", "search_symbols"),
    ("search", "get_contract_details"),
    ("lookup", "get_contract_details"),
    ("option_chain", "get_contract_details"),
    ("bracket", "place_bracket_order"),
    ("kill", "halt_trading"),
    ("replace_order", "modify_order"),
    ("liquidate", "close_positions"),
    ("flatten", "close_positions"),
    ("buy", "place_order"),
    ("sell", "place_order"),
)

log = structlog.get_logger(__name__)


class HiddenTools:
    """The tools of the toolsets that FRONT_TOOLSETS leaves out. A text that sends a model to one must say so."""

    def __init__(self, offered: Iterable[ToolSpec]) -> None:
        shown = {declared.tool_name for declared in offered}
        self._toolsets = {name: declared.toolset for name, declared in TOOLS.items() if name not in shown}

    def noted(self, text: str) -> str:
        """Return a text with a sentence about each hidden tool that it names."""
        named = dict.fromkeys(NAMED.findall(text))
        notes = [_left_out(name, self._toolsets[name]) for name in named if name in self._toolsets]
        return " ".join((text, *notes))

    def noted_error(self, error: ToolError) -> ToolError:
        """Return an error whose message has a sentence about each hidden tool that it names."""
        message = self.noted(error.message)
        return error if message == error.message else ToolError(error.code, message, **error.details)


def _left_out(name: str, toolset: str) -> str:
    return f"{name} is not offered here: FRONT_TOOLSETS leaves out its toolset {toolset}."


class KnownTools(Middleware):
    """Answers a call of an unknown name with `unknown_tool` and the names that are near."""

    def __init__(self, offered: Sequence[ToolSpec]) -> None:
        self.offered = [declared.tool_name for declared in offered]

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        if context.message.name in self.offered:
            return await call_next(context)
        error = unknown_tool(context.message.name, self.offered)
        log.info("call", tool=one_line(context.message.name, SHOWN), outcome=error.code)
        return error_result(error)


def unknown_tool(name: str, offered: Sequence[str]) -> ToolError:
    """Return the error for a name that is not offered."""
    shown = one_line(name, SHOWN)
    if name in TOOLS:
        reason = f"FRONT_TOOLSETS leaves out its toolset {TOOLS[name].toolset}, and only the operator can change that."
        return ToolError("unknown_tool", f'Unknown tool "{shown}" on this front: {reason}', near=[])
    spelled = _spelled(name[:SHOWN])
    near = _about(spelled, offered) or difflib.get_close_matches(spelled, offered, n=NEAR, cutoff=0.6)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"tools/list names the {len(offered)} tools."
    return ToolError("unknown_tool", f'Unknown tool "{shown}". {hint}', near=near)


def _about(spelled: str, offered: Sequence[str]) -> list[str]:
    """The tool for what a name is about: the letters of get_quote are nearest to get_order's."""
    if spelled in offered:
        return []
    words = f"_{spelled}_"
    named = (PREFIX + tool for word, tool in ABOUT if f"_{word}_" in words or f"_{word}s_" in words)
    return [each for each in named if each in offered][:1]


def _spelled(name: str) -> str:
    """A name as ours are spelled: getPositions, Get-Positions and mcp__ibkr__get_positions are ibkr_get_positions."""
    last = re.split(r"__|[.:/]", name)[-1]
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])|[-\s]+", "_", last).lower()
    return snake if snake.startswith(PREFIX) else PREFIX + snake
