"""Errors of requests that a stop of the front cuts off."""

import pytest

import bridge.tools.account
import bridge.tools.orders
import bridge.tools.session  # noqa: F401  # the declarations fill the registry
from bridge.tool import TOOLS
from mcp_front.protocol.stop_errors import cut_off, not_begun


@pytest.mark.parametrize("tool", ["ibkr_get_positions", "ibkr_get_status", None])
def test_what_changes_nothing_is_to_be_retried(tool: str | None) -> None:
    error = cut_off(TOOLS[tool] if tool else None)

    assert (error.code, error.details["retry_after_s"]) == ("retry", 1)
    assert "Retry in 1 second." in error.message


@pytest.mark.parametrize("tool", ["ibkr_connect", "ibkr_halt_trading"])
def test_what_changes_the_session_may_be_done(tool: str) -> None:
    error = cut_off(TOOLS[tool])

    assert error.code == "unknown"
    assert "ibkr_get_status" in error.message


def test_a_write_names_the_key_with_which_to_retry() -> None:
    error = cut_off(TOOLS["ibkr_place_order"], {"idempotencyKey": "k-1"})

    assert (error.code, error.details["idempotencyKey"]) == ("unknown", "k-1")
    assert "Retry only with the same idempotencyKey=k-1." in error.message


@pytest.mark.parametrize("arguments", [{}, {"idempotencyKey": 5}])
def test_a_write_without_a_key_is_to_be_looked_up(arguments: dict[str, int]) -> None:
    error = cut_off(TOOLS["ibkr_place_order"], arguments)

    assert "idempotencyKey" not in error.details
    assert error.message.endswith("check ibkr_get_open_orders and ibkr_get_executions first.")


def test_a_request_that_waited_for_its_turn_was_not_begun() -> None:
    error = not_begun()

    assert error.code == "retry"
    assert "not begun" in error.message
