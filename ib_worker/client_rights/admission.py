"""The one place where a request's client is found by its proof, and where its scopes and toolsets are checked.

A front says who calls; the worker believes the proof alone.
"""

import structlog

from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.clients import OIDC_PREFIX, Client
from bridge.bus.identity.sign_ins import CONSOLE_CALLER
from bridge.bus.server.request import RequestContext
from bridge.tool import Effect, ToolError, ToolSpec

CONSOLE_EFFECTS = frozenset({Effect.READ, Effect.SESSION})

log = structlog.get_logger("ib_worker.client_rights")


class ClientAdmission:
    """Admits requests by the clients of the file and of Redis."""

    def __init__(self, clients: ClientDirectory) -> None:
        self.clients = clients

    async def admit(self, asked: RequestContext, declared: ToolSpec) -> Client | None:
        """Return the request's client; None where no clients are configured: then every front is trusted.

        Raises ToolError unauthorized without a valid proof, forbidden where the client lacks the scope or the toolset,
        and bus_down where Redis can't tell whose proof it is.
        """
        if not await self._has_clients(declared):
            if asked.request.restricted:
                raise _unchecked(asked)
            return None
        if await self._is_console(asked, declared):
            return None
        client = await self._found(asked, declared) if asked.proof else None
        if client is None or client.name != asked.caller:
            raise _unauthorized(asked, client)
        _require(client, declared)
        return client

    async def _is_console(self, asked: RequestContext, declared: ToolSpec) -> bool:
        """Return whether an operator who is signed in asks at the console: it reads, connects and disconnects."""
        if asked.caller != CONSOLE_CALLER or declared.effect not in CONSOLE_EFFECTS or not asked.proof:
            return False
        return bool(await self.clients.operator_of(asked.proof))

    def may_see(self, principal: str, account: str) -> bool:
        """Return whether the client of that name has a right to what concerns this account, by what was read last."""
        if not account or not self.clients.has_clients:
            return True
        client = self.clients.named(principal)
        return client is not None and client.rights.has_account(account)

    async def _has_clients(self, declared: ToolSpec) -> bool:
        """A session without clients, as last read, goes on while Redis can't be read."""
        if self.clients.has_clients:
            return True
        try:
            await self.clients.refreshed()
        except ToolError:
            if not (self.clients.was_read or declared.relieves):
                raise
        return self.clients.has_clients

    async def _found(self, asked: RequestContext, declared: ToolSpec) -> Client | None:
        """A call that reduces risk passes by what was read last, however old, while Redis can't be read."""
        try:
            return await self.clients.find(asked.proof)
        except ToolError:
            if not declared.relieves:
                raise
            return self.clients.last_known(asked.proof)


def _require(client: Client, declared: ToolSpec) -> None:
    """Raise ToolError forbidden where the client may not use the tool at all."""
    if declared.console:
        raise ToolError(
            "forbidden", f"{declared.name} is for operators who are signed in at the console.", scope="console"
        )
    scope = client.rights.missing_scope(declared.effect)
    if scope is not None:
        raise ToolError(
            "forbidden",
            f'{declared.tool_name} needs the "{scope}" scope, and {client.name} does not have it. Ask the operator.',
            scope=scope,
        )
    if not client.rights.has_operation(declared):
        raise ToolError(
            "forbidden",
            f"{declared.tool_name} is in the toolset {declared.toolset}, which {client.name} does not have. Ask the "
            "operator.",
            toolset=declared.toolset,
        )


def _unauthorized(asked: RequestContext, client: Client | None) -> ToolError:
    reason = "no proof" if not asked.proof else "unknown proof" if client is None else "another client's proof"
    log.warning("request_unauthorized", operation=asked.operation, claimed=asked.caller, reason=reason)
    if client is None and asked.caller.startswith(OIDC_PREFIX):
        return ToolError(
            "unauthorized",
            f"{asked.caller} has a token of the OpenID Connect provider, which only the front can verify. This worker "
            "has clients and asks each call for a proof, so it did nothing. The operator gives this client a token of "
            "`cli client add`, or lets it sign in at the console.",
            provider="OIDC_ISSUER",
        )
    return ToolError(
        "unauthorized",
        f"The worker cannot verify that {asked.caller} calls ({reason}), so it did nothing. The token was revoked or "
        "has expired, or the worker's CLIENTS_FILE is not the front's FRONT_TOKENS_FILE. Ask the operator.",
    )


def _unchecked(asked: RequestContext) -> ToolError:
    return ToolError(
        "unauthorized",
        f"The rights of {asked.caller} name accounts, symbols or limits, and this worker knows no clients, so it could "
        "not hold to them. The operator sets the worker's CLIENTS_FILE to the file of FRONT_TOKENS_FILE.",
    )
