"""An advisor's set-up over the wire: groups are told and replaced, and the rest is an account's own."""

from __future__ import annotations

from tests.stacks.ibgateway.direct_client import DirectClient

GROUPS = "<ListOfGroups><Group><name>Mine</name></Group></ListOfGroups>"


def test_groups_that_were_replaced_are_told_to_who_asks() -> None:
    client = DirectClient()

    (replaced,) = client.ask(19, 1, 1, GROUPS, 7)
    (told,) = client.ask(18, 1, 1)

    assert replaced[:2] == ["103", "7"]
    assert told == ["16", "1", "1", GROUPS]


def test_groups_that_are_none_are_refused_under_their_request() -> None:
    (refused,) = DirectClient().ask(19, 1, 1, "<Other/>", 7)

    assert refused[0:2] == ["4", "7"]


def test_one_account_is_its_own_family_and_has_no_soft_dollars() -> None:
    client = DirectClient()

    assert client.ask(80) == [["78", "1", "DU1234567", ""]]
    assert client.ask(79, 7) == [["77", "7", "0"]]
