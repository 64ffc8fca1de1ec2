"""The audit trail, newest first, with a search; and one order's life out of it and of the worker's own record."""

from secrets import token_hex

import structlog
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bridge.audit_chain import AuditEntry
from bridge.bus.controls.audit_search import search_audit
from bridge.bus.identity.sign_ins import CONSOLE_CALLER
from bridge.bus.messages import BusCaller, ClientProof
from bridge.text.plain_text import one_line
from bridge.tool import OPERATIONS, ToolError
from bridge.tools.order_queries import GetOrder, OrderHistory
from console.pages.pages import Pages

LONGEST_SEARCH = 100  # characters
ROWS = 100
PERM_ID_DIGITS = 19  # of a 64-bit number
ORDER_S = 5.0  # for the worker's answer
OF_AN_ORDER = 60  # audit entries of one order
NOTHING = "No order waits under this key. It may have expired, or is refused already; no order was sent under it."

log = structlog.get_logger("console.pages")


class AuditPages:
    """The audit trail of one session."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._bus = pages.bus

    async def search(self, request: Request) -> Response:
        """Entries with all the words of `q`, below the entry `before`."""
        if await self._pages.visitor(request) is None:
            return self._pages.stranger_page(request)
        text = one_line(request.query_params.get("q", ""), LONGEST_SEARCH)
        written = request.query_params.get("before", "")
        before = int(written) if written.isascii() and written.isdigit() and len(written) < 16 else 0
        page = await search_audit(self._bus.pipe, self._bus.keys, text, before, ROWS)
        return await self._pages.page(request, "audit", q=text, page=page, before=before)

    async def by_perm_id(self, request: Request) -> Response:
        """The life of the order with this permId."""
        written = request.path_params["permId"]
        permId = int(written) if written.isascii() and written.isdigit() and len(written) <= PERM_ID_DIGITS else 0
        if not permId:
            raise HTTPException(404)
        return await self._life(request, {"permId": permId}, f'"permId":{permId},')

    async def by_key(self, request: Request) -> Response:
        """The life of the order that was placed under this key."""
        key = request.path_params["key"]
        return await self._life(request, {"orderKey": key}, f'"key":"{key}"')

    async def _life(self, request: Request, name: dict[str, object], searched: str) -> Response:
        visitor = await self._pages.visitor(request)
        if visitor is None:
            return self._pages.stranger_page(request)
        history, why = await self._asked(name, visitor.sign_in)
        entries = await self._entries(searched, history)
        if history is None and not entries:
            text = f"{NOTHING} {why}".strip()
            return await self._pages.page(request, "message", status=404, title="Not there", text=text)
        shown = ", ".join(map(str, name.values()))
        return await self._pages.page(request, "life", name=shown, history=history, why=why, entries=entries)

    async def _asked(self, name: dict[str, object], sign_in: str) -> tuple[OrderHistory | None, str]:
        """Return what the worker knows of the order, and why it is nothing."""
        try:
            request = GetOrder.model_validate(name)
        except ValidationError:
            return None, ""
        caller = BusCaller(principal=CONSOLE_CALLER, proof=ClientProof(sign_in), request_id=f"console-{token_hex(4)}")
        try:
            line = await self._bus.ask(OPERATIONS["get_order"], request, caller, ORDER_S)
        except ToolError as error:
            if error.code == "bus_down":
                raise
            return None, error.message
        return OrderHistory.model_validate_json(line), ""

    async def _entries(self, searched: str, history: OrderHistory | None) -> list[AuditEntry]:
        """Return the audit entries of the order, oldest first; those by its reference too, where it has one."""
        found = {
            each.seq: each
            for each in (await search_audit(self._bus.pipe, self._bus.keys, searched, most=OF_AN_ORDER)).entries
        }
        ref = history.order.orderRef if history else None
        if ref:
            by_ref = await search_audit(self._bus.pipe, self._bus.keys, f'"orderRef":"{ref}"', most=OF_AN_ORDER)
            found |= {each.seq: each for each in by_ref.entries}
        return [found[seq] for seq in sorted(found)]
