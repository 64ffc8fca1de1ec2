"""The front's settings: environment variables, or files of the same names under /run/secrets."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from bridge.bus.identity.oidc_settings import OidcEnvironment
from bridge.bus.keys import session_name
from bridge.bus.transport.address import USUAL, password_from_file, redis_address
from bridge.metrics.settings import MetricsSettings
from bridge.settings import comma_list, is_loopback, optional_url

SECRETS = Path("/run/secrets")  # where Docker and Kubernetes put secret files


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(comma_list)]


class FrontSettings(MetricsSettings, OidcEnvironment):
    """REDIS_URL, IBKR_SESSION, LOG_LEVEL, LOG_FORMAT, PUBLIC_URL, CONSOLE_URL, and the FRONT_…, OIDC_… and METRICS_…
    variables.

    With PUBLIC_URL clients sign in by OAuth at CONSOLE_URL, beside those of FRONT_TOKENS_FILE.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    redis_url: Annotated[str, AfterValidator(redis_address)] = USUAL
    redis_password_file: Path | None = None  # holds the password of the user in redis_url
    ibkr_session: Annotated[str, AfterValidator(session_name)] = "paper"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)] = "info"
    log_format: Annotated[Literal["json", "console"], BeforeValidator(str.lower)] = "json"
    front_host: str = "127.0.0.1"
    front_port: Annotated[int, Field(ge=0, le=65535)] = 8000
    front_tokens_file: Path | None = None
    front_published_on: Literal["loopback", ""] = ""
    front_allowed_hosts: Names = ()
    front_allowed_origins: Names = ()
    public_url: Annotated[str | None, AfterValidator(optional_url)] = None  # where clients reach this front
    console_url: Annotated[str | None, AfterValidator(optional_url)] = None  # their authorization server
    front_toolsets: Names = ()  # none named: the default ones
    front_calls_per_s: Annotated[float, Field(ge=0)] = 0  # of one client; 0: as many as the front can answer
    front_burst: Annotated[int, Field(gt=0)] = 100
    front_calls_at_once: Annotated[int, Field(gt=0)] = 64  # of one caller, running streams included
    front_drain_s: Annotated[float, Field(ge=0)] = 5  # what calls get to end on SIGTERM; keep the stop grace above it

    _has_its_password = model_validator(mode="before")(password_from_file)

    @model_validator(mode="after")
    def _keeps_the_door_shut(self) -> Self:
        _require_a_place_to_sign_in(self)
        if not self.asks_for_tokens and not is_loopback(self.front_host) and self.front_published_on != "loopback":
            raise ValueError(
                f"FRONT_HOST={self.front_host} lets any machine trade through this front without a token: set "
                "FRONT_TOKENS_FILE or PUBLIC_URL, or FRONT_HOST=127.0.0.1, or, only where a container's port is "
                "published on 127.0.0.1 alone, FRONT_PUBLISHED_ON=loopback"
            )
        elsewhere = [each for each in self.front_allowed_hosts if not is_loopback(_without_port(each))]
        if elsewhere and not self.asks_for_tokens and self.front_published_on != "loopback":
            raise ValueError(
                f"FRONT_ALLOWED_HOSTS={','.join(elsewhere)} is for a front that others reach, by a proxy or a tunnel, "
                "and without a token anybody there could trade: set FRONT_TOKENS_FILE, or leave FRONT_ALLOWED_HOSTS out"
            )
        return self

    @property
    def asks_for_tokens(self) -> bool:
        """Return whether a request needs a token: a static one, or one by OAuth."""
        return self.front_tokens_file is not None or self.public_url is not None

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host names that are answered beside loopback."""
        return self.front_allowed_hosts + ((urlsplit(self.public_url).netloc,) if self.public_url else ())


def _require_a_place_to_sign_in(settings: FrontSettings) -> None:
    """Raise ValueError where clients are to sign in, and there is no safe place for it."""
    if settings.oidc_issuer and not settings.public_url:
        raise ValueError("OIDC_ISSUER needs PUBLIC_URL, by which clients find the provider")
    if settings.oidc_issuer and settings.oidc_clients == "listed" and settings.front_tokens_file is None:
        raise ValueError(
            "OIDC_CLIENTS=listed lets in the subjects of FRONT_TOKENS_FILE alone: set it, or OIDC_CLIENTS=any for each "
            "subject, with the scopes of its token"
        )
    if settings.public_url and not (settings.console_url or settings.oidc_issuer):
        raise ValueError(
            "PUBLIC_URL lets clients sign in by OAuth: set CONSOLE_URL to the console's address, where they do it, or "
            "OIDC_ISSUER to that of an OpenID Connect provider"
        )


def _without_port(host: str) -> str:
    """The name or address of `name`, `name:8000`, `name:*`, `[::1]:8000` or `::1`."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


def load_settings() -> FrontSettings:
    """Settings from the environment, then from secret files; raises pydantic's ValidationError."""
    return FrontSettings(_secrets_dir=SECRETS if SECRETS.is_dir() else None)
