"""A refusal carries TWS's code and text, and reads as both."""

from __future__ import annotations

from ibgateway.simulator.model.errors import Refusal


def test_a_refusal_has_its_code_and_text_and_says_them() -> None:
    refusal = Refusal(200, "No security definition has been found for the request")

    assert (refusal.code, refusal.text) == (200, "No security definition has been found for the request")
    assert str(refusal) == "200: No security definition has been found for the request"
