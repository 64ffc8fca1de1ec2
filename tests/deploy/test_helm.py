"""The chart, rendered by helm itself and checked against Kubernetes' own schemas and this project's promises."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.chart import (
    CHART,
    NAMESPACE,
    OWN_SECRET,
    REAL,
    SIMULATED,
    VALUES,
    environment,
    find,
    helm,
    pods,
    probes,
    render,
    render_in,
)
from tests.deploy.cluster import cluster
from tests.deploy.tools import needs, run_installed

SIMULATED_LOGIN = {"name": "demo", "tokensSecret": "tokens", "simulator": True}
KUBERNETES = ("1.27", "1.34")  # the oldest that the chart allows, and a recent one

pytestmark = needs("helm")


@pytest.mark.parametrize("values", VALUES)
def test_helm_finds_nothing_to_complain_of(values: dict[str, Any]) -> None:
    said = helm("lint", "--strict", str(CHART), values=values)

    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("values", VALUES)
def test_every_manifest_is_what_kubernetes_expects(values: dict[str, Any], version: str, tmp_path: Path) -> None:
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(yaml.safe_dump_all(render(values)))

    said = run_installed(sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, str(rendered))

    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.count("passed") == len(render(values))


@pytest.mark.parametrize("values", VALUES)
def test_no_pod_has_root_capabilities_or_the_clusters_token(values: dict[str, Any]) -> None:
    for name, pod in pods(render(values)):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["limits"]["memory"], name


@pytest.mark.parametrize("values", VALUES)
def test_only_the_real_gateway_may_write_to_its_root(values: dict[str, Any]) -> None:
    writable = {
        name
        for name, pod in pods(render(values))
        for container in pod["containers"]
        if not container["securityContext"]["readOnlyRootFilesystem"]
    }

    assert writable <= {"rel-main-gateway"}


def test_a_gateway_that_waits_for_its_second_factor_is_alive_but_not_ready() -> None:
    liveness, readiness = probes(render(REAL), "StatefulSet", "rel-main-gateway")

    assert liveness["exec"]["command"] == ["bash", "/probe/handshake.sh", "alive", "4003"]
    assert readiness["exec"]["command"] == ["bash", "/probe/handshake.sh", "ready", "4003"]


@pytest.mark.parametrize(("kind", "name"), [("Deployment", "rel-main-front"), ("StatefulSet", "rel-main-worker")])
def test_neither_front_nor_worker_is_restarted_or_taken_out_for_its_sessions_state(kind: str, name: str) -> None:
    told = json.dumps(probes(render(REAL), kind, name))

    assert "readyz" not in told
    assert "handshake" not in told


def test_the_worker_hears_of_its_gateway_before_that_is_ready() -> None:
    service = find(render(REAL), "Service", "rel-main-gateway")["spec"]

    assert service["publishNotReadyAddresses"] is True
    assert service["clusterIP"] == "None"


def test_a_real_gateway_runs_under_the_guard_and_with_the_scripts_of_this_project() -> None:
    manifests = render(REAL)
    (container,) = find(manifests, "StatefulSet", "rel-main-gateway")["spec"]["template"]["spec"]["containers"]
    scripts = find(manifests, "ConfigMap", "rel-probe")["data"]

    assert container["command"] == ["bash", "/probe/login-guard.sh"]
    assert container["args"] == ["/home/ibgateway/scripts/run.sh"]
    for name in ("handshake.sh", "login-guard.sh", "phrases.tsv"):
        assert scripts[name].strip() == Path("ibgateway/probe", name).read_text().strip()


def test_another_controller_is_a_matter_of_values() -> None:
    other = {"gateway": {"image": "example/other:1", "command": ["/start"], "phrases": "logged_in\tready$"}} | {
        "logins": REAL["logins"]
    }
    manifests = render(other)
    (container,) = find(manifests, "StatefulSet", "rel-main-gateway")["spec"]["template"]["spec"]["containers"]

    assert (container["image"], container["args"]) == ("example/other:1", ["/start"])
    assert find(manifests, "ConfigMap", "rel-probe")["data"]["phrases.tsv"].strip() == "logged_in\tready$"


def test_a_read_only_login_is_read_only_at_the_gateway_too_whatever_its_settings_say() -> None:
    manifests = render(REAL)

    assert environment(manifests, "StatefulSet", "rel-main-gateway")["READ_ONLY_API"] == "yes"
    assert environment(manifests, "StatefulSet", "rel-main-worker")["TRADING_MODE"] == "read_only"


def test_no_secret_stands_in_a_manifest() -> None:
    told = environment(render(REAL), "StatefulSet", "rel-main-gateway")

    assert told["TWS_USERID"] == {"secretKeyRef": {"name": "main-login", "key": "userid"}}
    assert told["TWS_PASSWORD_FILE"] == "/run/secrets/gateway/password"
    assert "TWS_PASSWORD" not in told
    assert not [each for each in render(REAL) if each["kind"] == "Secret"]


def test_each_login_has_its_own_session_worker_and_gateway() -> None:
    manifests = render(REAL)

    for login, port in (("demo", "4004"), ("main", "4003")):
        worker = environment(manifests, "StatefulSet", f"rel-{login}-worker")
        assert (worker["IBKR_SESSION"], worker["GATEWAY_HOST"]) == (login, f"rel-{login}-gateway")
        assert worker["GATEWAY_PORT"] == port
        assert environment(manifests, "Deployment", f"rel-{login}-front")["IBKR_SESSION"] == login


def test_only_a_logins_own_worker_reaches_its_gateway() -> None:
    policy = find(render(REAL), "NetworkPolicy", "rel-main-gateway")["spec"]
    ((peer,),) = [each["from"] for each in policy["ingress"]]

    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "worker"
    assert peer["podSelector"]["matchLabels"]["ibkr-tws-mcp/login"] == "main"
    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/instance"] == "rel"
    assert "namespaceSelector" not in peer


def test_only_a_real_gateway_reaches_the_internet() -> None:
    reaches = {
        each["metadata"]["name"]
        for each in render(REAL)
        if each["kind"] == "NetworkPolicy" and "ipBlock" in json.dumps(each["spec"].get("egress", []))
    }

    assert reaches == {"rel-main-gateway"}


@pytest.mark.parametrize("values", VALUES)
def test_every_pod_but_the_test_has_a_policy_for_both_directions(values: dict[str, Any]) -> None:
    manifests = render(values)
    policies = [each["spec"] for each in manifests if each["kind"] == "NetworkPolicy"]
    for each in manifests:
        if each["kind"] in {"StatefulSet", "Deployment"}:
            labels = each["spec"]["template"]["metadata"]["labels"].items()
            own = [policy for policy in policies if policy["podSelector"]["matchLabels"].items() <= labels]
            assert [policy["policyTypes"] for policy in own] == [["Ingress", "Egress"]], each["metadata"]["name"]


def test_fronts_want_tokens_and_know_the_names_they_are_called_by() -> None:
    told = environment(render(REAL), "Deployment", "rel-main-front")

    assert told["FRONT_TOKENS_FILE"] == "/run/secrets/front/front_tokens.json"
    assert "ibkr.example.com" in told["FRONT_ALLOWED_HOSTS"].split(",")
    assert "rel-main-front" in told["FRONT_ALLOWED_HOSTS"].split(",")
    assert "FRONT_PUBLISHED_ON" not in told


def test_the_worker_reads_the_clients_of_its_fronts() -> None:
    rendered = render(REAL)
    told = environment(rendered, "StatefulSet", "rel-main-worker")
    pods = [find(rendered, kind, f"rel-main-{part}")["spec"]["template"]["spec"]
            for kind, part in (("Deployment", "front"), ("StatefulSet", "worker"))]  # fmt: skip
    secrets = [each["secret"]["secretName"] for pod in pods for each in pod["volumes"] if each["name"] == "tokens"]

    assert told["CLIENTS_FILE"] == "/run/secrets/front/front_tokens.json"
    assert secrets == ["main-tokens"] * 2


def test_the_ingress_lets_nothing_but_the_endpoint_and_health_through() -> None:
    (rule,) = find(render(REAL), "Ingress", "rel-main-front")["spec"]["rules"]

    assert [each["path"] for each in rule["http"]["paths"]] == ["/api/v1", "/mcp", "/healthz", "/readyz"]


def test_a_front_rolls_over_without_one_missing_and_scaling_is_left_to_the_autoscaler() -> None:
    manifests = render(SIMULATED)
    front = find(manifests, "Deployment", "rel-demo-front")["spec"]

    assert front["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in front
    assert find(manifests, "HorizontalPodAutoscaler", "rel-demo-front")["spec"]["minReplicas"] >= 2
    assert find(manifests, "PodDisruptionBudget", "rel-demo-front")


def test_a_real_gateway_is_replaced_and_moved_only_by_hand() -> None:
    manifests = render(REAL)

    assert find(manifests, "StatefulSet", "rel-main-gateway")["spec"]["updateStrategy"] == {"type": "OnDelete"}
    assert find(manifests, "PodDisruptionBudget", "rel-main-gateway")["spec"]["maxUnavailable"] == 0
    assert find(manifests, "StatefulSet", "rel-demo-gateway")["spec"]["updateStrategy"] == {"type": "RollingUpdate"}


def test_redis_keeps_orders_on_disk_and_is_not_made_where_there_is_another() -> None:
    (container,) = find(render(SIMULATED), "StatefulSet", "rel-redis")["spec"]["template"]["spec"]["containers"]

    assert container["args"] == [
        "--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "384mb", "--maxmemory-policy", "noeviction",
        "--save", "", "--aclfile", "/users/redis/users.acl",
    ]  # fmt: skip
    assert "rel-redis" not in {each["metadata"]["name"] for each in render(REAL)}
    assert environment(render(REAL), "Deployment", "rel-demo-front")["REDIS_URL"] == {
        "secretKeyRef": {"name": "redis", "key": "url"}
    }


@pytest.mark.parametrize(
    ("limit", "maxmemory"),
    [("512Mi", "384mb"), ("2Gi", "1536mb"), ("1.5Gi", "1152mb"), ("1000M", "715mb"), ("2G", "1430mb")],
)
def test_redis_refuses_writes_before_the_kernel_would_kill_it(limit: str, maxmemory: str) -> None:
    manifests = render({"redis": {"resources": {"limits": {"memory": limit}}}})
    (container,) = find(manifests, "StatefulSet", "rel-redis")["spec"]["template"]["spec"]["containers"]

    assert container["args"][container["args"].index("--maxmemory") + 1] == maxmemory


def test_a_redis_without_a_limit_has_none_of_its_own() -> None:
    manifests = render({"redis": {"resources": {"limits": None}}})
    (container,) = find(manifests, "StatefulSet", "rel-redis")["spec"]["template"]["spec"]["containers"]

    assert "--maxmemory" not in container["args"]


@pytest.mark.parametrize(
    "values",
    [
        {"worker": {"env": {"ALERT_WEBHOOK": "https://example.com"}}},
        {"logins": [{**SIMULATED_LOGIN, "workerEnv": {"ALERT_WEBHOOK": "https://example.com"}}]},
        {"logins": [{**SIMULATED_LOGIN, "workerEnv": {"ALERT_TARGETS": "phone=ntfys://ntfy.sh/topic"}}]},
    ],
    ids=["of all", "of one", "targets"],
)
def test_a_worker_with_a_webhook_has_a_way_to_it_and_to_nothing_of_the_cluster(values: dict[str, Any]) -> None:
    rule = find(render(values), "NetworkPolicy", "rel-demo-worker")["spec"]["egress"][-1]

    assert rule["ports"] == [{"port": 443}]
    assert [each["ipBlock"]["cidr"] for each in rule["to"]] == ["0.0.0.0/0", "::/0"]
    assert "10.0.0.0/8" in rule["to"][0]["ipBlock"]["except"]


def test_front_and_worker_verify_a_providers_tokens_and_reach_it_alone() -> None:
    values = {
        "logins": [{**SIMULATED_LOGIN, "publicUrl": "https://ibkr.example.com"}],
        "oidc": {"issuer": "https://login.example.com", "audience": "ibkr", "scopePrefix": "ibkr:"},
    }
    made = render(values)
    told = [environment(made, *each) for each in (("Deployment", "rel-demo-front"), ("StatefulSet", "rel-demo-worker"))]
    ways = [find(made, "NetworkPolicy", f"rel-demo-{each}")["spec"]["egress"][-1] for each in ("front", "worker")]

    assert {each["OIDC_ISSUER"] for each in told} == {"https://login.example.com"}
    assert {(each["OIDC_AUDIENCE"], each["OIDC_SCOPE_PREFIX"], each["OIDC_CLIENTS"]) for each in told} == {
        ("ibkr", "ibkr:", "listed")
    }
    assert [each["ports"] for each in ways] == [[{"port": 443}]] * 2
    assert "10.0.0.0/8" in ways[0]["to"][0]["ipBlock"]["except"]


def test_a_webhook_of_the_cluster_is_a_matter_of_values() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}
    values = {
        "worker": {"env": {"ALERT_WEBHOOK": "http://alerts:8080"}},
        "networkPolicy": {"alerts": {"to": [peer], "port": 8080, "morePorts": [587]}},
    }

    rule = find(render(values), "NetworkPolicy", "rel-demo-worker")["spec"]["egress"][-1]

    assert rule == {"to": [peer], "ports": [{"port": 8080}, {"port": 587}]}


def test_a_digest_wins_over_the_tag() -> None:
    images = {container["image"] for _, pod in pods(render(REAL)) for container in pod["containers"]}
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]

    assert f"ghcr.io/your-organisation/ibkr-tws-mcp/front@sha256:{'a' * 64}" in images
    assert f"ghcr.io/your-organisation/ibkr-tws-mcp/worker:{version}" in images


def test_the_page_names_what_the_chart_makes_of_its_values() -> None:
    page = Path("docs/kubernetes.md").read_text(encoding="utf-8")
    values = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    values["logins"][0]["consoleUrl"] = "https://console.example.com"
    with cluster(NAMESPACE) as empty:
        made = [each for each in yaml.safe_load_all(render_in(empty, values, release="ibkr")) if each]
    names = {each["metadata"]["name"] for each in made}
    images = {each["image"] for _, spec in pods(made) for each in spec["containers"]}

    assert set(re.findall(r"ibkr-main-[a-z]+", page)) <= names
    assert names >= {"ibkr-operator", "ibkr-redis-users"}  # which the page names too
    assert not [each for each in images if "your-organisation" in each]


MEASURED: dict[str, Any] = {
    "metrics": {"enabled": True, "serviceMonitor": {"enabled": True}, "rules": {"enabled": True}}
}


def test_metrics_have_a_service_of_their_own_and_prometheus_alone_reaches_them() -> None:
    made = render(MEASURED)

    for part in ("front", "worker"):
        service = find(made, "Service", f"rel-demo-{part}-metrics")
        assert service["spec"]["ports"] == [{"name": "metrics", "port": 9100, "targetPort": "metrics"}]
        rule = find(made, "NetworkPolicy", f"rel-demo-{part}")["spec"]["ingress"][-1]
        monitoring = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
        assert rule == {"from": [{"namespaceSelector": monitoring}], "ports": [{"port": "metrics"}]}
    for kind, part in (("Deployment", "front"), ("StatefulSet", "worker")):
        told = environment(made, kind, f"rel-demo-{part}")
        assert (told["METRICS_PORT"], told["METRICS_HOST"], told["METRICS_NETWORK"]) == ("9100", "0.0.0.0", "internal")
    ports = find(made, "Service", "rel-demo-front")["spec"]["ports"]
    assert [each["name"] for each in ports] == ["http"]


def test_the_service_monitor_finds_the_metrics_services_and_the_rules_are_those_of_the_repository() -> None:
    made = render(MEASURED)
    wanted = find(made, "ServiceMonitor", "rel-metrics")["spec"]["selector"]["matchLabels"]
    found = {
        each["metadata"]["name"]
        for each in made
        if each["kind"] == "Service" and wanted.items() <= each["metadata"]["labels"].items()
    }

    assert found == {"rel-demo-front-metrics", "rel-demo-worker-metrics"}
    alerts = Path("deploy/observability/alerts.yaml")
    assert (CHART / "files" / "alerts.yaml").read_bytes() == alerts.read_bytes()
    assert find(made, "PrometheusRule", "rel-alerts")["spec"] == yaml.safe_load(alerts.read_text(encoding="utf-8"))


def test_metrics_without_a_network_policy_need_a_token() -> None:
    open_to_all = {"metrics": {"enabled": True}, "networkPolicy": {"enabled": False}}
    said = helm("template", "rel", str(CHART), *OWN_SECRET, values=open_to_all)
    token = {"metrics": {"enabled": True, "tokenSecret": "metrics", "serviceMonitor": {"enabled": True}}}
    made = render(open_to_all | token)

    assert "metrics.tokenSecret is needed" in said.stderr
    (endpoint,) = find(made, "ServiceMonitor", "rel-metrics")["spec"]["endpoints"]
    assert endpoint["authorization"]["credentials"] == {"name": "metrics", "key": "token"}
    worker = find(made, "StatefulSet", "rel-demo-worker")["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "metrics", "key": "token"} in [
        each["valueFrom"]["secretKeyRef"] for each in worker["env"] if each["name"] == "METRICS_TOKEN"
    ]


def test_nothing_of_the_metrics_is_there_by_default() -> None:
    assert not [each for each in render(SIMULATED) if "METRICS" in json.dumps(each) or "-metrics" in json.dumps(each)]
