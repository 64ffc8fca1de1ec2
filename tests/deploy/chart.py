"""The chart as helm renders it, and ways to find things in what comes out."""

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.cluster import Cluster, cluster
from tests.deploy.tools import find_tool

CHART = Path("deploy/helm/ibkr-tws-mcp")
HELM = find_tool("helm")
NAMESPACE = "trading"
OWN_SECRET = ("--set", "redis.users.existingSecret=mine")  # what a render without a cluster needs

Manifest = dict[str, Any]

SIMULATED: dict[str, Any] = {}
REAL: dict[str, Any] = {
    "logins": [
        {"name": "demo", "tokensSecret": "demo-tokens", "simulator": True},
        {
            "name": "main",
            "account": "live",
            "mode": "read_only",
            "credentialsSecret": "main-login",
            "tokensSecret": "main-tokens",
            "hosts": ["ibkr.example.com"],
            "gatewayEnv": {"READ_ONLY_API": "no", "TWOFA_DEVICE": "IB Key"},
            "workerEnv": {"MARKET_DATA_LINES": 200},
        },
    ],
    "redis": {"builtIn": False, "urlSecret": {"name": "redis"}},
    "ingress": {"enabled": True, "tlsSecret": "certificate"},
    "front": {"autoscaling": {"enabled": False}},
    "images": {"digests": {"front": "sha256:" + "a" * 64}},
}
USERS: dict[str, Any] = {"logins": REAL["logins"]}  # each service has a user of Redis by default
CONSOLE: dict[str, Any] = {
    "logins": [
        REAL["logins"][0],
        REAL["logins"][1] | {"consoleUrl": "https://console.example.com", "publicUrl": "https://ibkr.example.com"},
    ],
    "console": {"env": {"FORWARDED_ALLOW_IPS": "10.0.0.7"}},
    "networkPolicy": {"consoleFrom": [{"podSelector": {"matchLabels": {"app": "nginx"}}}]},
    "ingress": {"enabled": True, "tlsSecret": "certificate"},
    "metrics": {"enabled": True},
}
VALUES = [
    pytest.param(SIMULATED, id="simulated"),
    pytest.param(REAL, id="real"),
    pytest.param(CONSOLE, id="console"),
]


def helm(*arguments: str, values: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(HELM), *arguments, "--values", "-"],
        input=json.dumps(values or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def render(values: dict[str, Any]) -> list[Manifest]:
    """The manifests of a first installation."""
    return [each for each in yaml.safe_load_all(_rendered(json.dumps(values))) if each]


@cache  # many tests look at the same chart
def _rendered(values: str) -> str:
    with cluster(NAMESPACE) as empty:
        return render_in(empty, json.loads(values))


def render_in(seen: Cluster, values: dict[str, Any], release: str = "rel") -> str:
    """Return the manifests that helm renders where it sees a cluster, as text."""
    arguments = ["--namespace", NAMESPACE, "--dry-run=server", "--kube-apiserver", seen.address]
    said = helm("template", release, str(CHART), *arguments, "--disable-openapi-validation", values=values)
    assert said.returncode == 0, said.stderr
    return said.stdout


def find(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod's spec, by the name of what makes it."""
    for each in manifests:
        if each["kind"] == "Pod":
            yield each["metadata"]["name"], each["spec"]
        elif "template" in each.get("spec", {}):
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]


def environment(manifests: list[Manifest], kind: str, name: str) -> dict[str, Any]:
    (container,) = find(manifests, kind, name)["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def probes(manifests: list[Manifest], kind: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    (container,) = find(manifests, kind, name)["spec"]["template"]["spec"]["containers"]
    return container["livenessProbe"], container["readinessProbe"]
