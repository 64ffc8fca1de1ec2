"""`python -m benchmarks.tokens`: how many tokens an answer is to a model that reads structured content as compact JSON.

Counted in o200k, with npm's js-tiktoken, which goes by its lock into .state/tokens. The answers are those of a worker
at the simulator, made by the front's own code; `--show` prints them. Status 1: one is above its bar.
"""

import argparse
import asyncio
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.rig import STOCKS, Client, stack
from bridge.bus.messages import BusCaller
from bridge.tool import OPERATIONS, TOOLS
from mcp_front.protocol.results import to_result, value_result
from mcp_front.tools.catalogue import offered_tools
from mcp_front.tools.status import session_status, without_blanks

HERE = Path(__file__).resolve().parent
COUNTER = HERE / "token_counter"
PLACE = HERE.parent / ".state" / "tokens"
TRADED = ("MSFT", "IBM", "SPY")  # the three that the simulator holds from the start
FILLS = 10
OHLCV = ["date", "open", "high", "low", "close", "volume"]
SERIES = {"symbol": "SPY", "durationStr": "1 Y", "barSizeSetting": "1 day"}

# By answer: the operation, its arguments, and the most tokens; of bars, for 250 of them.
LISTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "daily bars, objects": ("get_historical_data", SERIES, 13_300),
    "daily bars, table": ("get_historical_data", SERIES | {"format": "table"}, 9_300),
    "daily bars, table of date and OHLCV": (
        "get_historical_data", SERIES | {"format": "table", "fields": OHLCV}, 7_200,
    ),
    "daily bars, summary": ("get_historical_data", SERIES | {"format": "summary"}, 150),
    "account summary, table": ("get_account_summary", {"format": "table"}, 750),
    "positions (3), table": ("get_positions", {"format": "table"}, 130),
    "portfolio (3)": ("get_portfolio", {}, 350),
    "account values, the main ones": ("get_account_values", {}, 300),
    "quotes (10)": ("get_quotes", {"contracts": [{"symbol": each} for each in STOCKS[:10]]}, 500),
    "option quotes (40)": (
        "get_option_quotes", {"symbol": "SPY", "expiry": "next month", "strikes": "atm 20"}, 2_100,
    ),
    "option chain": ("get_option_chain", {"symbol": "SPX"}, 250),
    "scan (25)": ("run_scanner", {"scanCode": "MOST_ACTIVE"}, 400),
    "order book (5 levels)": ("get_market_depth", {"symbol": "SPY"}, 250),
    "headlines (20)": ("get_news", {"symbol": "AAPL"}, 1_200),
    "executions (10), table": ("get_executions", {"format": "table"}, 800),
}  # fmt: skip
ORDER, STATUS = 200, 280
BARS = 250


async def answers(client: Client) -> dict[str, tuple[Any, int]]:
    """Return each answer's structured content and its bar."""
    order: Any = {}
    for number in range(FILLS):
        arguments = {"symbol": TRADED[number % 3], "action": "BUY", "totalQuantity": 10 + number}
        order = await client.submit("place_order", secrets.token_urlsafe(15), **arguments)
    told = {name: (await listed(client, operation, more), bar) for name, (operation, more, bar) in LISTS.items()}
    told["an order"] = value_result(OPERATIONS["place_order"], order).structured_content, ORDER
    status = without_blanks(await session_status(client.bus_client))
    told["status"] = value_result(TOOLS["ibkr_get_status"], status).structured_content, STATUS
    return told


async def listed(client: Client, operation: str, arguments: dict[str, Any]) -> Any:
    declared = OPERATIONS[operation]
    reply = await client.bus_client.reply(
        declared, declared.request.model_validate(arguments), BusCaller(principal="bench", request_id="tokens")
    )
    content = to_result(declared, bytes(reply.result), reply.details).structured_content
    return of_250(content) if operation == "get_historical_data" else content


def of_250(content: Any) -> Any:
    """Return an answer of exactly 250 bars: the bar of the table counts those."""
    for rows in ("result", "rows"):
        if rows in content:
            return content | {"count": BARS, rows: content[rows][-BARS:]}
    return content


def counted(texts: list[str]) -> list[int]:
    PLACE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "count.mjs"):
        shutil.copy(COUNTER / name, PLACE / name)
    install = ("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(PLACE))
    subprocess.run(install, check=True)
    ended = subprocess.run(
        ("node", str(PLACE / "count.mjs")), input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    counts: list[int] = json.loads(ended.stdout)
    return counts


async def measured() -> dict[str, tuple[Any, int]]:
    with tempfile.TemporaryDirectory() as folder:
        async with stack(Path(folder)) as running:
            await running.worker()
            await running.ready()
            return await answers(running.client)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tokens", description=__doc__)
    parser.add_argument("--show", action="store_true", help="print each answer")
    options = parser.parse_args()
    if shutil.which("npm") is None:
        print("npm is not installed (Node.js 20 or newer): nothing can be counted")
        return 1
    offered_tools()  # importing the declarations registers them
    told = asyncio.run(measured())
    texts = [json.dumps(content, separators=(",", ":"), ensure_ascii=False) for content, _ in told.values()]
    above = 0
    for name, text, tokens in zip(told, texts, counted(texts), strict=True):
        bar = told[name][1]
        above += tokens > bar
        print(f"{'above' if tokens > bar else 'ok':7}{tokens:7,} of {bar:7,} tokens, {len(text):7,} characters  {name}")
        if options.show:
            print(text)
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
