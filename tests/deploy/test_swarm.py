"""Swarm: what its files add up to."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.tools import find_swarm, needs_swarm

FOLDER = "deploy/swarm"
SETTINGS = {
    "FRONT_IMAGE": "front:1",
    "WORKER_IMAGE": "worker:1",
    "CONSOLE_IMAGE": "console:1",
    "SIMULATOR_IMAGE": "simulator:1",
    "DOMAIN": "ibkr.example.com",
    "ACME_EMAIL": "you@example.com",
    "TWS_USERID": "someone",
    "ALERT_WEBHOOK": "https://example.com/hook",
    "ALERT_TARGETS": "phone=ntfys://ntfy.sh/topic",
}
COMBINATIONS = [("simulator", "trial"), ("simulator", "tls"), ("gateway", "trial"), ("gateway", "tls")]
HEALTH = (
    "set -- --user health --pass health ping; (valkey-cli $@ || redis-cli $@) 2>/dev/null | grep -Eq 'PONG|LOADING'"
)

pytestmark = needs_swarm


def stack(*files: str, **environment: str) -> dict[str, Any]:
    """The files together, as docker itself adds them up."""
    arguments = [part for each in ("stack", *files) for part in ("--compose-file", f"{FOLDER}/{each}.yaml")]
    said = subprocess.run(
        [str(find_swarm()), "stack", "config", *arguments],
        env={**os.environ, **SETTINGS, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    found: dict[str, Any] = yaml.safe_load(said.stdout)
    return found


def services(*files: str, **environment: str) -> dict[str, Any]:
    found: dict[str, Any] = stack(*files, **environment)["services"]
    return found


@pytest.mark.parametrize("files", COMBINATIONS, ids="+".join)
def test_every_task_has_no_capabilities_a_memory_limit_and_rotated_logs(files: tuple[str, str]) -> None:
    for name, each in services(*files).items():
        assert each["cap_drop"] == ["ALL"], name
        assert each["deploy"]["resources"]["limits"]["memory"], name
        assert each["logging"]["options"]["max-size"], name


@pytest.mark.parametrize("files", COMBINATIONS, ids="+".join)
def test_only_the_real_gateways_root_can_be_written(files: tuple[str, str]) -> None:
    writable = {name for name, each in services(*files).items() if not each.get("read_only")}

    assert writable == ({"gateway"} if "gateway" in files else set())


def test_only_the_proxy_is_published_and_a_trial_says_what_it_is() -> None:
    assert {name for name, each in services("gateway", "tls").items() if each.get("ports")} == {"caddy"}
    assert {name for name, each in services("simulator", "trial").items() if each.get("ports")} == {"front"}


@pytest.mark.parametrize("files", COMBINATIONS, ids="+".join)
def test_what_keeps_long_connections_has_no_virtual_address_that_forgets_them(files: tuple[str, str]) -> None:
    for name in ("redis", "gateway", "worker"):
        assert services(*files)[name]["deploy"]["endpoint_mode"] == "dnsrr", name


def test_swarm_never_replaces_a_gateway_that_waits_for_its_second_factor() -> None:
    gateway = services("gateway", "tls")["gateway"]

    assert gateway["healthcheck"]["test"] == ["CMD", "bash", "/probe/handshake.sh", "alive", "4004"]
    assert gateway["entrypoint"] == ["bash", "/probe/login-guard.sh"]


@pytest.mark.parametrize("name", ["redis", "gateway"])
def test_two_of_what_may_exist_once_never_overlap_in_an_update(name: str) -> None:
    each = services("gateway", "tls")[name]["deploy"]

    assert each["replicas"] == 1
    assert each["update_config"]["order"] == "stop-first"


@pytest.mark.parametrize("files", COMBINATIONS, ids="+".join)
def test_the_worker_has_a_way_out_for_alerts_where_a_webhook_is_set(files: tuple[str, str]) -> None:
    assert set(services(*files)["worker"]["networks"]) == {"worker-redis", "worker-gateway"}
    alerted = services(*files, "alerts")["worker"]

    assert set(alerted["networks"]) == {"worker-redis", "worker-gateway", "alerts"}
    assert alerted["environment"]["ALERT_WEBHOOK"] == SETTINGS["ALERT_WEBHOOK"]
    pushed = services(*files, "targets")["worker"]
    assert set(pushed["networks"]) == set(alerted["networks"])
    assert pushed["environment"]["ALERT_TARGETS"] == SETTINGS["ALERT_TARGETS"]


def test_a_provider_is_named_to_front_and_worker_which_gets_a_way_to_it() -> None:
    told = {
        "OIDC_ISSUER": "https://login.example.com",
        "OIDC_AUDIENCE": "ibkr",
        "PUBLIC_URL": "https://ibkr.example.com",
    }
    made = services("gateway", "tls", "oidc", **told)

    assert set(made["worker"]["networks"]) == {"worker-redis", "worker-gateway", "provider"}
    for each in ("front", "worker"):
        assert told.items() <= made[each]["environment"].items()
        assert made[each]["environment"]["OIDC_CLIENTS"] == "listed"


def test_a_node_has_room_for_the_front_that_starts_before_another_stops() -> None:
    front = services("simulator", "trial")["front"]["deploy"]

    assert front["update_config"]["order"] == "start-first"
    assert front["placement"].get("max_replicas_per_node", front["replicas"] + 1) > front["replicas"]


def test_changed_scripts_and_secrets_come_under_other_names_since_swarm_changes_none() -> None:
    """Neither another login's stack has them, which could not be removed without them then."""
    first, second = (stack("gateway", "tls", CONFIGS=each, IBKR_SESSION="main") for each in ("1", "2"))
    named = [{each["name"] for each in found["configs"].values()} for found in (first, second)]

    assert named[0].isdisjoint(named[1])
    assert all(each.startswith("main-") for each in named[0])
    told = stack("gateway", "tls", TWS_PASSWORD_SECRET="new_password", FRONT_TOKENS_SECRET="new_tokens")["secrets"]
    assert {each["name"] for each in told.values()} >= {"new_password", "new_tokens"}
    assert {each["name"] for each in first["secrets"].values()} >= {"ibkr_tws_password", "ibkr_front_tokens"}


