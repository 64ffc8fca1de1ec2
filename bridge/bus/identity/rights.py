"""The rights of a client: scopes, accounts, toolsets, symbols, and limits below the session's. Pure."""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from bridge.tool import Effect, ToolError, ToolSpec

Scope = Literal["read", "trade", "admin"]
Account = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.]{1,32}\Z")]  # as TWS spells it: DU1234567
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{1,32}\Z")]
Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]  # as TWS spells it: `BRK B`
Amount = Annotated[float, msgspec.Meta(gt=0, le=1e15)]  # in the account's base currency
Count = Annotated[int, msgspec.Meta(gt=0, le=1_000_000)]

# Disconnecting is felt by every client of the session, so it takes more than the right to trade.
NEEDED: dict[Effect, Scope] = {
    Effect.READ: "read",
    Effect.OWN: "read",
    Effect.WRITE: "trade",
    Effect.SESSION: "admin",
    Effect.HALT: "read",
}
LIMITS = ("max_order_value", "max_position_value", "max_orders_per_minute", "max_orders_per_day")
MORE_RIGHTS = "Ask the operator for more rights."  # a new token has the rights of its client, no others


class Rights(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The rights of one client. Accounts, toolsets or symbols that name none mean all; no scope means no right.

    `symbols` are the underlyings' as TWS spells them. The limits have the names and units of the settings LIMIT_…, and
    only tighten the session's. A field that this release does not know makes the whole unreadable, since it may
    restrict.
    """

    scopes: frozenset[Scope] = frozenset()
    accounts: frozenset[Account] = frozenset()
    toolsets: frozenset[Word] = frozenset()
    symbols: frozenset[Symbol] = frozenset()
    max_order_value: Amount | None = None
    max_position_value: Amount | None = None
    max_orders_per_minute: Count | None = None
    max_orders_per_day: Count | None = None

    def missing_scope(self, effect: Effect) -> Scope | None:
        """Return the scope that a tool of this effect needs and these rights lack; None where they have it."""
        return None if NEEDED[effect] in self.scopes else NEEDED[effect]

    def has_toolset(self, declared: ToolSpec) -> bool:
        """Return whether the tool is in a toolset of the client's; what reduces risk or shows it always is."""
        return not self.toolsets or declared.relieves or declared.toolset in self.toolsets

    def has_operation(self, declared: ToolSpec) -> bool:
        """Return whether the worker carries the operation out for this client: a tool of a toolset of the client's asks
        it, or is it."""
        return self.has_toolset(declared) or not self.toolsets.isdisjoint(declared.serves)

    def may_use(self, declared: ToolSpec) -> bool:
        """Return whether the client may call the tool at all."""
        return self.missing_scope(declared.effect) is None and self.has_toolset(declared)

    @property
    def is_restricted(self) -> bool:
        """Return whether there is more to hold to than scopes."""
        return self != Rights(self.scopes)

    def has_account(self, account: str) -> bool:
        return not self.accounts or account in self.accounts

    def told(self) -> str:
        """Return the rights in one line, for operators."""
        sets = (("accounts", self.accounts), ("symbols", self.symbols), ("toolsets", self.toolsets))
        parts = [", ".join(_in_order(self.scopes)) or "nothing"]
        parts += [f"{name} {', '.join(sorted(named))}" for name, named in sets if named]
        limits = ((name, getattr(self, name)) for name in LIMITS)
        return "; ".join(parts + [f"{name} {limit:g}" for name, limit in limits if limit is not None])


EVERYTHING = Rights(scopes=frozenset({"read", "trade", "admin"}))  # of a session where no clients are configured


def _in_order(scopes: Iterable[str]) -> list[str]:
    return sorted(scopes, key=("read", "trade", "admin").index)


def scope_error(declared: ToolSpec, scope: Scope, holder: str) -> ToolError:
    """Return the error of a call that needs a scope which its client, or its token, lacks."""
    text = f'{declared.tool_name} needs the "{scope}" scope, and {holder} does not have it. {MORE_RIGHTS}'
    return ToolError("forbidden", text, scope=scope)


def toolset_error(declared: ToolSpec, holder: str) -> ToolError:
    """Return the error of a call of a toolset which its client, or its token, lacks."""
    text = f"{declared.tool_name} is in the toolset {declared.toolset}, which {holder} does not have. {MORE_RIGHTS}"
    return ToolError("forbidden", text, toolset=declared.toolset)
