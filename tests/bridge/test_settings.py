"""Settings from the environment: comma lists, and faults that show no value."""

import pytest
from pydantic import BaseModel, SecretStr, ValidationError, field_validator

from bridge.settings import comma_list, setting_faults


class Shape(BaseModel):
    webhook: SecretStr = SecretStr("")
    ports: tuple[int, ...] = ()

    @field_validator("webhook")
    @classmethod
    def _is_https(cls, written: SecretStr) -> SecretStr:
        if not written.get_secret_value().startswith("https://"):
            raise ValueError("an address that begins with https:// is expected")
        return written


@pytest.mark.parametrize(
    ("written", "parts"), [("a, b,,c ", ("a", "b", "c")), ("", ()), (("a", "b"), ("a", "b")), (None, None)]
)
def test_a_comma_list_has_its_parts_without_blanks(written: object, parts: object) -> None:
    assert comma_list(written) == parts


def test_a_fault_names_its_variable_and_never_the_value() -> None:
    with pytest.raises(ValidationError) as raised:
        Shape.model_validate({"webhook": "topsecret", "ports": ["none"]})

    webhook, ports = setting_faults(raised.value)
    assert webhook == "WEBHOOK: an address that begins with https:// is expected"
    assert ports.startswith("PORTS: ")
    assert "topsecret" not in webhook
