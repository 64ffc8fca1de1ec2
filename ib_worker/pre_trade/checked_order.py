"""An order within the limits, and the reason why one that would reduce a position is not a closing one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import ib_async

from bridge.bus.records.admission import AdmissionRules
from bridge.bus.server.request import RequestContext
from bridge.tool import ToolError
from ib_worker.client_rights.limits import OwnCount
from ib_worker.risk.bracket_prices import require_unmet
from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.risk.position_effect import held_up, joint_effect, report_text
from ib_worker.tws.values import unset

# What an order that only reduces a position is not held up by, but for these limits.
PASSED_BY_CLOSING = frozenset({"limit_exceeded", "no_fresh_quote", "no_exchange_rate", "no_daily_pnl", "halted"})
HOLD_CLOSING = frozenset({"price_collar", "max_short_option_value"})


@dataclass(frozen=True)
class CheckedOrder:
    """An order within the limits: the rules that its acceptance must still pass, the person who approved it in live
    mode, and the remarks of its report."""

    gate: AdmissionRules
    approved_by: str = ""
    remarks: str = ""
    order: tuple[OrderIntent, RiskInputs] | None = None  # as it was checked
    own: OwnCount | None = None  # of a client with such a limit of its own
    uncovers: Sequence[str] = ()  # warnings of short options without cover

    @property
    def tells_past_zero(self) -> bool:
        """Return whether the remarks tell what open orders beside this one could open."""
        return self.order is not None and bool(joint_effect(*self.order))

    def message(self, told: str, filled: bool = False) -> str:
        """Return the words about the order with the remarks."""
        if self.order is None:
            return f"{told} {self.remarks}".rstrip()
        return report_text(*self.order, told, self.remarks, filled)

    async def accept(self, context: RequestContext, **names: str) -> None:
        """Accept the order. Raises the errors of that step, with the reason why an order is not a closing one."""
        try:
            if self.own is None:
                await context.accept(self.gate, **names)
            else:
                await self.own.accept(context, self.gate, **names)
        except ToolError as error:
            if self.order is None:
                raise
            raise with_reason(error, *self.order) from error

    def require_unmet(self, order: ib_async.Order) -> None:
        """Check that the market does not meet the stop of an order that trails, as it is to be sent. Raises ToolError
        invalid_arguments."""
        stop = unset.order_price("trailStopPrice", order)
        if self.order is not None and stop is not None:
            intent, facts = self.order
            require_unmet(replace(intent, orderType="STP", auxPrice=stop), facts)


def with_reason(error: ToolError, intent: OrderIntent, facts: RiskInputs) -> ToolError:
    """Return the error with the reason why an order that would reduce a position is not a closing one, if that
    decides."""
    level, limit = error.details.get("level"), error.details.get("limit")
    decides = error.code in PASSED_BY_CLOSING and level != "halt" and limit not in HOLD_CLOSING
    reason = held_up(intent, facts) if decides else ""
    return ToolError(error.code, f"{error.message} {reason}", **error.details) if reason else error
