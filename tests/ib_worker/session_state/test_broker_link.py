"""What the gateway's notices say of its link to IBKR and of its data farms."""

import pytest

from ib_worker.session_state.broker_link import BrokerLink, LinkEvent


@pytest.mark.parametrize(
    ("code", "news"),
    [
        (1100, LinkEvent.LINK_LOST), (2110, LinkEvent.LINK_LOST), (1101, LinkEvent.RESTORED_EMPTY),
        (1102, LinkEvent.RESTORED), (326, LinkEvent.ID_IN_USE), (2104, LinkEvent.NONE),
        (2103, LinkEvent.NONE), (10182, LinkEvent.NONE),
    ],
)  # fmt: skip
def test_a_notice_means_something_for_the_session(code: int, news: LinkEvent) -> None:
    assert BrokerLink().hear(code, "text") is news


def test_only_1100_and_2110_take_the_link_down() -> None:
    link = BrokerLink()

    for code in (2103, 2105, 2157, 10197):
        link.hear(code, "farm connection is broken:usfarm")

    assert link.down_by is None
    assert link.farms == {"usfarm": "broken"}


@pytest.mark.parametrize(("code", "blind"), [(2103, {"usfarm"}), (2105, set()), (2157, set())])
def test_only_a_broken_market_data_farm_makes_prices_old(code: int, blind: set[str]) -> None:
    link = BrokerLink()

    link.hear(code, "farm connection is broken:usfarm")
    link.hear(2119, "Market data farm is connecting:usfarm")
    assert link.without_quotes == blind

    link.hear(2104, "Market data farm connection is OK:usfarm")
    assert link.without_quotes == set()


def test_after_2110_a_farm_that_works_again_says_that_the_link_is_back() -> None:
    link = BrokerLink()
    link.hear(2110, "Connectivity between Trader Workstation and server is broken.")

    assert link.hear(2103, "broken:usfarm") is LinkEvent.NONE
    assert link.down_by == 2110
    assert link.hear(2104, "OK:usfarm") is LinkEvent.RESTORED
    assert link.down_by is None


def test_after_1100_a_farm_says_nothing_about_the_link() -> None:
    link = BrokerLink()
    link.hear(1100, "lost")

    assert link.hear(2104, "OK:usfarm") is LinkEvent.NONE
    assert link.down_by == 1100


def test_the_last_error_is_remembered() -> None:
    link = BrokerLink()

    link.hear(326, "Unable to connect as the client id is already in use.")

    assert link.refused == (326, "Unable to connect as the client id is already in use.")


def test_a_farm_that_breaks_and_works_again_counts_twice() -> None:
    link = BrokerLink()

    for code in (2106, 2107, 2106, 2105, 2105, 2106):
        link.hear(code, "HMDS data farm connection is such:ushmds")

    assert link.breaks == 2
