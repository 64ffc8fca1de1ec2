"""The accounts that a call means: the one that it names, or all that its client has a right to."""

from collections.abc import Collection
from dataclasses import dataclass

from bridge.bus.identity.rights import Rights
from bridge.tool import ToolError
from ib_worker.client_rights.current import current_rights


@dataclass(frozen=True)
class AccountSet:
    """The accounts of an answer; `each.account in accounts` filters its rows. `named`: the one that the call names."""

    named: str | None
    rights: Rights

    def __contains__(self, account: object) -> bool:
        return isinstance(account, str) and self.named in (None, account) and self.rights.has_account(account)

    @property
    def is_filtered(self) -> bool:
        """Return whether the client's rights leave out accounts of an answer that would have all."""
        return self.named is None and bool(self.rights.accounts)


def own_accounts(accounts: Collection[str]) -> list[str]:
    """Return those accounts that the client of this call has a right to."""
    rights = current_rights()
    return [each for each in accounts if rights.has_account(each)]


def require_own_account(account: str | None) -> None:
    """Raise ToolError forbidden for an account that the client of this call has no right to."""
    rights = current_rights()
    if rights.accounts and not rights.has_account(account or ""):
        raise ToolError(
            "forbidden",
            f"Your token has no right to this account. It has a right to {', '.join(sorted(rights.accounts))}. The "
            "operator can change that.",
            accounts=sorted(rights.accounts),
        )
