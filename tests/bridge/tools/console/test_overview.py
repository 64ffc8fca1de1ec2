"""The overview is an operation of the worker, and no tool that a model sees."""

from bridge.tool import OPERATIONS, TOOLS, Effect
from bridge.tools.console.overview import GetOverview, SessionOverview


def test_no_model_sees_the_overview() -> None:
    declared = OPERATIONS["get_overview"]

    assert (declared.request, declared.returns, declared.effect) == (GetOverview, SessionOverview, Effect.READ)
    assert "ibkr_get_overview" not in TOOLS
    assert declared.console
