"""Each algorithm of the settings, by the library."""

from typing import Any

import pytest
from joserfc import jwk, jwt

from ib_worker.oidc.signatures import signed_claims
from tests.stacks.oidc import KEYS

GOOD: dict[str, Any] = {"iss": "https://issuer.example", "sub": "anna"}


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("PS256", KEYS["one"]),
        ("ES256", jwk.ECKey.generate_key("P-256")),
        ("Ed25519", jwk.OKPKey.generate_key("Ed25519")),
    ],
)
def test_each_algorithm_of_the_settings_verifies_its_own_signatures_alone(algorithm: str, key: jwk.Key) -> None:
    token = jwt.encode({"alg": algorithm}, GOOD, key, algorithms=[algorithm])
    published = [key.as_dict(private=False)]

    assert signed_claims(token, published, algorithm) == GOOD
    assert signed_claims(token[:-8] + "AAAAAAAA", published, algorithm) is None
    assert signed_claims(token, published, "RS256") is None
    assert signed_claims(token, [published[0] | {"use": "enc"}], algorithm) is None
