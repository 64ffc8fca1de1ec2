"""compose.yaml as compose itself reads it: who meets whom, and which settings reach which container. No engine runs."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cli.__main__ import main
from cli.commands.paper import front_port
from tests.deploy.tools import find_compose, needs_compose

DOCKER = find_compose()

pytestmark = needs_compose


def config(folder: Path, *profiles: str, env: str = "", **files: str) -> dict[str, Any]:
    """The project, where `env` is what `.env` holds and `files` are others by name: env_paper is `.env.paper`."""
    shutil.copy("compose.yaml", folder)
    shutil.copytree("deploy/compose", folder / "deploy" / "compose", dirs_exist_ok=True)
    (folder / ".env").write_text(env)
    for name, text in files.items():
        (folder / f".{name.replace('_', '.')}").write_text(text)
    told = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "COMPOSE_PROFILES": ",".join(profiles)}
    said = subprocess.run(
        [str(DOCKER), "compose", "--project-directory", str(folder), "config", "--format", "json"],
        env=told,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    project: dict[str, Any] = json.loads(said.stdout)
    return project


def services(folder: Path, *profiles: str, env: str = "", **files: str) -> dict[str, Any]:
    found: dict[str, Any] = config(folder, *profiles, env=env, **files)["services"]
    return found


def test_the_operators_container_is_as_closed_as_the_worker_and_meets_redis_alone(tmp_path: Path) -> None:
    found = services(tmp_path, "operator", "sim")
    operator, worker = found["operator"], found["worker"]

    assert set(operator["networks"]) == {"worker-redis"}
    assert operator["image"] == worker["image"]
    assert (operator["read_only"], operator["cap_drop"], operator["security_opt"]) == (
        True, ["ALL"], ["no-new-privileges:true"],
    )  # fmt: skip
    assert operator["entrypoint"] == ["python", "-m", "cli"]
    assert not operator.get("ports")


def test_the_console_meets_redis_alone_and_is_published_on_loopback(tmp_path: Path) -> None:
    console = services(tmp_path, "sim", "console")["console"]

    assert set(console["networks"]) == {"edge-console", "console-redis", "metrics-console"}
    assert [each["host_ip"] for each in console["ports"]] == ["127.0.0.1"]
    assert (console["read_only"], console["cap_drop"]) == (True, ["ALL"])


@pytest.mark.parametrize("profile", ["sim", "paper", "live"])
def test_the_operators_container_is_never_up_by_itself(profile: str, tmp_path: Path) -> None:
    assert "operator" not in services(tmp_path, profile)


FRONTS = {"sim": "front", "paper": "front-paper", "live": "front-live"}


@pytest.mark.parametrize("profile", FRONTS)
def test_the_fronts_settings_reach_it_from_the_environment_file(profile: str, tmp_path: Path) -> None:
    wanted = {
        "FRONT_TOOLSETS": "session,history", "FRONT_CALLS_PER_S": "5", "FRONT_BURST": "7", "FRONT_CALLS_AT_ONCE": "3",
        "FRONT_DRAIN_S": "8", "FORWARDED_ALLOW_IPS": "10.1.2.3", "LOG_LEVEL": "debug",
    }  # fmt: skip
    env = "".join(f"{name}={value}\n" for name, value in wanted.items())

    told = services(tmp_path, profile, env=env)[FRONTS[profile]]["environment"]

    assert {name: told[name] for name in wanted} == wanted


@pytest.mark.parametrize("profile", FRONTS)
def test_a_setting_that_nobody_made_is_the_programs_own_default(profile: str, tmp_path: Path) -> None:
    """An empty one would be told as such: an empty rate is none, and the front would not start."""
    for each in services(tmp_path, profile).values():
        told = each.get("environment") or {}
        assert {name for name, value in told.items() if value == ""} <= {
            "FRONT_ALLOWED_HOSTS", "FRONT_ALLOWED_ORIGINS",
        }  # fmt: skip


WORKERS = {"paper": "worker-paper", "live": "worker-live"}
SETTINGS = {
    "LIVE_APPROVAL": "operator",
    "MARKET_DATA_TYPE": "live",
    "MARKET_DATA_LINES": "200",
    "GATEWAY_MESSAGES_PER_S": "100",
    "GATEWAY_CLIENT_ID": "7",
    "CONNECT_TIMEOUT_S": "9",
    "REDIS_DURABILITY": "assumed",
    "ALERT_WEBHOOK": "https://example.com/hook",
    "ALERT_AFTER_S": "30",
    "ALERT_EVERY_S": "600",
    "ALERT_TARGETS": "desk=https://example.com/hook,phone=ntfys://ntfy.sh/topic",
    "ALERT_EVENTS": "fills,halts",
    "ALERT_SECRET": "0123456789abcdef",
    "CONSOLE_URL": "https://console.example.org",
    "LOG_LEVEL": "debug",
    "LOG_FORMAT": "console",
}


@pytest.mark.parametrize("profile", WORKERS)
def test_the_workers_settings_reach_it_from_either_file(profile: str, tmp_path: Path) -> None:
    written = "".join(f"{name}={value}\n" for name, value in SETTINGS.items())

    shared = services(tmp_path, profile, env=written)[WORKERS[profile]]["environment"]
    own = services(tmp_path, profile, **{f"env_{profile}": written})[WORKERS[profile]]["environment"]

    assert {name: shared.get(name) for name in SETTINGS} == SETTINGS
    assert {name: own.get(name) for name in SETTINGS} == SETTINGS


def test_the_simulators_worker_has_the_settings_too_and_nobody_to_alert(tmp_path: Path) -> None:
    written = "".join(f"{name}={value}\n" for name, value in SETTINGS.items())

    told = services(tmp_path, "sim", env=written, env_sim="LIMIT_MAX_QUANTITY=5\nTRADING_MODE=live\n")["worker"]

    reach = {
        name: told["environment"].get(name) for name in SETTINGS if not name.startswith(("ALERT_", "LIVE_", "CONSOLE_"))
    }
    assert reach == {name: SETTINGS[name] for name in reach}
    assert services(tmp_path, "sim", env_sim="LOG_LEVEL=warning\n")["worker"]["environment"]["LOG_LEVEL"] == "warning"
    assert told["environment"]["LIMIT_MAX_QUANTITY"] == "5"
    assert told["environment"]["TRADING_MODE"] == "paper"
    assert not [name for name in told["environment"] if name.startswith(("ALERT_", "LIVE_", "CONSOLE_"))]


@pytest.mark.parametrize(
    ("profile", "env", "own", "mode"),
    [
        ("paper", "", "", None),  # the worker's own default, which is paper
        ("paper", "", "read_only", "read_only"),
        ("paper", "read_only", "", "read_only"),
        ("live", "", "", "read_only"),
        ("live", "", "live", "live"),
        ("live", "", "paper", "paper"),
        ("live", "read_only", "live", "read_only"),  # the environment and the shared file win
        ("paper", "read_only", "paper", "read_only"),
    ],
)
def test_the_mode_is_what_either_file_says(profile: str, env: str, own: str, mode: str | None, tmp_path: Path) -> None:
    files = {f"env_{profile}": f"TRADING_MODE={own}\n"} if own else {}

    found = services(tmp_path, profile, env=f"TRADING_MODE={env}\n" if env else "", **files)

    assert found[WORKERS[profile]]["environment"].get("TRADING_MODE") == mode


def test_operator_approval_in_the_shared_file_wins_over_the_profiles_own(tmp_path: Path) -> None:
    found = services(tmp_path, "live", env="LIVE_APPROVAL=operator\n", env_live="LIVE_APPROVAL=client\n")

    assert found["worker-live"]["environment"]["LIVE_APPROVAL"] == "operator"


@pytest.mark.parametrize("profile", WORKERS)
def test_accounts_and_limits_are_taken_from_the_profiles_own_file_alone(profile: str, tmp_path: Path) -> None:
    named = "LIVE_ACCOUNTS=U1\nLIMIT_MAX_QUANTITY=1\n"

    shared = services(tmp_path, profile, env=named)[WORKERS[profile]]["environment"]
    own = services(tmp_path, profile, **{f"env_{profile}": named})[WORKERS[profile]]["environment"]

    assert {"LIVE_ACCOUNTS", "LIMIT_MAX_QUANTITY"}.isdisjoint(shared)
    assert (own["LIVE_ACCOUNTS"], own["LIMIT_MAX_QUANTITY"]) == ("U1", "1")


def test_which_account_the_gateway_logs_in_to_is_the_profiles_matter_alone(tmp_path: Path) -> None:
    env = "TRADING_MODE=read_only\n"

    assert services(tmp_path, "paper", env=env)["gateway-paper"]["environment"]["TRADING_MODE"] == "paper"
    assert services(tmp_path, "live", env=env)["gateway-live"]["environment"]["TRADING_MODE"] == "live"


def test_the_simulators_worker_is_told_no_mode_of_a_real_login(tmp_path: Path) -> None:
    assert services(tmp_path, "sim", env="TRADING_MODE=live\n")["worker"]["environment"]["TRADING_MODE"] == "paper"


def named(folder: Path, profile: str, kind: str) -> set[str]:
    """The volumes or networks of a profile's services, but those that Redis and its users need."""
    found: set[str] = set()
    for name, each in services(folder, profile).items():
        if kind == "networks":
            found |= set(each.get("networks") or {})
        elif name not in ("redis", "redis-users"):
            found |= {volume["source"] for volume in each.get("volumes", []) if volume["type"] == "volume"}
    return found


