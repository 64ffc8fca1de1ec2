"""The one place where a request's client is found by its proof, and where its scopes and toolsets are checked.

A front says who calls; the worker believes the proof alone, and a provider's token after it has verified it.
"""

import structlog

from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.clients import OIDC_PREFIX, Client
from bridge.bus.identity.oidc import TokenClaims, client_of, unlisted_name
from bridge.bus.identity.rights import scope_error, toolset_error
from bridge.bus.identity.sign_ins import CONSOLE_CALLER
from bridge.bus.messages import SHOW_TOKEN
from bridge.bus.server.request import RequestContext
from bridge.tool import Effect, ToolError, ToolSpec
from ib_worker.oidc.provider_tokens import ProviderTokens, TokenRefused

CONSOLE_EFFECTS = frozenset({Effect.READ, Effect.SESSION})

log = structlog.get_logger("ib_worker.client_rights")


class ClientAdmission:
    """Admits requests by the clients of the file and of Redis, and by tokens of a provider, if there is one."""

    def __init__(self, clients: ClientDirectory, provider: ProviderTokens | None = None) -> None:
        self.clients = clients
        self.provider = provider

    async def admit(self, context: RequestContext, declared: ToolSpec) -> Client | None:
        """Return the request's client; None where no clients are configured: then every front is trusted.

        Raises ToolError unauthorized without a valid proof, forbidden where the client lacks the scope or the toolset,
        and bus_down where Redis can't tell whose proof it is.
        """
        if not await self._has_clients(declared):
            if context.request.restricted:
                raise _unchecked(context)
            return None
        if await self._is_console(context, declared):
            return None
        client = await self._found(context, declared) if context.proof else None
        if client is None and context.proof and self.provider is not None:
            client = await self._of_provider(context, self.provider)
        if client is None or client.name != context.caller:
            raise _unauthorized(context, client, self.provider is not None)
        _require(client, declared)
        return client

    async def _is_console(self, context: RequestContext, declared: ToolSpec) -> bool:
        """Return whether an operator who is signed in asks at the console: it reads, connects and disconnects."""
        if context.caller != CONSOLE_CALLER or declared.effect not in CONSOLE_EFFECTS or not context.proof:
            return False
        return bool(await self.clients.operator_of(context.proof))

    def may_see(self, principal: str, account: str) -> bool:
        """Return whether the client of that name has a right to what concerns this account, by what was read last."""
        if not account or not self.clients.has_clients or self.clients.is_unlisted(principal):
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

    async def _found(self, context: RequestContext, declared: ToolSpec) -> Client | None:
        """A call that reduces risk passes by what was read last, however old, while Redis can't be read."""
        try:
            return await self.clients.find(context.proof)
        except ToolError:
            if not declared.relieves:
                raise
            return self.clients.last_known(context.proof)

    async def _of_provider(self, context: RequestContext, provider: ProviderTokens) -> Client | None:
        """Return the client of a provider's token; None where the worker has not seen it, and the front shows none."""
        claims = provider.known(context.proof)
        if claims is None and context.token:
            try:
                claims = await provider.verified(context.token, context.proof)
            except TokenRefused as why:
                raise _token_refused(context, why.reason, str(why)) from None
        if claims is None and context.request.shows:
            raise _not_shown(context)
        return self._of_claims(context, provider, claims) if claims is not None else None

    def _of_claims(self, context: RequestContext, provider: ProviderTokens, claims: TokenClaims) -> Client:
        client = client_of(claims, provider.settings, self.clients)
        if client is None:
            name = unlisted_name(claims, provider.settings)
            raise _token_refused(context, "unlisted", f"its subject, {name}, is no client of the worker's CLIENTS_FILE")
        return client


def _require(client: Client, declared: ToolSpec) -> None:
    """Raise ToolError forbidden where the client may not use the tool at all."""
    if declared.console:
        raise ToolError(
            "forbidden", f"{declared.name} is for operators who are signed in at the console.", scope="console"
        )
    scope = client.rights.missing_scope(declared.effect)
    if scope is not None:
        raise scope_error(declared, scope, client.name)
    if not client.rights.has_operation(declared):
        raise toolset_error(declared, client.name)


def _not_shown(context: RequestContext) -> ToolError:
    """The front answers it by showing the token; no client gets to see it."""
    text = f"The worker has not verified the token of {context.caller} yet. Retry: the front then shows it."
    return ToolError("unauthorized", text, provider="OIDC_ISSUER", **{SHOW_TOKEN: True})


def _token_refused(context: RequestContext, reason: str, why: str) -> ToolError:
    log.warning("request_unauthorized", operation=context.operation, claimed=context.caller, reason=f"oidc: {reason}")
    remedy = _REMEDIES.get(reason, _SETTINGS)
    text = f"The worker refuses the token of {context.caller}, so it did nothing: {why}. {remedy}"
    return ToolError("unauthorized", text, provider="OIDC_ISSUER", reason=reason)


_SETTINGS = "The operator compares OIDC_ISSUER, OIDC_AUDIENCE and OIDC_ALGORITHM of front and worker with the provider."
_REMEDIES = {
    "expired": "Sign in again, or let the client refresh its token.",
    "not_yet": "The operator compares the clocks of the worker's machine and the provider.",
    "provider_unreachable": "Retry then. The operator gives the worker a way out to the provider, or OIDC_JWKS_FILE.",
    "unlisted": "The operator adds it with `cli client add NAME --subject SUB`, or sets OIDC_CLIENTS=any.",
}


def _unauthorized(context: RequestContext, client: Client | None, verifies: bool) -> ToolError:
    """Return the error of a call that is not shown to be its client's. `verifies`: a provider's tokens, too."""
    reason = "no proof" if not context.proof else "unknown proof" if client is None else "another client's proof"
    log.warning("request_unauthorized", operation=context.operation, claimed=context.caller, reason=reason)
    is_of_provider = context.caller.startswith(OIDC_PREFIX) or context.request.shows or context.token
    if client is None and is_of_provider and not verifies:
        return ToolError(
            "unauthorized",
            f"{context.caller} has a token of the OpenID Connect provider, which only the front can verify. This "
            "worker has clients and asks each call for a proof, so it did nothing. The operator gives the worker the "
            "front's OIDC_ settings too, or gives this client a token of `cli client add`.",
            provider="OIDC_ISSUER",
        )
    return ToolError(
        "unauthorized",
        f"The worker cannot verify that {context.caller} calls ({reason}), so it did nothing. The token was revoked or "
        "has expired, or the worker's CLIENTS_FILE is not the front's FRONT_TOKENS_FILE. Ask the operator.",
    )


def _unchecked(context: RequestContext) -> ToolError:
    return ToolError(
        "unauthorized",
        f"The rights of {context.caller} name accounts, symbols or limits, and this worker knows no clients, so it "
        "could not hold to them. The operator sets the worker's CLIENTS_FILE to the file of FRONT_TOKENS_FILE.",
    )
