"""The settings of a provider, and where its keys are: nowhere that another could change them on their way."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.bus.identity.oidc_settings import OidcEnvironment, jwks_uri_of

ISSUER = "https://issuer.example"


def test_empty_variables_mean_the_usual_and_no_issuer_means_no_provider() -> None:
    made = OidcEnvironment(oidc_issuer=ISSUER, oidc_audience="a", oidc_algorithm="", oidc_clients="").oidc

    assert OidcEnvironment().oidc is None
    assert made is not None
    assert (made.algorithm, made.listed) == ("RS256", True)
    with pytest.raises(ValidationError, match="OIDC_AUDIENCE"):
        OidcEnvironment(oidc_issuer=ISSUER)
    with pytest.raises(ValidationError, match="https"):
        OidcEnvironment(oidc_issuer="http://issuer.example", oidc_audience="a")


@pytest.mark.parametrize(
    "told",
    [
        {},
        [],
        {"issuer": "https://other.example", "jwks_uri": "https://issuer.example/keys"},
        {"issuer": "https://issuer.example", "jwks_uri": "http://issuer.example/keys"},
        {"issuer": "https://issuer.example"},
    ],
)
def test_metadata_of_another_issuer_or_keys_over_plain_http_are_refused(told: Any) -> None:
    with pytest.raises(ValueError, match="its "):
        jwks_uri_of(told, "https://issuer.example")
