"""The clients of the session: who may call, with which rights, until when; and the button that ends it."""

import structlog
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.bus.identity.clients import Client, read_registry, remove_client
from bridge.bus.oauth.grants import ClientGrant, end_grant, grants
from console.pages.pages import Pages, Visitor, text_of
from console.pages.rendering import moment_ms

PATH = "/clients"

log = structlog.get_logger("console.pages")


class ClientPages:
    """Clients of one session. Those of the front's tokens file are not among them: the file is the operator's."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._bus = pages.bus

    async def shown(self, request: Request) -> Response:
        """Answer with the list of clients."""
        registry = await read_registry(self._bus.pipe, self._bus.keys)
        granted = {each.client: each for each in (await grants(self._bus.pipe, self._bus.keys)).values()}
        clients = sorted(registry.clients.values(), key=lambda each: each.name)
        rows = [_row(each, granted.get(each.name), registry.now_ms) for each in clients]
        return await self._pages.page(request, "clients", clients=rows)

    async def revoke(self, request: Request) -> Response:
        """End all rights of a client: its tokens are refused everywhere within a second."""

        async def revoke(visitor: Visitor, form: FormData) -> Response:
            name, pipe, keys = text_of(form, "client"), self._bus.pipe, self._bus.keys
            ended = [id_ for id_, each in (await grants(pipe, keys)).items() if each.client == name]
            for id_ in ended:
                await end_grant(pipe, keys, id_)
            done = await remove_client(pipe, keys, name)
            log.warning("client_revoked", client=name, operator=visitor.operator, done=done)
            return RedirectResponse(PATH, 303) if done else await self._pages.done(visitor, False)

        return await self._pages.acted(request, revoke)


def _row(client: Client, grant: ClientGrant | None, now_ms: int) -> dict[str, object]:
    """Return a client as the page shows it."""
    over = 0 < client.until_ms <= now_ms
    return {
        "name": client.name,
        "about": client.about,
        "rights": client.rights.told(),
        "by": client.by,
        "created": moment_ms(client.created_ms) if client.created_ms else "",
        "until": ("over since " if over else "") + (moment_ms(client.until_ms) if client.until_ms else "no end"),
        "used": moment_ms(grant.refreshed_ms) if grant and grant.refreshed_ms else "",
    }
