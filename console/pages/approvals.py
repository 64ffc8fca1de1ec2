"""The orders that wait for a person: the list, one of them, and the two answers. A link to one carries no right."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from bridge.bus.controls.approvals import give_approval, refuse_approval, waiting_approvals
from bridge.tools.orders import clean_reason
from console.pages.pages import Pages, Visitor, text_of

log = structlog.get_logger("console.pages")


class ApprovalPages:
    """Approvals of one session."""

    def __init__(self, pages: Pages, decided: Callable[[Request], Awaitable[Response]]) -> None:
        """`decided`: the page of an order that does not wait."""
        self._pages = pages
        self._bus = pages.bus
        self._decided = decided

    async def order(self, request: Request) -> Response:
        """One order that waits, with its two buttons; the life of one that does not. Whether it waits is told to nobody
        who is not signed in."""
        if await self._pages.visitor(request) is None:
            return self._pages.stranger_page(request)
        waiting = await waiting_approvals(self._bus.pipe, self._bus.keys)
        found = next((each for each in waiting if each.key == request.path_params["key"]), None)
        return await self._decided(request) if found is None else await self._pages.page(request, "order", order=found)

    async def approve(self, request: Request) -> Response:
        """Approve what was read: the form carries its digest."""

        async def give(visitor: Visitor, form: FormData) -> Response:
            key, digest = text_of(form, "key"), text_of(form, "digest")
            given = await give_approval(self._bus.pipe, self._bus.keys, key, digest, visitor.by, visitor.sign_in)
            log.info("approval_answered", operator=visitor.operator, key=key, answer="approve", done=given)
            return await self._pages.done(visitor, given)

        return await self._pages.acted(request, give)

    async def refuse(self, request: Request) -> Response:
        """Refuse what was read."""

        async def refuse(visitor: Visitor, form: FormData) -> Response:
            key, digest, reason = text_of(form, "key"), text_of(form, "digest"), clean_reason(text_of(form, "reason"))
            done = await refuse_approval(self._bus.pipe, self._bus.keys, key, digest, visitor.by, reason)
            log.info("approval_answered", operator=visitor.operator, key=key, answer="refuse", done=done)
            return await self._pages.done(visitor, done)

        return await self._pages.acted(request, refuse)
