"""The tools that tell of orders: one name finds an order, and lists may be of one contract."""

import pytest
from pydantic import ValidationError

from bridge.tool import TOOLS, Effect, ToolRequest
from bridge.tools.order_queries import GetCompletedOrders, GetExecutions, GetOpenOrders, GetOrder


@pytest.mark.parametrize("name", [{"orderId": 7}, {"permId": 9}, {"orderRef": "mcp1"}, {"orderKey": "key-of-it"}])
def test_one_name_of_an_order_is_enough(name: dict[str, object]) -> None:
    assert GetOrder.model_validate(name).model_dump(exclude_unset=True) == name


@pytest.mark.parametrize("names", [{}, {"orderId": 0}, {"symbol": "AAPL"}])
def test_an_order_without_a_name_is_refused(names: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GetOrder.model_validate(names)


@pytest.mark.parametrize("request_of", [GetOpenOrders, GetCompletedOrders, GetExecutions])
def test_a_list_is_of_every_contract_until_one_is_named(request_of: type[ToolRequest]) -> None:
    assert request_of.model_validate({}).model_dump(exclude_defaults=True) == {}
    assert request_of.model_validate({}).model_dump()["symbol"] is None
    assert request_of.model_validate({"symbol": "aapl"}).model_dump(exclude_defaults=True) == {"symbol": "AAPL"}


@pytest.mark.parametrize("name", ["get_order", "get_open_orders", "get_completed_orders", "get_executions"])
def test_each_is_a_read(name: str) -> None:
    assert TOOLS[f"ibkr_{name}"].effect is Effect.READ
