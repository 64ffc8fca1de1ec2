"""Input that is wrong is refused by name, and no order frame goes out: the simulator's journal proves it."""

import asyncio
from typing import Any

import httpx
import pytest

from mcp_front.protocol.results import ERROR_META
from tests.busy import BUSY_S
from tests.stacks.front import ERAS, RawClient, messages_of, plain_http
from tests.stacks.handlers import ORDER
from tests.stacks.whole import Stack, whole_stack

# What is sent in an order beside or instead of ORDER's, as JSON text where JSON itself can't say it, and which field
# the error names.
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("secType nonsense", {"secType": "NONSENSE"}, "secType"),
    ("negative quantity", {"totalQuantity": -1}, "totalQuantity"),
    ("zero quantity", {"totalQuantity": 0}, "totalQuantity"),
    ("NaN quantity", {"totalQuantity": float("nan")}, "totalQuantity"),
    ("infinite quantity", {"totalQuantity": float("inf")}, "totalQuantity"),
    ("true as quantity", {"totalQuantity": True}, "totalQuantity"),
    ("exponent as quantity", {"totalQuantity": "1e3"}, "totalQuantity"),
    ("other digits as quantity", {"totalQuantity": "１２"}, "totalQuantity"),
    ("no quantity", {"totalQuantity": None}, "totalQuantity"),
    ("NUL in a symbol", {"symbol": "AAPL\0"}, "symbol"),
    ("megabyte in a symbol", {"symbol": "A" * 1_000_000}, "symbol"),
    ("megabyte in an exchange", {"exchange": "S" * 1_000_000}, "exchange"),
    ("LMT without a price", {"orderType": "LMT"}, "lmtPrice"),
    ("MKT with a price", {"orderType": "MKT", "lmtPrice": 1.0}, "lmtPrice"),
    ("unknown field", {"limitPrice": 1.0}, "limitPrice"),
    ("unknown order type", {"orderType": "LIMITED"}, "orderType"),
    ("unknown action", {"action": "HOLD"}, "action"),
    ("terms of an option for a stock", {"strike": 400, "right": "P"}, "strike"),
]


@pytest.mark.fault(99, 100)
@pytest.mark.parametrize("era", ERAS)
async def test_wrong_order_is_refused_by_field_and_never_sent(redis_url: str, session: str, era: str) -> None:
    async with whole_stack(redis_url, session) as stack, plain_http() as http:
        for name, changed, field in WRONG:
            error = await refusal(stack, http, era, ORDER | changed)
            assert error["code"] == "invalid_arguments", name
            assert error["fields"] == [field], name
            assert field in error["message"], name
            assert len(error["message"]) < 1000, name

        assert stack.sim.journal.orders() == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("contract", "code"),
    [
        ({"symbol": "NOSUCHTHING"}, "not_found"),
        ({"symbol": "ES", "secType": "FUT", "exchange": "CME"}, "ambiguous_contract"),
    ],
)
async def test_contract_that_is_unknown_or_ambiguous_is_refused_and_never_sent(
    redis_url: str, session: str, era: str, contract: dict[str, Any], code: str
) -> None:
    async with whole_stack(redis_url, session) as stack, plain_http() as http:
        error = await refusal(stack, http, era, ORDER | contract)

        assert error["code"] == code
        assert len(error.get("candidates", [])) > 1 or code == "not_found"
        assert stack.sim.journal.orders() == []


async def refusal(stack: Stack, http: httpx.AsyncClient, era: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The typed error of an order that must not be taken; it comes within two seconds."""
    client: RawClient = stack.front.raw(era)
    prepared = client.prepared("tools/call", name="ibkr_place_order", arguments=arguments)
    async with asyncio.timeout(2 + BUSY_S):
        answer = messages_of(await http.post(stack.front.endpoint, **prepared))[-1]
    assert answer["result"]["isError"] is True
    error: dict[str, Any] = answer["result"]["_meta"][ERROR_META]
    assert answer["result"]["content"][0]["text"].startswith(f"[{error['code']}] ")
    return error
