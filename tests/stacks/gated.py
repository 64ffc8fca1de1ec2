"""A worker's handler that accepts each placing through the rules it is told, and counts what went out."""

from bridge.bus.records.admission import AdmissionRules
from bridge.bus.server.request import RequestContext

TERMS = "aapl-buy-one"


class Gated:
    """`sent` has the key of each placing that was accepted."""

    def __init__(self, gate: AdmissionRules) -> None:
        self.gate = gate
        self.sent: list[str | None] = []

    async def handle(self, context: RequestContext) -> bytes:
        await context.accept(self.gate)
        self.sent.append(context.key)
        return b"{}"