def test_no_two_profiles_share_tokens_a_login_or_what_it_says_of_itself(tmp_path: Path) -> None:
    sim, paper, live = (named(tmp_path, profile, "volumes") for profile in ("sim", "paper", "live"))

    assert len(paper) == len(live) == 6
    assert len(sim | paper | live) == len(sim) + len(paper) + len(live)
    assert sim == {"worker-leader", "redis-front", "redis-worker"}


def test_each_service_reads_the_password_of_its_own_user_of_redis_and_no_other(tmp_path: Path) -> None:
    found = services(tmp_path, "sim", "paper", "live", "console", "operator")
    made = {each["source"]: Path(each["target"]).name for each in found["redis-users"]["volumes"]}
    mounted = {
        name: [each for each in service.get("volumes", []) if each.get("source", "").startswith("redis-")]
        for name, service in found.items()
        if name != "redis-users"
    }

    for name, volumes in mounted.items():
        settings = found[name].get("environment") or {}
        if "REDIS_URL" in settings:
            (volume,) = volumes
            assert (volume["target"], volume["read_only"]) == ("/redis", True)
            assert settings["REDIS_PASSWORD_FILE"] == "/redis/password"
            assert urlsplit(settings["REDIS_URL"]).username == made.pop(volume["source"])
        elif name != "redis":
            assert volumes == []
    assert made == {"redis-users": "redis"}
    assert found["redis"]["command"][-2:] == ["--aclfile", "/users/users.acl"]


