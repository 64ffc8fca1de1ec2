"""The kill switch: set by a click, released only by whoever has read it and types the session's name."""

import structlog
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from bridge.bus.controls.kill_switch import clear_halt, read_halt
from bridge.tools.orders import clean_reason
from console.pages.pages import Pages, Visitor, text_of

log = structlog.get_logger("console.pages")


class KillSwitchPages:
    """The kill switch of one session."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._bus = pages.bus

    async def shown(self, request: Request) -> Response:
        """The switch, with the form that sets or releases it."""
        return await self._pages.page(request, "kill_switch")

    async def halt(self, request: Request) -> Response:
        """Set the kill switch."""

        async def halt(visitor: Visitor, form: FormData) -> Response:
            await self._bus.halt(visitor.by, clean_reason(text_of(form, "reason")))
            log.warning("kill_switch_set", operator=visitor.operator)
            return await self._pages.done(visitor, True)

        return await self._pages.acted(request, halt)

    async def resume(self, request: Request) -> Response:
        """Release the switch that was read; a later halt stays."""

        async def release(visitor: Visitor, form: FormData) -> Response:
            pipe, keys = self._bus.pipe, self._bus.keys
            if text_of(form, "session").strip() != keys.session:
                return await self._pages.refused(visitor, 400, f"Type {keys.session} to release the kill switch.")
            found = await read_halt(pipe, keys)
            same = found is not None and str(found.since_ms) == text_of(form, "since")
            released = same and await clear_halt(pipe, keys, visitor.by, visitor.sign_in, found)
            log.warning("kill_switch_released", operator=visitor.operator, done=released)
            return await self._pages.done(visitor, released)

        return await self._pages.acted(request, release)
