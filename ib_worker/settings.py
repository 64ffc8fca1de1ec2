"""The worker's settings, from the environment."""

import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bridge.bus.identity.oidc_settings import OidcEnvironment
from bridge.bus.keys import session_name
from bridge.bus.transport.address import USUAL, password_from_file, redis_address
from bridge.metrics.settings import MetricsSettings
from bridge.settings import comma_list, optional_url
from bridge.tools.types import MarketDataType
from ib_worker.pushes.target import WEBHOOK, AlertTarget, PushGroup, read_targets
from ib_worker.risk.circuit_breakers import CircuitBreakerSettings
from ib_worker.risk.limit_settings import Limits
from ib_worker.risk.trading_mode import Mode
from ib_worker.tws.endpoint import Endpoint, endpoints

SHORTEST_SECRET = 16  # characters
GROUPS = frozenset({"limits", "breakers"})  # of settings, which each have their variable


def _web_address(written: SecretStr | None) -> SecretStr | None:
    if written is None or not written.get_secret_value().strip():
        return None
    if not written.get_secret_value().startswith(("https://", "http://")):
        raise ValueError("an address that begins with https:// or http:// is expected")
    return written


def _unless_empty(written: object) -> object:
    return written or None


def _client_id(number: int) -> int:
    """TWS binds orders that are entered by hand to client 0, under ids that change with each connection, and takes a
    change of an id that it does not know for a new order (TWS API, "Open orders": reqAutoOpenOrders)."""
    if number == 0:
        raise ValueError(
            "0 is not allowed. TWS binds orders that are entered by hand to client 0, under ids that change at each "
            "connection: a change or a cancel could then hit another order, or place one. Set a number from 1 to "
            "2147483647 that no other program uses; the default is 1"
        )
    return number


class _OwnVariables(EnvSettingsSource):
    """The environment, in which a variable LIMITS or BREAKERS would otherwise set all of them at once, over LIMIT_… and
    TRIP_…."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return (None, field_name, False) if field_name in GROUPS else super().get_field_value(field, field_name)


class WorkerSettings(MetricsSettings, OidcEnvironment):
    """Each field is an environment variable of its name in capitals, except `limits` and `breakers`, which read their
    own."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    redis_url: Annotated[str, AfterValidator(redis_address)] = USUAL
    redis_password_file: Path | None = None  # holds the password of the user in redis_url
    ibkr_session: Annotated[str, AfterValidator(session_name)] = "paper"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)] = "info"
    log_format: Annotated[Literal["json", "console"], BeforeValidator(str.lower)] = "json"
    gateway_host: str = "127.0.0.1"
    gateway_port: Annotated[int, Field(ge=1, le=65535)] = 4002
    gateway_client_id: Annotated[int, Field(ge=0, le=2**31 - 1), AfterValidator(_client_id)] = 1
    gateway_phase_file: Path | None = None  # what the login guard beside the gateway writes
    gateway_allowed: Annotated[tuple[Endpoint, ...], NoDecode, BeforeValidator(endpoints)] = ()
    trading_mode: Mode = "paper"
    connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5
    market_data_type: MarketDataType = "delayed"  # TWS reads it as: live where the account has it, else delayed
    market_data_lines: Annotated[int, Field(ge=1, le=10_000)] = 100  # what the account may have; boosters add more
    gateway_messages_per_s: Annotated[int, Field(ge=10, le=100_000)] = 50  # TWS: half as many as there are lines
    alert_webhook: Annotated[SecretStr | None, AfterValidator(_web_address)] = None  # gets each alert as JSON
    alert_after_s: Annotated[float, Field(ge=0)] = 60  # a restart of the gateway takes less, the nightly one a bit more
    alert_every_s: Annotated[float, Field(gt=0)] = 900  # while it lasts
    # name=address: where alerts may be sent. Tools give the name alone.
    alert_targets: Annotated[tuple[AlertTarget, ...], NoDecode, BeforeValidator(read_targets)] = ()
    alert_events: Annotated[frozenset[PushGroup], NoDecode, BeforeValidator(comma_list)] = frozenset()  # to each target
    alert_secret: SecretStr | None = None  # signs webhooks
    console_url: Annotated[str | None, AfterValidator(optional_url)] = None  # pushes of approvals link to it
    beat_file: Path = Path(tempfile.gettempdir()) / "ibkr-worker.beat"
    leader_file: Path | None = None  # one for a session's workers on a machine: who follows a dead one need not wait
    redis_durability: Literal["checked", "assumed"] = "checked"  # assumed: somebody else cares that Redis keeps all
    watermark_file: Path | None = None  # what Redis must know, for the leader after this one: on a volume that lasts
    clients_file: Path | None = None  # the fronts' FRONT_TOKENS_FILE: then each request needs a proof
    oidc_jwks_file: Annotated[Path | None, BeforeValidator(_unless_empty)] = (
        None  # the provider's keys, without a way out
    )
    history_folder: Path | None = None  # the archive of the account's past: on a volume that lasts

    live_accounts: Annotated[frozenset[str], NoDecode, BeforeValidator(comma_list)] = frozenset()
    live_approval: Literal["client", "operator"] = "client"  # client: by a form in the MCP client too, not only the CLI
    limits: Limits = Field(default_factory=Limits)  # from LIMIT_…
    breakers: CircuitBreakerSettings = Field(default_factory=CircuitBreakerSettings)  # from TRIP_…

    _has_its_password = model_validator(mode="before")(password_from_file)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _OwnVariables(settings_cls)

    @model_validator(mode="after")
    def _live_is_meant(self) -> Self:
        """Live takes three deliberate steps: the mode, the accounts by name, and every limit set or waived by name."""
        if self.trading_mode != "live":
            return self
        if not self.live_accounts:
            raise ValueError("LIVE_ACCOUNTS: TRADING_MODE=live needs the accounts that may trade, by their exact names")
        if unset := self.limits.unset():
            raise ValueError(f"TRADING_MODE=live needs each limit set, or waived with off: {', '.join(unset)}")
        return self

    @model_validator(mode="after")
    def _knows_the_providers_subjects(self) -> Self:
        if self.oidc_issuer and self.oidc_clients == "listed" and self.clients_file is None:
            raise ValueError(
                "OIDC_CLIENTS=listed lets in the subjects of CLIENTS_FILE alone: set it, or OIDC_CLIENTS=any for each "
                "subject, with the scopes of its token"
            )
        return self

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> Self:
        webhooks = [each.name for each in self.alert_targets if each.scheme in WEBHOOK]
        if webhooks and (self.alert_secret is None or len(self.alert_secret.get_secret_value()) < SHORTEST_SECRET):
            raise ValueError(
                f"ALERT_SECRET: the webhook {webhooks[0]} of ALERT_TARGETS needs a secret that signs its messages, of "
                f"{SHORTEST_SECRET} characters or more. openssl rand -hex 32 makes one"
            )
        if self.alert_events and not self.alert_targets:
            raise ValueError("ALERT_EVENTS: no target is set that could get them. Set ALERT_TARGETS, or leave it out")
        return self

    @property
    def effective_limits(self) -> Limits:
        """The limits in force: in paper trading, what is not set has a default."""
        return self.limits if self.trading_mode == "live" else self.limits.or_paper_defaults()

    @property
    def gateway(self) -> Endpoint:
        return Endpoint(self.gateway_host, self.gateway_port)

    @property
    def allowed(self) -> tuple[Endpoint, ...]:
        """The gateways that a client may name: the configured one first."""
        return (self.gateway, *(each for each in self.gateway_allowed if each != self.gateway))
