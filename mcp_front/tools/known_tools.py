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
from bridge.tool import PREFIX, TOOLS, Effect, ToolError, ToolSpec
from bridge.toolsets import TOOLSETS
from mcp_front.protocol.results import error_result

SHOWN = 64  # characters of the name that was called
NEAR = 3  # names that are offered instead
# The least likeness of two names' letters, from 0 to 1, without what most names begin with. A tool that trades, or that
# stops something, is named for a slip of the keys alone.
LIKE, VERY_LIKE = 0.7, 0.8
COMMON_START = re.compile(rf"^{PREFIX}(get_)?")
NAMED = re.compile(rf"\b{PREFIX}[a-z_]*[a-z]\b")
# What a name is about, for reads that are called otherwise elsewhere; the first word that fits, with a tool that is
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
    ("payoff", "get_chart"),
    ("order_status", "get_order"),
    ("trade_history", "get_account_history"),
    ("trade_history", "get_executions"),
    ("history", "get_historical_data"),
)

log = structlog.get_logger(__name__)


class HiddenTools:
    """The tools of the toolsets that FRONT_TOOLSETS leaves out. A text that sends a model to one must say so."""

    def __init__(self, offered: Iterable[ToolSpec]) -> None:
        shown = {declared.tool_name for declared in offered}
        self._toolsets = {name: declared.toolset for name, declared in TOOLS.items() if name not in shown}

    def instructed(self, text: str) -> str:
        """Return the instructions with a sentence about each toolset that is left out as a whole."""
        told = "; ".join(f"{name} ({TOOLSETS[name].about})" for name in TOOLSETS if name in self._toolsets.values())
        left_out = f"Left out here, and the operator can add them in FRONT_TOOLSETS: {told}."
        return f"{self.noted(text)}\n{left_out}" if told else text

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
    meant = _about(spelled)
    near = [each for each in meant if each in offered][:1] or _like(spelled, offered)
    if not near and meant:
        return ToolError(
            "unknown_tool", f'Unknown tool "{shown}". {_left_out(meant[0], TOOLS[meant[0]].toolset)}', near=[]
        )
    hint = f"Did you mean {' or '.join(near)}?" if near else f"tools/list names the {len(offered)} tools."
    return ToolError("unknown_tool", f'Unknown tool "{shown}". {hint}', near=near)


def _about(spelled: str) -> list[str]:
    """The tools for what a name is about: the letters of get_quote are nearest to get_order's."""
    if spelled in TOOLS:
        return [spelled]
    words = f"_{spelled}_"
    return [PREFIX + tool for word, tool in ABOUT if f"_{word}_" in words or f"_{word}s_" in words]


def _like(spelled: str, offered: Sequence[str]) -> list[str]:
    """The tools whose names are spelled almost so, the nearest first."""
    short = COMMON_START.sub("", spelled)
    likeness = {each: difflib.SequenceMatcher(None, COMMON_START.sub("", each), short).ratio() for each in offered}
    near = [each for each in offered if likeness[each] >= (LIKE if TOOLS[each].effect is Effect.READ else VERY_LIKE)]
    return sorted(near, key=lambda each: -likeness[each])[:NEAR]


def _spelled(name: str) -> str:
    """A name as ours are spelled: getPositions, Get-Positions and mcp__ibkr__get_positions are ibkr_get_positions."""
    last = re.split(r"__|[.:/]", name)[-1]
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])|[-\s]+", "_", last).lower()
    return snake if snake.startswith(PREFIX) else PREFIX + snake
