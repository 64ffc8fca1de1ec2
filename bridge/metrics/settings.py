"""The settings of metrics and traces, which front, worker and console share."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bridge.settings import is_loopback

SHORTEST_TOKEN = 16  # characters


def _unless_empty(written: object) -> object:
    """Return None for an empty variable, by which compose switches the port off."""
    return None if written == "" else written


Port = Annotated[int, Field(ge=0, le=65535)]


class MetricsSettings(BaseSettings):
    """METRICS_PORT, METRICS_HOST, METRICS_TOKEN, METRICS_NETWORK and OTEL_EXPORTER_OTLP_ENDPOINT. Without METRICS_PORT
    nothing is served, and without the endpoint nothing is traced.

    METRICS_NETWORK=internal says that only Prometheus reaches the port, as on a container's internal network.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    metrics_port: Annotated[Port | None, BeforeValidator(_unless_empty)] = None
    metrics_host: str = "127.0.0.1"
    metrics_token: Annotated[SecretStr | None, BeforeValidator(_unless_empty)] = None  # Prometheus' bearer token
    metrics_network: Literal["internal", ""] = ""
    otel_exporter_otlp_endpoint: Annotated[str | None, BeforeValidator(_unless_empty)] = None

    @model_validator(mode="after")
    def _shows_figures_to_nobody_else(self) -> Self:
        if self.metrics_port is None:
            return self
        if self.metrics_token is not None and len(self.metrics_token.get_secret_value()) < SHORTEST_TOKEN:
            raise ValueError(f"METRICS_TOKEN: at least {SHORTEST_TOKEN} characters. openssl rand -hex 32 makes one")
        if self.metrics_token is None and self.metrics_network != "internal" and not is_loopback(self.metrics_host):
            raise ValueError(
                f"METRICS_HOST={self.metrics_host} shows this service's figures to other machines: set METRICS_TOKEN, "
                "or METRICS_HOST=127.0.0.1, or, only where Prometheus alone reaches the port, METRICS_NETWORK=internal"
            )
        return self
