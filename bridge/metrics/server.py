"""Serves a service's metrics at /metrics on a port of its own, and loads Prometheus' library only where that is set."""

import asyncio
import hmac
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from typing import NoReturn

import structlog

from bridge.metrics.settings import MetricsSettings
from bridge.metrics.table import MetricSamples
from bridge.tasks import cancel_and_wait

EXPOSITION = "bridge.metrics.exposition"  # the only place that loads prometheus_client: it takes up to 4 MB
PATH = "/metrics"
HEAD_LIMIT = 8 * 1024  # bytes
SCRAPE_S = 5.0  # for one request, from its connection to its answer
AT_ONCE = 4  # requests; Prometheus makes one
AGAIN_S = 10.0  # between attempts at a port that is taken, as by a standby's leader on the same machine

Read = Callable[[], Awaitable[Iterable[MetricSamples]]]

log = structlog.get_logger("bridge.metrics.server")


class MetricsServer:
    """The port. `read` makes a scrape's samples; `constant` has the labels that each of them gets."""

    def __init__(self, settings: MetricsSettings, read: Read, constant: Mapping[str, str]) -> None:
        self._settings = settings
        self._read = read
        self._constant = constant
        self._open = 0
        self.port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self, again_s: float = AGAIN_S) -> NoReturn:
        """Serve until cancelled. Where the port is taken, retry; the service's other work continues."""
        taken = ""
        while True:
            try:
                server = await asyncio.start_server(
                    self._serve, self._settings.metrics_host, self._settings.metrics_port, limit=HEAD_LIMIT
                )
            except OSError as error:
                if str(error) != taken:
                    log.error("metrics_not_served", port=self._settings.metrics_port, error=str(error))
                taken = str(error)
                await asyncio.sleep(again_s)
                continue
            port = server.sockets[0].getsockname()[1]
            if not self.port.done():
                self.port.set_result(port)
            log.info("metrics_serving", host=self._settings.metrics_host, port=port)
            async with server:
                await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(SCRAPE_S):
                    if self._open <= AT_ONCE:
                        head = await reader.readuntil(b"\r\n\r\n")
                        writer.write(await self._answer(head.decode("latin-1")))
                        await writer.drain()
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, head: str) -> bytes:
        line, *rest = head.split("\r\n")
        method, _, path = line.partition(" ")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest if each)}
        if not self._may(headers):
            return _response("401 Unauthorized", b"This port needs METRICS_TOKEN as a bearer token.\n")
        if method not in ("GET", "HEAD") or path.split(" ")[0].partition("?")[0] != PATH:
            return _response("404 Not Found", b"Metrics are at /metrics.\n")
        body, content_type = import_module(EXPOSITION).written(
            await self._read(), self._constant, headers.get("accept", "")
        )
        return _response("200 OK", body if method == "GET" else b"", content_type)

    def _may(self, headers: Mapping[str, str]) -> bool:
        """Return whether the request has the token. Where none is set, a page in a browser on this machine must not
        read the metrics under a name of its own, which always has a dot."""
        token = self._settings.metrics_token
        if token is None:
            return _is_local_name(headers.get("host", ""))
        wanted = f"Bearer {token.get_secret_value()}".encode()
        return hmac.compare_digest(wanted, headers.get("authorization", "").encode())


@asynccontextmanager
async def serving_metrics(
    settings: MetricsSettings, read: Read, constant: Mapping[str, str]
) -> AsyncIterator[MetricsServer]:
    """Serve metrics as long as the block lasts."""
    server = MetricsServer(settings, read, constant)
    serving = asyncio.create_task(server.run(), name="metrics")
    try:
        yield server
    finally:
        await cancel_and_wait([serving])


def _is_local_name(host: str) -> bool:
    """Return whether a Host header is an address, or a name without a dot, as a container's or localhost."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and "." not in name
    return True


def _response(status: str, body: bytes, content_type: str = "text/plain; charset=utf-8") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n"
        "cache-control: no-store\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
