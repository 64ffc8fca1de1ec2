"""The names of the resource that tokens are for."""

import pytest

from bridge.bus.oauth.resource import is_resource, resource_of

FRONT = "https://ibkr.example.org"


def test_the_resource_is_the_endpoint() -> None:
    assert resource_of(FRONT) == "https://ibkr.example.org/api/v1"


@pytest.mark.parametrize("path", ["", "/", "/api/v1", "/api/v1/", "/mcp", "/api/v1/mcp"])
def test_each_path_of_the_endpoint_means_it(path: str) -> None:
    assert is_resource(FRONT, FRONT + path)


@pytest.mark.parametrize(
    "asked", ["", "https://ibkr.example.org.evil.example", "http://ibkr.example.org/api/v1", f"{FRONT}/other"]
)
def test_nothing_else_does(asked: str) -> None:
    assert not is_resource(FRONT, asked)
