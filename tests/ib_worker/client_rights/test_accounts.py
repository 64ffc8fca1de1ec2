"""A call means the account that it names, or all that its client has a right to."""

import pytest

from bridge.bus.identity.clients import Client
from bridge.bus.identity.rights import EVERYTHING, Rights
from bridge.tool import ToolError
from ib_worker.client_rights.accounts import AccountSet, own_accounts, require_own_account
from ib_worker.client_rights.current import acting_as

OF_ONE = Client("claude", Rights(accounts=frozenset({"DU1"})))


def test_a_set_has_the_named_account_or_all_of_the_rights() -> None:
    told = ("DU1", "DU2", None)

    assert [each in AccountSet(None, EVERYTHING) for each in told] == [True, True, False]
    assert [each in AccountSet("DU2", EVERYTHING) for each in told] == [False, True, False]
    assert [each in AccountSet(None, OF_ONE.rights) for each in told] == [True, False, False]
    assert [each in AccountSet("DU2", OF_ONE.rights) for each in told] == [False, False, False]
    assert AccountSet(None, OF_ONE.rights).is_filtered
    assert not AccountSet("DU1", OF_ONE.rights).is_filtered
    assert not AccountSet(None, EVERYTHING).is_filtered


def test_another_account_is_refused_without_its_name() -> None:
    with acting_as(OF_ONE):
        assert own_accounts(["DU2", "DU1"]) == ["DU1"]
        require_own_account("DU1")
        for each in ("DU2", "", None):
            with pytest.raises(ToolError) as refused:
                require_own_account(each)
            assert refused.value.code == "forbidden"
            assert "DU2" not in str(refused.value)
    require_own_account("DU2")
