"""The worker's own check of a provider's tokens: what is good is known by its proof, and what is wrong says so."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.identity.clients import proof_of
from bridge.bus.identity.oidc import OidcSettings
from ib_worker.oidc.provider_keys import ProviderKeys
from ib_worker.oidc.provider_tokens import ProviderTokens, TokenRefused, require_valid
from tests.stacks.oidc import AUDIENCE, KEYS, PREFIX, STRANGERS, Provider, provider, token_of

ISSUER = "https://issuer.example"
SETTINGS = OidcSettings(ISSUER, AUDIENCE, PREFIX, "RS256")
NOW = 1_750_000_000.0
AGAIN_S = 30.0
GOOD: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "anna", "exp": NOW + 60}


def by_file(path: Path, *kids: str) -> ProviderTokens:
    """A check by a file of these keys."""
    made = Provider(ISSUER, list(kids))
    path.write_text(json.dumps(made.documents()["/keys"]))
    return ProviderTokens(SETTINGS, ProviderKeys(ISSUER, path, AGAIN_S))


async def refused(tokens: ProviderTokens, token: str, proof: str = "") -> str:
    with pytest.raises(TokenRefused) as why:
        await tokens.verified(token, proof or proof_of(token))
    assert str(why.value)
    return why.value.reason


def with_header(**header: Any) -> str:
    """A good token's claims and signature under another header."""
    _, claims, signature = token_of(ISSUER).split(".")
    return ".".join([base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("="), claims, signature])


async def test_a_good_token_is_known_by_its_proof_and_no_other_is(tmp_path: Path) -> None:
    tokens = by_file(tmp_path / "keys.json", "one", "two")
    good, other = token_of(ISSUER), token_of(ISSUER, KEYS["two"], "two", scope="ibkr:read ibkr:trade")
    verified = await tokens.verified(good, proof_of(good))

    assert tokens.known(proof_of(good)) == verified
    assert (verified.subject, verified.program, set(verified.scopes)) == ("anna", "claude", {"read"})
    assert (await tokens.verified(other, proof_of(other))).scopes == {"read", "trade"}
    assert await refused(tokens, good, proof_of(other)) == "another_token"
    assert await refused(tokens, token_of(ISSUER, STRANGERS)) == "signature"
    assert await refused(tokens, token_of(ISSUER, KEYS["two"], "one")) == "signature"
    assert await refused(tokens, token_of(ISSUER, kid="unknown")) == "signature"
    assert await refused(tokens, with_header(alg="none")) == "signature"
    assert await refused(tokens, with_header(alg="HS256", kid="one")) == "signature"
    assert await refused(tokens, with_header(alg="RS256", kid="one", crit=["exp"])) == "unreadable"
    assert await refused(tokens, "[[[[.e30.AAAA") == "unreadable"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "https://other.example"}, "issuer"),
        ({"aud": "other"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": [AUDIENCE.upper()]}, "audience"),
        ({"exp": NOW}, "expired"),
        ({"exp": None}, "expired"),
        ({"exp": True}, "expired"),
        ({"exp": float("inf")}, "expired"),
        ({"nbf": NOW + 300}, "not_yet"),
        ({"sub": ""}, "subject"),
        ({"sub": 7}, "subject"),
    ],
)
def test_a_token_for_elsewhere_or_another_time_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(TokenRefused) as why:
        require_valid(GOOD | change, SETTINGS, NOW)

    assert why.value.reason == reason
    assert require_valid(GOOD | {"aud": ["x", AUDIENCE], "nbf": NOW + 5}, SETTINGS, NOW) == NOW + 60


async def test_an_expired_token_is_forgotten_and_refused(tmp_path: Path) -> None:
    tokens = by_file(tmp_path / "keys.json", "one")
    short = token_of(ISSUER, exp=time.time() + 1)
    await tokens.verified(short, proof_of(short))
    expired = tokens._known[proof_of(short)]
    tokens._known[proof_of(short)] = type(expired)(expired.claims, time.time())

    assert tokens.known(proof_of(short)) is None
    assert await refused(tokens, token_of(ISSUER, exp=int(time.time()) - 1)) == "expired"


async def test_a_new_key_is_read_and_tokens_of_a_withdrawn_one_end() -> None:
    with provider() as made:
        settings = OidcSettings(made.issuer, AUDIENCE, PREFIX, "RS256")
        tokens = ProviderTokens(settings, ProviderKeys(made.issuer, None, again_s=0))
        old = made.token("one")
        await tokens.verified(old, proof_of(old))
        made.kids = ["two"]
        new = made.token("two")
        await tokens.verified(new, proof_of(new))

        assert tokens.known(proof_of(old)) is None
        assert await refused(tokens, old) == "signature"
        assert tokens.known(proof_of(new)) is not None


async def test_without_keys_the_error_says_what_to_do(tmp_path: Path) -> None:
    tokens = ProviderTokens(SETTINGS, ProviderKeys(ISSUER, tmp_path / "none.json", AGAIN_S))

    assert await refused(tokens, token_of(ISSUER)) == "provider_unreachable"
