"""A gateway's address as people write it, and as messages show it."""

import pytest

from ib_worker.tws.endpoint import Endpoint, endpoints


@pytest.mark.parametrize("written", ["gw", "gw:", ":1", "gw:0", "gw:65536", "gw:x", "g w:1", "::1:4001", "tcp://gw:1"])
def test_an_address_that_is_none_is_refused_and_quoted(written: str) -> None:
    with pytest.raises(ValueError, match=r"host:port is expected, such as 127\.0\.0\.1:7496, not") as refused:
        endpoints(written)

    assert str(refused.value).endswith(repr(written))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("gw:1", [("gw", 1)]),
        ("gw:65535", [("gw", 65535)]),
        (" 127.0.0.1:7496 ,, gw:4004,", [("127.0.0.1", 7496), ("gw", 4004)]),
        ("[::1]:4001", [("::1", 4001)]),
        ("", []),
    ],
)
def test_a_comma_list_names_each_address(written: str, meant: list[tuple[str, int]]) -> None:
    assert endpoints(written) == tuple(meant)


def test_one_faulty_address_refuses_the_whole_list() -> None:
    with pytest.raises(ValueError, match="not 'gw'"):
        endpoints("127.0.0.1:7496,gw")


def test_addresses_that_are_no_text_are_left_to_the_settings() -> None:
    given = (Endpoint("gw", 4004),)

    assert endpoints(given) is given


def test_an_address_is_shown_as_host_and_port() -> None:
    assert str(Endpoint("gw", 4004)) == "gw:4004"
