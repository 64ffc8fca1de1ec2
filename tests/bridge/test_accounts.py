"""What an account's number says of it."""

import pytest

from bridge.accounts import is_paper


@pytest.mark.parametrize(
    ("account", "paper"),
    [
        ("DU1234567", True),
        ("DF1234567", True),
        ("DI1234567", True),
        ("U1234567", False),
        ("F1234567", False),
        ("", False),
    ],
)
def test_a_paper_account_begins_with_a_d(account: str, paper: bool) -> None:
    assert is_paper(account) is paper
