"""The rules that a placement must pass in the step that accepts it: kill switch, order counts, equal orders."""

from dataclasses import dataclass
from typing import NoReturn

from bridge.bus.controls.kill_switch import halted_error
from bridge.bus.halt import halt_of
from bridge.bus.transport.protocol import Argument
from bridge.tool import ToolError


@dataclass(frozen=True)
class AdmissionRules:
    """The worker's limits for one placement; 0 stands for no limit. A closing order passes all of them except an equal
    order.

    `terms` is the digest of everything that makes two orders of one principal equal; `shared` is the same for all
    principals. `duplicate_of` is the key of the earlier order if the caller named it to place an equal order on
    purpose. `day_from_ms` is when the exchange's day began, `orders` how many orders are sent together. `hold_ms` is
    how long this order holds equal ones if that is longer than the window.
    """

    terms: str
    orders: int = 1
    closing: bool = False
    per_minute: int = 0
    per_day: int = 0
    day_from_ms: int = 0
    duplicate_window_ms: int = 0
    duplicate_of: str = ""
    hold_ms: int = 0
    shared: str = ""

    def arguments(self) -> tuple[Argument, ...]:
        return (
            "place",
            "1" if self.closing else "0",
            self.per_minute,
            self.per_day,
            self.day_from_ms,
            self.duplicate_window_ms,
            self.duplicate_of,
            self.orders,
            self.hold_ms,
        )

    def raise_refusal(self, word: str, *details: bytes) -> NoReturn:
        """Raise what the gate said. Nothing was accepted, and nothing may be sent."""
        if word == "halted":
            raise halted_error(halt_of(details))
        detail = details[0].decode()
        if word == "duplicate":
            raise ToolError(
                "possible_duplicate",
                f"An equal order was placed a moment ago under key {detail}. If you mean that order, retry with "
                "its key; to place a second one, give its key as duplicateOf.",
                duplicateOf=detail,
            )
        most, name = (
            (self.per_minute, "max_orders_per_minute") if detail == "minute" else (self.per_day, "max_orders_per_day")
        )
        raise ToolError(
            "limit_exceeded",
            f"Order limit reached: at most {most} orders per {detail} ({name}, set by the operator as "
            f"LIMIT_{name.upper()}). Wait and retry; cancels are still allowed.",
            limit=name,
            allowed=most,
        )


NO_RULES = ("", "0", 0, 0, 0, 0, "", 0, 0)  # for what places nothing
