"""The table of TWS's requests: each request that the simulator or ib_async knows has a row, and each row is true."""

import inspect
import re
from pathlib import Path

import pytest
from ib_async.client import Client

from ibgateway.simulator.wire.names import CLIENT
from mcp_front.tools.catalogue import offered_tools

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+) \| `(\w+)` \| (tool|internal|left out) \| (.+) \|$", re.MULTILINE)
ROWS = {request: (int(number), kind, text) for number, request, kind, text in ROW.findall(PAGE)}
LATER = {"cancelContractData": 106, "cancelHistoricalTicks": 107, "reqConfig": 108, "updateConfig": 109}
WORKER = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "ib_worker").rglob("*.py")))
# In the handshake, and by a name that is put together.
OTHERWISE = {"startApi", "cancelCalculateImpliedVolatility", "cancelCalculateOptionPrice"}
TOOLS = {declared.tool_name for declared in offered_tools()}


def test_every_request_has_a_row_with_its_number() -> None:
    assert {request: number for request, (number, _, _) in ROWS.items()} == CLIENT | LATER
    assert f"TWS has {len(ROWS)} requests." in PAGE
    assert f"have {len(CLIENT)} of them" in PAGE


def test_every_request_that_ib_async_sends_has_a_row() -> None:
    sending = {
        name
        for name, method in inspect.getmembers(Client, inspect.isfunction)
        if "self.send(" in inspect.getsource(method)
    }

    assert {name for name in sending if not name.startswith("_")} <= set(ROWS)


def test_every_tool_that_is_named_exists() -> None:
    assert set(re.findall(r"`(ibkr_\w+)`", PAGE)) <= TOOLS


@pytest.mark.parametrize("request_name", sorted(ROWS))
def test_what_a_row_says_is_so(request_name: str) -> None:
    _, kind, text = ROWS[request_name]

    assert (kind == "tool") is text.startswith("`ibkr_")
    sent = request_name in OTHERWISE or re.search(rf'\.{request_name}\b|"{request_name}"', WORKER)
    assert bool(sent) is (kind != "left out")
