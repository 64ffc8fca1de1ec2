"""compose.yaml publishes on this machine alone."""

from typing import Any

import yaml

from tests.architecture.source import ROOT


def composed() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))[
        "services"
    ]
    return services


def test_compose_publishes_on_loopback_alone() -> None:
    services = composed()
    published = {(name, port) for name, service in services.items() for port in service.get("ports", [])}

    assert published
    assert {each for each in published if not each[1].startswith("127.0.0.1:")} == set()


def test_a_front_that_says_it_is_on_loopback_is_published_there() -> None:
    services = composed()

    saying = {name for name, service in services.items() if "FRONT_PUBLISHED_ON" in service.get("environment", {})}

    assert saying == {"front"}
    assert services["front"]["profiles"] == ["sim"]
    assert all(port.startswith("127.0.0.1:") for port in services["front"]["ports"])