def test_a_live_login_is_reached_at_its_own_port() -> None:
    told = services("gateway", "tls", GATEWAY_ACCOUNT="live", GATEWAY_PORT="4003", TRADING_MODE="read_only")
    gateway, worker = told["gateway"], told["worker"]

    assert (gateway["environment"]["TRADING_MODE"], gateway["healthcheck"]["test"][-1]) == ("live", "4003")
    assert (worker["environment"]["TRADING_MODE"], worker["environment"]["GATEWAY_PORT"]) == ("read_only", "4003")
    page = Path("docs/kubernetes.md").read_text(encoding="utf-8")
    assert "GATEWAY_ACCOUNT=live GATEWAY_PORT=4003" in page


def test_redis_refuses_writes_before_the_kernel_would_kill_it() -> None:
    redis = services("simulator", "trial")["redis"]
    command = redis["command"]

    limit = int(redis["deploy"]["resources"]["limits"]["memory"])
    assert command[command.index("--maxmemory") + 1] == f"{limit * 3 // 4 // 2**20}mb"


def test_each_service_has_its_own_password_of_redis_alone() -> None:
    told = services("simulator", "trial", IBKR_SESSION="main")
    users = {"front": "front-main", "worker": "worker-main", "operator": "operator"}

    for name, user in users.items():
        environment = told[name]["environment"]
        assert environment["REDIS_URL"] == f"redis://{user}@redis:6379/0"
        assert environment["REDIS_PASSWORD_FILE"] == "/run/secrets/redis_user"
        own = [each["source"] for each in told[name]["secrets"] if "redis" in each["source"]]
        assert own == [f"ibkr_redis_{name}"]
    redis = told["redis"]
    assert redis["command"][-2:] == ["--aclfile", "/run/secrets/redis_acl"]
    assert [each["source"] for each in redis["secrets"]] == ["ibkr_redis_acl"]
    assert redis["healthcheck"]["test"] == ["CMD-SHELL", HEALTH]


def test_the_operators_container_is_as_hardened_as_others_and_reaches_redis_alone() -> None:
    told = services("simulator", "trial")
    operator, worker = told["operator"], told["worker"]

    assert set(operator["networks"]) == {"worker-redis"}
    for each in ("cap_drop", "read_only", "init", "logging", "image"):
        assert operator[each] == worker[each]
    assert operator["deploy"]["resources"] == worker["deploy"]["resources"]


def test_the_console_reaches_redis_alone_as_its_own_user_and_publishes_nothing() -> None:
    """Swarm publishes on every address of a node, and the console speaks plain HTTP."""
    told = services("gateway", "tls", "console", IBKR_SESSION="main")
    console, operator = told["console"], told["operator"]

    assert set(console["networks"]) == {"edge-console", "console-redis"}
    assert [name for name, each in told.items() if "console-redis" in each["networks"]] == ["console", "redis"]
    assert set(told["redis"]["networks"]) == {"console-redis", "front-redis", "worker-redis"}
    assert not console.get("ports")
    assert console["environment"]["REDIS_URL"] == "redis://console@redis:6379/0"
    assert [each["source"] for each in console["secrets"]] == ["ibkr_redis_console"]
    for each in ("cap_drop", "read_only", "init", "logging"):
        assert console[each] == operator[each]
    assert console["deploy"]["resources"]["limits"]["memory"]


def test_the_page_makes_the_secrets_that_the_stack_wants() -> None:
    page = Path("docs/kubernetes.md").read_text(encoding="utf-8")
    made = stack("simulator", "trial", "console", REDIS_USERS="r2")["secrets"]
    wanted = {each["name"] for each in made.values()} - {"ibkr_front_tokens"}

    assert wanted == {f"r2_{each}" for each in ("acl", "front", "worker", "operator", "console")}
    assert "docker secret create ${REDIS_USERS}_acl secrets/redis/redis/users.acl" in page
    for each in ("front", "worker", "operator", "console"):
        assert f"docker secret create ${{REDIS_USERS}}_{each} secrets/redis/{each}" in page


def test_no_secret_is_in_an_environment() -> None:
    told = str([each.get("environment") for each in services("gateway", "tls").values()])

    assert "TWS_PASSWORD_FILE" in told
    assert "'TWS_PASSWORD'" not in told
