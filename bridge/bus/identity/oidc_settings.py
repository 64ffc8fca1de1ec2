"""The settings of an OpenID Connect provider, which front and worker share: each verifies the tokens by itself."""

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bridge.bus.identity.oidc import OidcSettings
from bridge.settings import is_loopback

Algorithm = Literal["RS256", "PS256", "ES256", "Ed25519"]
Subjects = Literal["listed", "any"]


class OidcEnvironment(BaseSettings):
    """OIDC_ISSUER, OIDC_AUDIENCE, OIDC_SCOPE_PREFIX, OIDC_ALGORITHM and OIDC_CLIENTS. Without OIDC_ISSUER no token of a
    provider is accepted."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    oidc_issuer: str = ""  # as it writes itself in its metadata and tokens
    oidc_audience: str = ""
    oidc_scope_prefix: str = ""
    oidc_algorithm: Annotated[Algorithm, BeforeValidator(lambda written: written or "RS256")] = "RS256"
    # listed: subjects of the clients' file alone. any: each subject, with the scopes of its token.
    oidc_clients: Annotated[Subjects, BeforeValidator(lambda written: written or "listed")] = "listed"

    @model_validator(mode="after")
    def _trusts_the_providers_own_keys_alone(self) -> Self:
        issuer = urlsplit(self.oidc_issuer)
        if self.oidc_issuer and not self.oidc_audience:
            raise ValueError(
                "OIDC_ISSUER needs OIDC_AUDIENCE: else the provider's tokens for others would be good here"
            )
        if self.oidc_issuer and issuer.scheme != "https" and not is_loopback(issuer.hostname or ""):
            raise ValueError("OIDC_ISSUER is an https address: its keys over plain http can be changed on their way")
        return self

    @property
    def oidc(self) -> OidcSettings | None:
        """Return the provider; None without one."""
        if not self.oidc_issuer:
            return None
        listed = self.oidc_clients == "listed"
        return OidcSettings(self.oidc_issuer, self.oidc_audience, self.oidc_scope_prefix, self.oidc_algorithm, listed)


def jwks_uri_of(told: Any, issuer: str) -> str:
    """Return where the provider's keys are. Raises ValueError for another issuer's metadata, or keys over http."""
    known = told if isinstance(told, dict) else {}
    place = str(known.get("jwks_uri", ""))
    parts = urlsplit(place)
    if known.get("issuer") != issuer:
        raise ValueError(f"its metadata are of the issuer {known.get('issuer')!r}: write OIDC_ISSUER like that")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError(f"its keys are at {place!r}: only https, or http on this machine")
    return place
