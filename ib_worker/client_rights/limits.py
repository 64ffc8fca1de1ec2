"""A client's own limits beside the operator's for all: of each pair the tighter one holds."""

from contextlib import suppress
from dataclasses import dataclass

from bridge.bus.identity.clients import Client
from bridge.bus.identity.rights import Rights
from bridge.bus.records.admission import AdmissionRules
from bridge.bus.records.client_orders import ClientLimits, ClientOrders
from bridge.bus.server.request import RequestContext, retry_until_answered
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.errors import Fenced, StaleRequest
from bridge.tool import ToolError
from ib_worker.client_rights.current import current_client
from ib_worker.risk.limit_settings import Limits

VALUES = ("max_order_value", "max_position_value")


@dataclass(frozen=True)
class OwnCount:
    """The count of a client's own orders, which is taken before the accepting step."""

    orders: ClientOrders
    limits: ClientLimits

    async def accept(self, context: RequestContext, gate: AdmissionRules, **names: str) -> None:
        """Count and accept. An order that is not accepted does not count."""
        key = context.key or ""
        await retry_until_answered(lambda: self.orders.take(self.limits, key, gate.orders, gate.closing))
        try:
            await context.accept(gate, **names)
        except (Fenced, StaleRequest, ToolError):
            with suppress(BusError):  # it then counts until the day is over
                await self.orders.give_back(self.limits, key, gate.orders)
            raise


def limits_of_client(limits: Limits) -> Limits:
    """Return the session's limits, those on values as tight as the limits of this call's client."""
    client = current_client()
    tighter = _tighter(limits, client.rights) if client is not None else {}
    return limits.model_copy(update=tighter) if tighter else limits


def client_counts(day_from_ms: int) -> ClientLimits | None:
    """Return how many orders this call's client may place; None where it has no such limit of its own."""
    client = current_client()
    per_minute = (client.rights.max_orders_per_minute or 0) if client else 0
    per_day = (client.rights.max_orders_per_day or 0) if client else 0
    if client is None or not (per_minute or per_day):
        return None
    return ClientLimits(client.name, per_minute, per_day, day_from_ms)


def naming_client(error: ToolError, limits: Limits) -> ToolError:
    """Return a limit's error with the client whose limit it is, where it is not the session's. `limits`: the
    session's."""
    client, name = current_client(), error.details.get("limit")
    if client is None or error.code != "limit_exceeded" or name not in _tighter(limits, client.rights):
        return error
    return ToolError(error.code, f"{_whose(client, str(name))} {error.message}", **error.details, client=client.name)


def _tighter(limits: Limits, rights: Rights) -> dict[str, float]:
    own = {name: getattr(rights, name) for name in VALUES}
    known = {name: getattr(limits, name) for name in VALUES}
    return {
        name: most
        for name, most in own.items()
        if most is not None and not (isinstance(known[name], float) and known[name] <= most)
    }


def _whose(client: Client, name: str) -> str:
    return f"This is {client.name}'s own limit {name}, below the session's."
