"""Asks a human's approval for a live order: without it nothing is accepted."""

from bridge.bus.answering import Asked
from bridge.bus.approving import WAITS_MS, Approval, ask_approval
from bridge.bus.connect import BusError, bus_down
from bridge.bus.keys import Keys
from bridge.bus.pipe import Pipe
from bridge.tool import ToolError


class Approvals:
    def __init__(self, pipe: Pipe, keys: Keys) -> None:
        self._pipe = pipe
        self._keys = keys

    async def require(self, asked: Asked, summary: str) -> str:
        """Who approved this very order under this key. Raises ToolError approval_required while nobody has."""
        key = asked.key or ""
        wanted = Approval(key, asked.request.digest or "", asked.caller, summary)
        try:
            by = await ask_approval(self._pipe, self._keys, wanted)
        except BusError as error:
            raise bus_down(self._pipe.url, error) from error
        if by:
            return by
        raise ToolError(
            "approval_required",
            f"A live order needs a human: {summary}. Ask the operator to run `python -m cli approve {key}` within "
            f"{WAITS_MS // 60_000} minutes, then call again with the same idempotencyKey.",
            approval=key,
            digest=wanted.digest,
            summary=summary,
        )
