"""TWS's error codes as the errors that a model reads."""

import pytest
from pydantic import ValidationError

from bridge.tool import ToolError
from bridge.tools.orders import PlaceOrder
from ib_worker.tws.errors import (
    ConnectionLost,
    InvalidField,
    TwsError,
    UnreadableMessage,
    as_tool_error,
    is_read_only,
    refusal,
)


@pytest.mark.parametrize(
    ("code", "text", "typed"),
    [
        (101, "Max number of tickers has been reached", "line_limit"),
        (162, "Historical Market Data Service error message:HMDS query returned no data", "no_data"),
        (162, "Historical Market Data Service error message:Historical data request pacing violation", "paced"),
        (162, "Historical Market Data Service error message:No market data permissions", "no_data"),
        (200, "No security definition has been found for the request", "not_found"),
        (200, "The contract description specified for AAPL is ambiguous.", "ambiguous_contract"),
        (100, "Max rate of messages per second has been exceeded", "paced"),
        (420, "Invalid Real-time Query: pacing", "paced"),
        (354, "Requested market data is not subscribed.", "no_data"),
        (10089, "Requested market data requires additional subscription for API.", "no_data"),
        (10168, "Requested market data is not subscribed. Delayed market data is not enabled.", "no_data"),
        (10197, "No market data during competing live session", "no_data"),
        (
            321,
            "Error validating request.-'bO' : cause - The API interface is currently in Read-Only mode.",
            "read_only",
        ),
        (321, "Error validating request.-'bR' : cause - What to show field is missing", "gateway_refused"),
        (322, "Error processing request.-'bT' : cause - Duplicate ticker ID", "gateway_refused"),
        (99999, "Something new", "gateway_refused"),
    ],
)
def test_a_refusal_is_typed_by_its_code_and_text(code: int, text: str, typed: str) -> None:
    error = refusal(code, text)

    assert error.code == typed
    assert error.details["twsCode"] == code


def test_a_refusal_without_a_type_keeps_the_brokers_words() -> None:
    assert '(error 99999): "Something new"' in refusal(99999, "Something new").message


def test_pacing_says_how_long_to_wait() -> None:
    assert refusal(100, "slow down").details == {"twsCode": 100, "retry_after_s": 15}


def test_a_competing_session_is_named() -> None:
    assert "another session" in refusal(10197, "x").message.lower()


def test_only_321_about_the_setting_is_read_only() -> None:
    assert is_read_only(321, "API interface is currently in Read-Only mode")
    assert not is_read_only(321, "a field is missing")
    assert not is_read_only(322, "Read-Only")


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (ToolError("paced", "wait"), "paced"),
        (TwsError(200, "No security definition"), "not_found"),
        (ConnectionLost("gone"), "retry"),
        (TimeoutError(), "timeout"),
        (InvalidField("text: bad"), "invalid_arguments"),
    ],
)
def test_every_expected_failure_has_a_type(problem: Exception, code: str) -> None:
    error = as_tool_error(problem)

    assert error is not None
    assert error.code == code


def test_a_fault_of_this_program_has_none() -> None:
    assert as_tool_error(KeyError("x")) is None


def test_a_refusals_text_is_made_harmless() -> None:
    assert TwsError(201, "line one\nline two\x00").text == "line one line two"


def test_wrong_arguments_are_named_without_their_values() -> None:
    with pytest.raises(ValidationError) as caught:
        PlaceOrder.model_validate({"symbol": "A" * 10_000, "action": "HOLD", "totalQuantity": 1})

    error = as_tool_error(caught.value)

    assert error is not None
    assert error.code == "invalid_arguments"
    assert [fault["field"] for fault in error.details["faults"]] == ["symbol", "action"]
    assert "AAAA" not in error.message


def test_a_fault_of_the_whole_names_the_arguments() -> None:
    with pytest.raises(ValidationError) as caught:
        PlaceOrder(symbol="AAPL", action="BUY", totalQuantity=1, orderType="LMT")

    error = as_tool_error(caught.value)

    assert error is not None
    assert error.message.startswith("arguments: ")
    assert "lmtPrice" in error.message


@pytest.mark.trial("B10")
def test_what_can_not_be_read_is_typed() -> None:
    error = as_tool_error(UnreadableMessage("a message of type 10 could not be decoded"))

    assert isinstance(error, ToolError)
    assert "Update the worker" in error.message
