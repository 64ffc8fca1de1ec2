"""What a person sets about the front is checked before a library quotes it."""

import argparse
import io

import pytest
from rich.console import Console

from cli.commands.tour import TourFailed, take_tour
from cli.front_access import front_address
from cli.terminal import Screen

pytestmark = pytest.mark.trial("E5")


@pytest.mark.parametrize(
    "written",
    [
        "http://user:S3CRET@127.0.0.1:9/api/v1",
        "http://user:S3#CRET@127.0.0.1:9/api/v1",
        "http://[::1/S3CRET",
        "http://127.0.0.1:S3CRET/api/v1",
        "http://127.0.0.1:9/api/v1?token=S3CRET",
        "S3CRET",
    ],
)
def test_an_address_that_is_none_or_has_a_secret_is_refused_without_a_word_of_it(written: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        front_address(written)

    assert "CRET" not in str(caught.value)


@pytest.mark.parametrize("written", ["http://127.0.0.1:8000/api/v1", "https://[::1]:8443/", "http://front"])
def test_a_fronts_address_is_taken_as_it_is(written: str) -> None:
    assert front_address(written) == written


@pytest.mark.parametrize("token", ["S3\nCRET", "S3\rCRET", "S3пCRET", "S3 CRET"])
async def test_a_tour_with_a_token_that_no_header_can_carry_does_not_show_it(token: str, unused_port: int) -> None:
    screen = Screen(Console(file=io.StringIO()))
    with pytest.raises(TourFailed) as caught:
        await take_tour(f"http://127.0.0.1:{unused_port}/api/v1", screen, token)

    assert "CRET" not in str(caught.value)
    assert "FRONT_TOKEN" in str(caught.value)
