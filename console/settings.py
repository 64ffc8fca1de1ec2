"""The console's settings: environment variables, or files of the same names under /run/secrets."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from bridge.bus.keys import session_name
from bridge.bus.transport.address import USUAL, password_from_file, redis_address
from bridge.metrics.settings import MetricsSettings
from bridge.settings import is_loopback, optional_url, public_url

SECRETS = Path("/run/secrets")  # where Docker and Kubernetes put secret files


def _proxies(written: str) -> str:
    """Return the addresses. Raises ValueError for `*`: everybody could then write another address each time."""
    if "*" in written:
        raise ValueError("name the proxy's address: with * everybody who guesses passphrases is somebody new each time")
    return written


class ConsoleSettings(MetricsSettings):
    """REDIS_URL, IBKR_SESSION, LOG_LEVEL, and the CONSOLE_… and METRICS_… variables.

    CONSOLE_URL is where browsers reach the console; its host is the only one that is answered. PUBLIC_URL is where MCP
    clients reach the front: with it the console is their authorization server. FORWARDED_ALLOW_IPS has the proxies
    whose X-Forwarded-For tells a browser's address; without it the address is the connection's.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    redis_url: Annotated[str, AfterValidator(redis_address)] = USUAL
    redis_password_file: Path | None = None  # holds the password of the user in redis_url
    ibkr_session: Annotated[str, AfterValidator(session_name)] = "paper"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)] = "info"
    console_host: str = "127.0.0.1"
    console_port: Annotated[int, Field(ge=0, le=65535)] = 8010
    console_url: Annotated[str, AfterValidator(public_url)] | None = None
    public_url: Annotated[str | None, AfterValidator(optional_url)] = None
    console_fd: Annotated[int, Field(ge=3)] | None = None  # a socket that listens already, which this process inherits
    console_sign_in_h: Annotated[float, Field(gt=0, le=24 * 7)] = 12  # hours that a sign-in lasts
    console_client_documents: bool = False  # OAuth clients may describe themselves at an https URL, which is read
    forwarded_allow_ips: Annotated[str, AfterValidator(_proxies)] = ""

    _has_its_password = model_validator(mode="before")(password_from_file)

    @model_validator(mode="after")
    def _is_reached_by_a_known_name(self) -> Self:
        if self.console_url is None and not is_loopback(self.console_host):
            raise ValueError(
                f"CONSOLE_HOST={self.console_host} is reached from other machines: set CONSOLE_URL to the https "
                "address of the proxy before it, or CONSOLE_HOST=127.0.0.1"
            )
        return self

    @property
    def url(self) -> str:
        """The address at which browsers reach the console."""
        host = f"[{self.console_host}]" if ":" in self.console_host else self.console_host
        return self.console_url or f"http://{host}:{self.console_port}"


def load_settings() -> ConsoleSettings:
    """Settings from the environment, then from secret files; raises pydantic's ValidationError."""
    return ConsoleSettings(_secrets_dir=SECRETS if SECRETS.is_dir() else None)
