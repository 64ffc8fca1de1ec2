"""The kind of an account, by its number."""


def is_paper(account: str) -> bool:
    """Return whether the number is a paper trading account's: those begin with D, as DU1234567 or DF1234567."""
    return account.startswith("D")
