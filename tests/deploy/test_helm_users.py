"""Users of Redis in the chart: each pod has its own password alone, and the built-in server lets each in."""

import asyncio
import base64
import contextlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.bus.keys import Keys
from bridge.bus.transport.address import address_with_file
from bridge.bus.transport.connection import NotSent, Refused
from cli.__main__ import main
from cli.local_stack.embedded_redis import find_server
from tests.deploy.chart import (
    CHART,
    NAMESPACE,
    REAL,
    USERS,
    Manifest,
    environment,
    find,
    helm,
    pods,
    render,
    render_in,
)
from tests.deploy.cluster import Cluster, cluster
from tests.deploy.tools import needs
from tests.stacks.bus import pipe_to
from tests.upgrade.release import RELEASE
from tests.waiting import until

LOGINS: list[dict[str, Any]] = REAL["logins"]
NAMED: dict[str, Any] = {"logins": LOGINS, "redis": {"users": {"existingSecret": "mine"}}}
FORMER: dict[str, Any] = {"logins": LOGINS, "redis": {"users": {"enabled": False}}}
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


async def test_an_upgraded_server_has_its_data_and_lets_in_by_what_the_chart_gives_and_nobody_else(
    tmp_path: Path,
) -> None:
    """The installation before had no users."""
    (tmp_path / "data").mkdir()
    place = f"unix://{tmp_path / 'redis.sock'}"
    async with _server(render(FORMER), tmp_path), pipe_to(place) as old:
        await old.send("SET", Keys("demo").generation, "1")

    made = render(USERS)
    await _made_users(made, tmp_path)
    async with _server(made, tmp_path):
        for user, session in (("worker-demo", "demo"), ("front-demo", "demo"), ("front-main", "main")):
            file = tmp_path / "passwords" / user
            async with pipe_to(address_with_file(place.replace("//", f"//{user}@", 1), file)) as pipe:
                assert await pipe.send("GET", Keys(session).generation) == (b"1" if session == "demo" else None)
                with pytest.raises(Refused):
                    await pipe.send("GET", Keys("other").generation)
        async with pipe_to(place) as old:
            with pytest.raises(NotSent, match="Authentication required"):
                await old.send("GET", Keys("demo").generation)


@contextlib.asynccontextmanager
async def _server(made: list[Manifest], folder: Path) -> AsyncIterator[None]:
    """The chart's server on a folder and a socket of this machine."""
    process = await asyncio.create_subprocess_exec(
        find_server(), *_arguments(made, folder), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await until((folder / "redis.sock").exists, "the server listens")
        yield
    finally:
        process.terminate()
        await process.wait()
        (folder / "redis.sock").unlink(missing_ok=True)


async def _made_users(made: list[Manifest], folder: Path) -> None:
    """Do what the server's first container does, with the chart's Secret."""
    (folder / "passwords").mkdir()
    for name, value in find(made, "Secret", "rel-redis-users")["data"].items():
        (folder / "passwords" / name).write_bytes(base64.b64decode(value))
    (first,) = find(made, "StatefulSet", "rel-redis")["spec"]["template"]["spec"]["initContainers"]
    assert first["command"] == ["python", "-m", "cli", "redis-users"]
    assert await asyncio.to_thread(main, ["redis-users", *_here(first["args"], folder)]) == 0


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
    notes = helm("install", "rel", str(CHART), "--dry-run=client", values=NAMED).stdout

    assert [each["ports"][0]["port"] for each in policy["egress"]] == [53, 6379]
    assert "ingress" not in policy
    assert "operator" in json.dumps(redis["ingress"])
    assert "IBKR_SESSION" not in environment(made, "StatefulSet", "rel-operator")
    one = render({})
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


@pytest.mark.parametrize("redis", [{"users": {"enabled": False}}, {"builtIn": False, "url": "redis://r:6379/0"}])
def test_nothing_of_the_users_is_there_where_they_are_switched_off_or_the_server_is_ones_own(
    redis: dict[str, Any],
) -> None:
    told = json.dumps(render({"redis": redis}))

    assert "REDIS_PASSWORD_FILE" not in told
    assert "aclfile" not in told
    assert "initContainers" not in told
    assert "rel-operator" not in told


def test_an_upgrade_keeps_every_password_and_adds_those_of_a_new_login() -> None:
    with cluster(NAMESPACE) as seen:
        first = _passwords(seen, {"logins": LOGINS[:1]})
        first["metadata"]["annotations"] = {
            "meta.helm.sh/release-name": "rel",
            "meta.helm.sh/release-namespace": NAMESPACE,
        }
        seen.put(first)
        again, more = (_passwords(seen, {"logins": LOGINS[:count]}) for count in (1, 2))

    assert set(first["data"]) == {"default", "console", "operator", "front-demo", "worker-demo"}
    assert len(set(first["data"].values())) == 5
    assert again["data"] == first["data"]
    assert set(more["data"]) - set(first["data"]) == {"front-main", "worker-main"}
    assert first["data"].items() < more["data"].items()


def _passwords(seen: Cluster, values: dict[str, Any]) -> Manifest:
    return find(list(yaml.safe_load_all(render_in(seen, values))), "Secret", "rel-redis-users")


def test_a_render_without_the_cluster_is_refused_before_it_makes_passwords_that_no_pod_has() -> None:
    """GitOps has such a render at each sync."""
    said = helm("template", "rel", str(CHART), values=USERS)
    named = helm("template", "rel", str(CHART), values=NAMED)

    assert said.returncode != 0
    assert "redis.users.existingSecret is needed where the chart is rendered without the cluster" in said.stderr
    assert named.returncode == 0
    assert "kind: Secret" not in named.stdout


def test_the_defaults_of_a_former_chart_are_refused_with_what_keeps_the_values_alone(tmp_path: Path) -> None:
    """`helm upgrade --reuse-values` has them, and `--reset-then-reuse-values` has not."""
    chart = shutil.copytree(CHART, tmp_path / "chart")
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    del values["redis"]["users"]
    (chart / "values.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")

    said = helm("template", "rel", str(chart))

    assert said.returncode != 0
    assert "Use --reset-then-reuse-values" in said.stderr


FIXED = ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates")  # what Kubernetes lets nobody change


def test_an_installation_of_0_1_0_is_upgraded_in_place(tmp_path: Path) -> None:
    packed = subprocess.run(["git", "archive", RELEASE, "deploy", "ibgateway"], capture_output=True, check=False)
    if packed.returncode:
        pytest.skip(f"the commit {RELEASE} of release 0.1.0 is not in this clone")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(tmp_path, filter="data")
    values = {"logins": LOGINS}

    said = helm("template", "rel", str(tmp_path / CHART), "--namespace", NAMESPACE, values=values)
    former = [each for each in yaml.safe_load_all(said.stdout) if each]
    now = render(values)

    assert {each["metadata"]["name"] for each in former} <= {each["metadata"]["name"] for each in now}
    for each in former:
        spec = find(now, each["kind"], each["metadata"]["name"]).get("spec", {})
        if each["kind"] in {"StatefulSet", "Deployment"}:
            assert {name: spec.get(name) for name in FIXED} == {name: each["spec"].get(name) for name in FIXED}
