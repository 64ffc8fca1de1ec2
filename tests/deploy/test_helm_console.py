"""The console in the chart: off by default, a way to Redis alone, and OAuth where clients' address is named."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from console.settings import ConsoleSettings
from mcp_front.settings import FrontSettings
from tests.deploy.chart import CHART, CONSOLE, OWN_SECRET, REAL, environment, find, helm, render
from tests.deploy.tools import needs

URLS = {"CONSOLE_URL": "https://console.example.com", "PUBLIC_URL": "https://ibkr.example.com"}

pytestmark = needs("helm")


def named(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def test_a_login_with_an_address_for_its_console_has_one_and_others_have_none() -> None:
    assert {named(each) for each in render(CONSOLE) if "console" in each["metadata"]["name"]} == {
        "Deployment rel-main-console",
        "Ingress rel-main-console",
        "NetworkPolicy rel-main-console",
        "Service rel-main-console",
        "Service rel-main-console-metrics",
    }
    assert not [named(each) for each in render(REAL) if "console" in each["metadata"]["name"]]


def test_the_console_has_its_own_user_of_redis_and_the_address_that_browsers_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = environment(render(CONSOLE), "Deployment", "rel-main-console")

    assert told["REDIS_URL"] == "redis://console@rel-redis:6379/0"
    assert told["IBKR_SESSION"] == "main"
    assert told["FORWARDED_ALLOW_IPS"] == "10.0.0.7"
    assert URLS.items() <= told.items()
    for name, value in told.items():
        if name != "REDIS_PASSWORD_FILE":
            monkeypatch.setenv(name, value)
    settings = ConsoleSettings()
    assert (settings.url, settings.console_host, settings.console_port) == (URLS["CONSOLE_URL"], "0.0.0.0", 8010)
    monkeypatch.delenv("CONSOLE_URL")
    with pytest.raises(ValidationError):
        ConsoleSettings()


def test_the_console_reaches_redis_alone_and_is_reached_by_whom_the_values_name() -> None:
    made = render(CONSOLE)
    policy = find(made, "NetworkPolicy", "rel-main-console")["spec"]
    redis = find(made, "NetworkPolicy", "rel-redis")["spec"]["ingress"][0]["from"]
    (rule,) = find(made, "Ingress", "rel-main-console")["spec"]["rules"]

    assert [each["ports"][0]["port"] for each in policy["egress"]] == [53, 6379]
    nginx = {"podSelector": {"matchLabels": {"app": "nginx"}}}
    assert policy["ingress"][0] == {"from": [nginx], "ports": [{"port": "http"}]}
    component = "app.kubernetes.io/component"
    assert "console" in {each["podSelector"]["matchLabels"][component] for each in redis}
    assert rule["host"] == "console.example.com"


def test_clients_sign_in_by_oauth_where_their_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = render(CONSOLE)
    front = environment(made, "Deployment", "rel-main-front")
    (rule,) = find(made, "Ingress", "rel-main-front")["spec"]["rules"]
    worker = environment(made, "StatefulSet", "rel-main-worker")

    assert URLS.items() <= front.items()
    assert "/.well-known/oauth-protected-resource" in [each["path"] for each in rule["http"]["paths"]]
    assert (worker["CONSOLE_URL"], worker.get("PUBLIC_URL")) == (URLS["CONSOLE_URL"], None)
    assert "PUBLIC_URL" not in environment(made, "Deployment", "rel-demo-front")
    for name in URLS:
        monkeypatch.setenv(name, front[name])
    assert "ibkr.example.com" in FrontSettings().hosts


def test_oauth_without_a_console_is_refused() -> None:
    login = {"name": "demo", "tokensSecret": "t", "simulator": True, "publicUrl": "https://ibkr.example.com"}
    said = helm("template", "rel", str(CHART), *OWN_SECRET, values={"logins": [login]})

    assert said.returncode != 0
    assert "publicUrl needs consoleUrl" in said.stderr


def test_a_console_on_loopback_is_for_a_forwarded_port_and_has_no_ingress() -> None:
    login = {**REAL["logins"][1], "consoleUrl": "http://127.0.0.1:8010"}
    made = render({"logins": [login], "ingress": {"enabled": True}})

    assert environment(made, "Deployment", "rel-main-console")["CONSOLE_URL"] == "http://127.0.0.1:8010"
    assert "Ingress rel-main-console" not in json.dumps([named(each) for each in made])
