"""Questions to the worker, in the name of somebody who is signed in."""

from typing import TypeVar

import structlog
from pydantic import ValidationError

from bridge.bus.client.client import BusClient
from bridge.bus.identity.sign_ins import CONSOLE_CALLER
from bridge.bus.messages import BusCaller, ClientProof
from bridge.tool import OPERATIONS, Model, ToolError, ToolRequest

Answer = TypeVar("Answer", bound=Model)

log = structlog.get_logger("console.live")


async def ask_worker(
    bus: BusClient, operation: str, request: ToolRequest, answer: type[Answer], sign_in: str, deadline_s: float
) -> Answer:
    """Return the worker's answer to one of the console's own operations. `sign_in`: the id of a viewer's. Raises
    ToolError, `internal` where a worker of another release answers in another shape."""
    caller = BusCaller(principal=CONSOLE_CALLER, proof=ClientProof(sign_in), request_id="console")
    line = await bus.ask(OPERATIONS[operation], request, caller, deadline_s)
    try:
        return answer.model_validate_json(line)
    except ValidationError as error:
        log.warning("answer_unreadable", operation=operation, error=str(error)[:400])
        raise ToolError("internal", "The worker's answer can't be read. Update console and worker together.") from None