def test_redis_has_the_users_that_the_services_name(tmp_path: Path) -> None:
    found = services(tmp_path, "sim", "paper", "live", "console", "operator")
    urls = [
        each["environment"]["REDIS_URL"] for each in found.values() if "REDIS_URL" in (each.get("environment") or {})
    ]
    command = found["redis-users"]["command"]

    assert main(["redis-users", *command[: command.index("--folder")], "--folder", str(tmp_path / "users")]) == 0
    acl = (tmp_path / "users" / "redis" / "users.acl").read_text()
    assert {urlsplit(url).username for url in urls} <= {line.split()[1] for line in acl.splitlines()}


@pytest.mark.parametrize("others", [("sim", "paper"), ("sim", "live"), ("paper", "live")])
def test_no_worker_meets_another_profiles_gateway(others: tuple[str, str], tmp_path: Path) -> None:
    found = services(tmp_path, "sim", "paper", "live")
    workers = {"sim": "worker", **WORKERS}
    gateways = {"sim": "gateway", "paper": "gateway-paper", "live": "gateway-live"}
    for one, other in (others, others[::-1]):
        assert set(found[workers[one]]["networks"]).isdisjoint(found[gateways[other]]["networks"])


@pytest.mark.parametrize("profile", ["paper", "live"])
def test_each_worker_calls_its_gateway_by_a_name_of_its_own(profile: str, tmp_path: Path) -> None:
    found = services(tmp_path, profile)
    worker, gateway = found[f"worker-{profile}"], found[f"gateway-{profile}"]

    assert worker["environment"]["GATEWAY_HOST"] == f"gateway-{profile}"
    assert set(worker["networks"]) & set(gateway["networks"]) == {f"worker-gateway-{profile}"}
    assert not [each for each in gateway["networks"].values() if each and each.get("aliases")]


