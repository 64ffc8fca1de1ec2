"""The session's page: its state, and the forms that disconnect, lend and connect it."""

from collections.abc import Awaitable, Callable
from secrets import token_hex

import structlog
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from bridge.bus.identity.sign_ins import CONSOLE_CALLER
from bridge.bus.messages import BusCaller, ClientProof
from bridge.tool import OPERATIONS, ToolError, ToolRequest
from bridge.tools.console.session_loan import LONGEST_LOAN_MIN, LendSession, TakeBackSession
from bridge.tools.session import Disconnect
from console.pages.pages import Pages, Visitor, text_of

MINUTES = f"Write how long: 1 to {LONGEST_LOAN_MIN} minutes."
ELSEWHERE = frozenset({"bus_down"})  # codes of which the application's own handler speaks

log = structlog.get_logger("console.pages")


class SessionPages:
    """The login session of one console."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def shown(self, request: Request) -> Response:
        return await self._pages.page(request, "session", live=True, longest=LONGEST_LOAN_MIN)

    async def disconnect(self, request: Request) -> Response:
        """Disconnect it for every client, until somebody connects it."""
        return await self._pages.acted(request, self._asks("disconnect", lambda _: Disconnect()))

    async def connect(self, request: Request) -> Response:
        """Connect it, or take it back."""
        return await self._pages.acted(request, self._asks("take_back_session", lambda _: TakeBackSession()))

    async def lend(self, request: Request) -> Response:
        """Give it to a person for some minutes."""

        def loan(form: FormData) -> ToolRequest | None:
            written = text_of(form, "minutes").strip()
            minutes = int(written) if written.isascii() and written.isdigit() and len(written) < 6 else 0
            return LendSession(minutes=minutes) if 1 <= minutes <= LONGEST_LOAN_MIN else None

        return await self._pages.acted(request, self._asks("lend_session", loan))

    def _asks(
        self, operation: str, request_of: Callable[[FormData], ToolRequest | None]
    ) -> Callable[[Visitor, FormData], Awaitable[Response]]:
        """Return what a form does: ask the worker, and tell why it did not."""

        async def ask(visitor: Visitor, form: FormData) -> Response:
            request = request_of(form)
            if request is None:
                return await self._pages.refused(visitor, 400, MINUTES)
            caller = BusCaller(
                principal=CONSOLE_CALLER,
                proof=ClientProof(visitor.sign_in),
                label=visitor.by,
                request_id=f"console-{token_hex(4)}",
            )
            try:
                await self._pages.bus.ask(OPERATIONS[operation], request, caller)
            except ToolError as error:
                log.warning("session_not_steered", operator=visitor.operator, step=operation, code=error.code)
                if error.code in ELSEWHERE:
                    raise
                return await self._pages.refused(visitor, 409, error.message)
            log.warning("session_steered", operator=visitor.operator, step=operation)
            return await self._pages.done(visitor, True, "/session")

        return ask
