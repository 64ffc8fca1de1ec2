"""Users of Redis in the chart: each pod has its own password alone, and the built-in server lets each in."""

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.keys import Keys
from bridge.bus.transport.address import address_with_file
from bridge.bus.transport.connection import Refused
from cli.__main__ import main
from cli.local_stack.embedded_redis import find_server
from tests.deploy.chart import CHART, REAL, USERS, Manifest, environment, find, helm, pods, render
from tests.deploy.tools import needs
from tests.stacks.bus import pipe_to
from tests.waiting import until

LOGINS: list[dict[str, Any]] = REAL["logins"]
NAMED: dict[str, Any] = {"logins": LOGINS, "redis": {"users": {"enabled": True, "existingSecret": "mine"}}}
MANAGED: dict[str, Any] = {
    "logins": LOGINS,
    "redis": {
        "builtIn": False,
        "url": "rediss://redis.example.com:6379/0",
        "users": {"enabled": True, "existingSecret": "mine"},
    },
}
SERVICES = {
    "rel-demo-front": ("Deployment", "front-demo"),
    "rel-main-front": ("Deployment", "front-main"),
    "rel-demo-worker": ("StatefulSet", "worker-demo"),
    "rel-main-worker": ("StatefulSet", "worker-main"),
    "rel-operator": ("StatefulSet", "operator"),
}

pytestmark = needs("helm")


def secrets(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The pod's secrets that have passwords of Redis."""
    mounted = [each["secret"] for each in spec.get("volumes", []) if "secret" in each]
    return [each for each in mounted if each["secretName"] in {"mine", "rel-redis-users"}]


@pytest.mark.parametrize(("values", "secret"), [(USERS, "rel-redis-users"), (NAMED, "mine"), (MANAGED, "mine")])
def test_each_pod_has_its_own_password_alone(values: dict[str, Any], secret: str) -> None:
    made = render(values)

    found = {name: secrets(spec) for name, spec in pods(made) if secrets(spec)}
    for name, (kind, user) in SERVICES.items():
        items = [{"key": user, "path": "password"}]
        assert found.pop(name) == [{"secretName": secret, "items": items, "defaultMode": 0o400}]
        told = environment(made, kind, name)
        assert re.match(rf"rediss?://{user}@[a-z.-]+:6379/0$", told["REDIS_URL"])
        assert told["REDIS_PASSWORD_FILE"] == "/run/secrets/redis/password"
    assert set(found) == (set() if values is MANAGED else {"rel-redis"})


def test_the_server_itself_sees_digests_and_its_first_container_has_no_more_rights_than_others() -> None:
    spec = find(render(NAMED), "StatefulSet", "rel-redis")["spec"]["template"]["spec"]
    (first,), (server,) = spec["initContainers"], spec["containers"]

    assert [each["name"] for each in server["volumeMounts"]] == ["data", "users"]
    assert first["securityContext"] == server["securityContext"]
    assert "--user health --pass health" in json.dumps(server["livenessProbe"])
    assert "--user health --pass health" in json.dumps(server["readinessProbe"])
    assert [each for each in render(NAMED) if each["kind"] == "Secret"] == []


async def test_the_built_in_server_lets_each_service_in_by_what_the_chart_gives_it(tmp_path: Path) -> None:
    made = render(USERS)
    url = await _served(made, tmp_path)
    process = await asyncio.create_subprocess_exec(
        find_server(), *_arguments(made, tmp_path), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await until((tmp_path / "redis.sock").exists, "the server listens")
        for user, session in (("worker-demo", "demo"), ("front-main", "main")):
            file = tmp_path / "passwords" / user
            async with pipe_to(address_with_file(url.replace("//", f"//{user}@", 1), file)) as pipe:
                await pipe.send("GET", Keys(session).generation)
                with pytest.raises(Refused):
                    await pipe.send("GET", Keys("other").generation)
    finally:
        process.terminate()
        await process.wait()


async def _served(made: list[Manifest], folder: Path) -> str:
    """Do what the server's first container does, with the chart's Secret, and return where the server will listen."""
    (folder / "passwords").mkdir()
    (folder / "data").mkdir()
    for name, value in find(made, "Secret", "rel-redis-users")["data"].items():
        (folder / "passwords" / name).write_bytes(base64.b64decode(value))
    (first,) = find(made, "StatefulSet", "rel-redis")["spec"]["template"]["spec"]["initContainers"]
    assert first["command"] == ["python", "-m", "cli", "redis-users"]
    assert await asyncio.to_thread(main, ["redis-users", *_here(first["args"], folder)]) == 0
    return f"unix://{folder / 'redis.sock'}"


def _arguments(made: list[Manifest], folder: Path) -> list[str]:
    """The server's arguments in the chart, on a socket instead of a port."""
    (server,) = find(made, "StatefulSet", "rel-redis")["spec"]["template"]["spec"]["containers"]
    place = ["--port", "0", "--unixsocket", str(folder / "redis.sock"), "--dir", str(folder / "data")]
    return [*place, *_here(server["args"], folder)]


def _here(arguments: list[str], folder: Path) -> list[str]:
    return [f"{folder}{each}" if re.match(r"/(passwords|users)\b", each) else each for each in arguments]


def test_operators_have_a_pod_whose_name_a_role_can_give_and_a_way_to_redis_alone() -> None:
    made = render(USERS)
    policy = find(made, "NetworkPolicy", "rel-operator")["spec"]
    redis = find(made, "NetworkPolicy", "rel-redis")["spec"]
    notes = helm("install", "rel", str(CHART), "--dry-run=client", values=USERS).stdout

    assert [each["ports"][0]["port"] for each in policy["egress"]] == [53, 6379]
    assert "ingress" not in policy
    assert "operator" in json.dumps(redis["ingress"])
    assert "IBKR_SESSION" not in environment(made, "StatefulSet", "rel-operator")
    one = render({"redis": {"users": {"enabled": True}}})
    assert environment(one, "StatefulSet", "rel-operator")["IBKR_SESSION"] == "demo"
    assert "exec -it rel-operator-0 -- python -m cli resume --session main" in notes


@pytest.mark.parametrize(
    ("redis", "reason"),
    [
        ({"builtIn": False, "url": "redis://r:6379/0"}, "redis.users.existingSecret is needed"),
        ({"builtIn": False, "url": "redis://me:it@r:6379/0"}, "leave user and password out"),
        ({"builtIn": False, "urlSecret": {"name": "redis"}}, "with redis.users.enabled redis.url"),
    ],
)
def test_a_server_of_ones_own_needs_its_address_without_a_user_and_passwords_of_ones_own(
    redis: dict[str, Any], reason: str
) -> None:
    said = helm("template", "rel", str(CHART), values={"redis": {**redis, "users": {"enabled": True}}})

    assert said.returncode != 0
    assert reason in said.stderr


def test_nothing_of_the_users_is_there_by_default_so_that_an_upgrade_in_place_changes_nothing() -> None:
    told = json.dumps(render({}))

    assert "REDIS_PASSWORD_FILE" not in told
    assert "aclfile" not in told
    assert "initContainers" not in told