@pytest.mark.parametrize("profile", ["paper", "live"])
def test_a_profiles_clients_are_kept_where_its_own_front_reads_them(profile: str, tmp_path: Path) -> None:
    found = services(tmp_path, profile)

    (read,) = [each for each in found[f"front-{profile}"]["volumes"] if each["target"] == "/tokens"]
    (checked,) = [each for each in found[f"worker-{profile}"]["volumes"] if each["target"] == "/tokens"]
    (written,) = [each for each in found[f"clients-{profile}"]["volumes"] if each["target"] == "/tokens"]

    assert read["source"] == checked["source"] == written["source"] == f"front-tokens-{profile}"
    assert (read["read_only"], checked["read_only"]) == (True, True)
    files = found[f"front-{profile}"]["environment"], found[f"worker-{profile}"]["environment"]
    assert files[0]["FRONT_TOKENS_FILE"] == files[1]["CLIENTS_FILE"]


@pytest.mark.parametrize("profile", ["paper", "live"])
def test_a_real_logins_worker_has_a_way_to_its_webhook_that_leads_to_no_gateway(profile: str, tmp_path: Path) -> None:
    project = config(tmp_path, profile)
    ways_out = {name for name, each in project["networks"].items() if not each.get("internal")}
    gateway = project["services"][f"gateway-{profile}"]["networks"]

    assert ways_out & set(project["services"][f"worker-{profile}"]["networks"]) == {f"alerts-{profile}"}
    assert f"alerts-{profile}" not in gateway


def test_the_simulators_worker_has_no_way_out(tmp_path: Path) -> None:
    project = config(tmp_path, "sim")

    assert all(project["networks"][each]["internal"] for each in project["services"]["worker"]["networks"])


@pytest.mark.parametrize(("env", "port"), [("", 8000), ("FRONT_PORT=8001\n", 8001)])
def test_make_paper_announces_the_port_that_compose_publishes(
    env: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(tmp_path, "paper", env=env)
    for name in ("FRONT_PORT", "COMPOSE_FILE", "COMPOSE_PROFILES"):
        monkeypatch.delenv(name, raising=False)

    assert front_port(tmp_path) == port


def test_redis_refuses_writes_before_the_kernel_would_kill_it(tmp_path: Path) -> None:
    redis = services(tmp_path, "sim")["redis"]
    command = redis["command"]

    assert command[command.index("--maxmemory") + 1] == f"{int(redis['mem_limit']) * 3 // 4 // 2**20}mb"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


@pytest.mark.parametrize("profile", ["sim", "paper", "live"])
def test_prometheus_alone_meets_the_ports_of_metrics(profile: str, tmp_path: Path) -> None:
    found = services(tmp_path, profile, "console", "observability")
    measured = [name for name, each in found.items() if each.get("environment", {}).get("METRICS_PORT") == "9100"]

    assert len(measured) == 3
    for kind in ("front", "worker", "console"):
        on_it = {name for name, each in found.items() if f"metrics-{kind}" in each.get("networks", {})}
        assert on_it == {"prometheus", *(name for name in measured if name.startswith(kind))}
    assert config(tmp_path, profile, "observability")["networks"]["metrics-worker"]["internal"] is True


def test_metrics_are_off_where_their_port_is_empty(tmp_path: Path) -> None:
    found = services(tmp_path, "sim", "console", env="METRICS_PORT=\n")

    assert {found[name]["environment"]["METRICS_PORT"] for name in ("front", "worker", "console")} == {""}


def test_grafana_is_on_loopback_and_nobody_can_log_in(tmp_path: Path) -> None:
    found = services(tmp_path, "sim", "observability")
    settings = found["grafana"]["environment"]

    assert [each["host_ip"] for each in found["grafana"]["ports"]] == ["127.0.0.1"]
    assert not found["prometheus"].get("ports")
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    for name, value in {
        "GF_AUTH_BASIC_ENABLED": "false",
        "GF_AUTH_DISABLE_LOGIN_FORM": "true",
        "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true",
        "GF_SERVER_ENFORCE_DOMAIN": "true",
    }.items():
        assert settings[name] == value
    for name in ("prometheus", "grafana"):
        mounts = [each["source"] for each in found[name]["volumes"] if each["type"] == "bind"]
        assert all(Path(each.removeprefix(f"{tmp_path}/")).is_file() for each in mounts)
