"""Numbers of securities by their form and check digit."""

import pytest

from bridge.text.security_ids import security_id_type


@pytest.mark.parametrize("number", ["US0378331005", "DE0007164600", "us0378331005", " GB00BH4HKS39 ", "US91282CHT18"])
def test_an_isin_is_known_by_its_check_digit(number: str) -> None:
    assert security_id_type(number) == "ISIN"


@pytest.mark.parametrize("number", ["037833100", "91282CHT1", "459200KA8", "037833dn7"])
def test_a_cusip_is_known_by_its_check_digit(number: str) -> None:
    assert security_id_type(number) == "CUSIP"


@pytest.mark.parametrize("number", ["US0378331006", "US037833100", "037833101", "03783310", "AAPL", "", "APPLE COMP"])
def test_a_mistyped_number_is_none(number: str) -> None:
    assert security_id_type(number) is None
