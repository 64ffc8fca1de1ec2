"""
What helm needs of a cluster to render as an installation does: an API in which it looks objects up.

It serves GET alone. So nothing is installed, and no pod runs.
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Object = dict[str, Any]

ROOT_CA = "kube-root-ca.crt"  # which Kubernetes puts into every namespace
NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
KINDS = {
    "v1": {"Secret": "secrets", "ConfigMap": "configmaps", "Service": "services", "Pod": "pods"},
    "apps/v1": {"Deployment": "deployments", "StatefulSet": "statefulsets"},
    "autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "networking.k8s.io/v1": {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
    "monitoring.coreos.com/v1": {"ServiceMonitor": "servicemonitors", "PrometheusRule": "prometheusrules"},
}


@dataclass
class Cluster:
    """A cluster with one namespace: its address, and its objects by their paths in the API."""

    namespace: str
    address: str = ""
    objects: dict[str, Object] = field(default_factory=dict)

    def put(self, manifest: Object) -> None:
        """Store an object of the core API in the namespace, in place of one of that name."""
        plural = KINDS["v1"][manifest["kind"]]
        self.objects[f"/api/v1/namespaces/{self.namespace}/{plural}/{manifest['metadata']['name']}"] = manifest


@contextlib.contextmanager
def cluster(namespace: str) -> Iterator[Cluster]:
    """Serve a cluster on a free port of this machine."""
    served = Cluster(namespace)
    served.put({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": ROOT_CA, "namespace": namespace}})
    discovered = dict(_discovered())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: the client acknowledges the first of two 40 ms later

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            found = discovered.get(path) or served.objects.get(path)
            body = json.dumps(found or NOT_FOUND).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of each request."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        served.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield served
        finally:
            server.shutdown()


def _discovered() -> Iterator[tuple[str, Object]]:
    """Yield what the API says of itself, by paths."""
    yield "/version", {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
    yield "/api", {"kind": "APIVersions", "versions": ["v1"]}
    named = [(each.partition("/")[0], {"groupVersion": each, "version": each.partition("/")[2]})
             for each in KINDS if "/" in each]  # fmt: skip
    groups = [{"name": name, "versions": [each], "preferredVersion": each} for name, each in named]
    yield "/apis", {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    for version, kinds in KINDS.items():
        known = [{"name": plural, "singularName": kind.lower(), "kind": kind, "namespaced": True, "verbs": ["get"]}
                 for kind, plural in kinds.items()]  # fmt: skip
        root = "/apis" if "/" in version else "/api"
        yield f"{root}/{version}", {"kind": "APIResourceList", "groupVersion": version, "resources": known}
