"""A tape on a screen: one line of the screen's width for each item, and the session's state below."""

import io
from datetime import UTC, datetime

from rich.console import Console

from bridge.bus.client.call_trace import TracedCall
from bridge.tools.account import PnL
from bridge.tools.session import SessionStatus
from cli.tape.screen import footer, screen_printer, tape_text

CALL = TracedCall("place_order", "local", "claude", "limit_exceeded", 12.4, 1_767_323_045_000, "BUY 1 SPY")
PROFIT = PnL(account="DU1234567", modelCode="", dailyPnL=-5.0, unrealizedPnL=7.5, realizedPnL=0, currency="USD")
READY = SessionStatus(is_connected=True, state="ready", simulated=False, mode="live", halted="by anna")


def shown(width: int, **options: object) -> str:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=width, highlight=False, **options)  # type: ignore[arg-type]
    with screen_printer(console) as printer:
        printer.show(READY)
        printer.add(PROFIT)
        printer.add(CALL)
    return output.getvalue()


def test_a_line_has_colours_and_fits_the_screen() -> None:
    assert "\x1b[31m" in shown(100)  # the outcome
    plain = shown(40, no_color=True)
    line = next(each for each in plain.split("\n") if "place_order" in each)
    assert "…" in line
    assert "\x1b[31m" not in plain


def test_the_line_below_has_the_mode_the_state_the_switch_and_the_profits() -> None:
    told = footer(READY, [PROFIT]).plain

    assert told.split() == [
        "live", "ready", "HALTED", "│", "DU***567", "day", "-5.00", "unrealized", "+7.50", "realized", "+0.00", "USD"
    ]  # fmt: skip
    assert "simulated" in footer(READY.model_copy(update={"simulated": True}), []).plain
    assert footer(None, []).plain == "no worker"


def test_a_line_is_as_the_plain_one() -> None:
    assert "call      place_order  BUY 1 SPY  claude  limit_exceeded" in tape_text(CALL, datetime.now(UTC)).plain
