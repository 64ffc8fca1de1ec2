"""The preview of an order: it takes the order's own terms, sends nothing, and answers within a call."""

import pytest
from pydantic import ValidationError

from bridge.tool import TOOLS, Effect
from bridge.tools.order_terms import OrderTerms
from bridge.tools.previews import Preview, PreviewOrder


def test_a_preview_takes_the_orders_terms_and_no_key() -> None:
    asked = PreviewOrder(symbol="AAPL", action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=5)

    assert isinstance(asked, OrderTerms)
    assert asked.lmtPrice == 5
    with pytest.raises(ValidationError):
        PreviewOrder.model_validate({**asked.model_dump(exclude_unset=True), "idempotencyKey": "key-1"})


def test_a_preview_is_a_read_and_leaves_time_for_what_if() -> None:
    declared = TOOLS["ibkr_preview_order"]

    assert declared.effect is Effect.READ
    assert declared.deadline_s == 20


def test_a_preview_says_of_each_figure_that_tws_gave_none() -> None:
    figures = {name for name in Preview.model_fields if name.startswith(("initMargin", "maintMargin", "equity"))}

    assert len(figures) == 6
    assert all(Preview.model_fields[name].is_required() for name in figures)
