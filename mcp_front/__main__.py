"""Assembles the front from its settings and serves it: `python -m mcp_front`."""

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

import structlog
from fastmcp import FastMCP
from fastmcp.server.http import StarletteWithLifespan
from pydantic import ValidationError

from bridge.bus.client.call_trace import CallTrace
from bridge.bus.client.client import BusClient
from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.client_file import require_clients
from bridge.metrics.figures import ROUND_TRIP_BOUNDS_S, CallFigures, Distribution, QueueFigures, StreamFigures
from bridge.metrics.server import MetricsServer, serving_metrics
from bridge.runtime import event_loop
from bridge.runtime.heap import release_at_rest, tune
from bridge.settings import setting_faults
from bridge.tasks import cancel_and_wait
from bridge.tool import Effect, build_writes
from bridge.tracing.loading import load_tracer
from mcp_front.admission.auth import ClientTokens
from mcp_front.admission.fair_queueing import FairQueueMiddleware
from mcp_front.admission.rate_limits import ConcurrencyLimiter, rate_limiter
from mcp_front.admission.refusal_notes import RefusalNotes
from mcp_front.charts.tool import ChartTool
from mcp_front.closing.close_positions import ClosePositionsTool
from mcp_front.http.app import Wrap, build_app
from mcp_front.http.direct_lane import DirectLane
from mcp_front.http.health import add_health
from mcp_front.http.messages import MessageMiddleware
from mcp_front.http.refusals import RefusalMiddleware
from mcp_front.http.server import DrainingServer, http_config
from mcp_front.http.start_page import add_start_page
from mcp_front.logging_setup import configure_logs
from mcp_front.metrics import FrontParts, front_samples
from mcp_front.oauth.oidc import OidcTokens
from mcp_front.oauth.protected_resource import ProtectedResource, ScopeMiddleware
from mcp_front.settings import FrontSettings, load_settings
from mcp_front.streams.readable import ReadableStreams
from mcp_front.streams.tools import Streams
from mcp_front.streams.wait_for import Waits
from mcp_front.streams.waiting import Waiting
from mcp_front.timing import USUAL, FrontTiming
from mcp_front.tools.bus_tools import BusTools
from mcp_front.tools.catalogue import offered_tools
from mcp_front.tools.halt_trading import HaltTradingTool
from mcp_front.tools.known_tools import HiddenTools
from mcp_front.tools.live_order_approval import LiveOrderApproval
from mcp_front.tools.pipeline import Answer, CallPipeline
from mcp_front.tools.request_state import SharedRequestStateCodec
from mcp_front.tools.server import build_server
from mcp_front.tools.status import session_mode

CONNECTIONS = 16_384  # open at once, where the system lets us
ADDRESSES = 4  # so many must act together to take all connections without a token

STREAMED = frozenset(("stream_market_data", "stream_account_updates", "wait_for", "read_stream"))

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Front:
    """The parts of one front that its caller needs in hand."""

    mcp: FastMCP
    app: StarletteWithLifespan
    calls: CallPipeline
    draining: asyncio.Event
    bus: BusClient
    queue: QueueFigures
    streams: StreamFigures


def assemble(settings: FrontSettings, bus: BusClient, timing: FrontTiming = USUAL) -> Front:
    """Everything but the socket; raises OSError or ValueError where the tokens file or a toolset's name is no good."""
    draining = asyncio.Event()
    tokens = client_tokens(bus, settings, timing) if settings.asks_for_tokens else None
    resource = protected_resource(settings)
    answers, codec = BusTools(bus), SharedRequestStateCodec(bus)
    streams = Streams(bus, draining, tokens, timing)
    by_effect = answers.by_effect | {Effect.WRITE: LiveOrderApproval(bus, codec, answers.submit).submit}
    by_name = {
        "get_status": answers.status,
        "stream_market_data": streams.market_data,
        "stream_account_updates": streams.account_updates,
        **_composed_tools(bus, draining, tokens, timing),
    }
    offered = offered_tools(settings.front_toolsets)
    hidden = HiddenTools(offered)
    calls = CallPipeline(by_name, by_effect, ConcurrencyLimiter(settings.front_calls_at_once), hidden)
    calls.trace = CallTrace(bus.pipe, bus.keys, secrets.token_hex(4))
    calls.refusals = RefusalNotes(bus)
    mcp = build_server(offered, calls, hidden, tokens, partial(session_mode, bus), codec)
    tokens_fault = tokens.fault if tokens else _no_fault
    add_health(mcp, bus, draining, tokens_fault)
    add_start_page(mcp, bus, draining, tokens=tokens is not None, oauth=resource is not None)
    if resource is not None:
        resource.add_metadata(mcp)
    bus.fronts.serve(calls.under_way.find, calls.under_way.end)
    queue = QueueFigures()
    paces = rate_limiter(settings.front_calls_per_s, settings.front_burst)
    layers: list[Wrap] = [
        partial(FairQueueMiddleware, paces=paces, counted=calls.counted, figures=queue),
        partial(MessageMiddleware, cancel=bus.fronts.end_only),
        *([partial(ScopeMiddleware, resource=resource, offered=offered)] if resource else []),
        partial(DirectLane, calls=calls, offered=offered, streamed=STREAMED, timing=timing),
    ]
    refusals = partial(RefusalMiddleware, tokens_fault=tokens_fault, resource=resource)
    app = build_app(mcp, settings.hosts, settings.front_allowed_origins, refusals, layers)
    return Front(mcp, app, calls, draining, bus, queue, streams.figures)


def _composed_tools(
    bus: BusClient, draining: asyncio.Event, tokens: ClientTokens | None, timing: FrontTiming
) -> dict[str, Answer]:
    """Return the tools that the front composes, by name, without those that relay a stream."""
    readable = ReadableStreams(bus, Waiting(draining, tokens, timing), timing)
    return {
        "halt_trading": HaltTradingTool(bus, timing).halt,
        "close_positions": ClosePositionsTool(bus, timing.begin_close_s).close,
        "wait_for": Waits(bus, draining, tokens, timing).wait_for,
        "subscribe": readable.subscribe,
        "read_stream": readable.read_stream,
        "unsubscribe": readable.unsubscribe,
        "get_streams": readable.get_streams,
        "get_chart": ChartTool(bus).chart,
    }


def client_tokens(bus: BusClient, settings: FrontSettings, timing: FrontTiming) -> ClientTokens:
    """The check of tokens: of the file's clients, of Redis's and a provider's. Raises ValueError."""
    path = settings.front_tokens_file
    if path is not None:
        require_clients(path, "FRONT_TOKENS_FILE")  # a front does not start with a file that admits nobody
    clients = ClientDirectory(bus.pipe, bus.keys, path)
    bus.watch_clients(clients.changed)
    return OidcTokens(clients, settings.oidc, timing.keys_again_s) if settings.oidc else ClientTokens(clients)


def protected_resource(settings: FrontSettings) -> ProtectedResource | None:
    """The front as a resource of the authorization server; None where clients do not sign in by OAuth."""
    issuer = settings.oidc_issuer or settings.console_url
    if settings.public_url is None or issuer is None:
        return None
    return ProtectedResource(settings.public_url, issuer, settings.oidc_scope_prefix)


def _no_fault() -> None:
    """Without tokens there is no file that could be broken."""


def main() -> int:
    """The exit status: 2 where the settings are no good."""
    try:
        settings = load_settings()
        bus = BusClient(settings.redis_url, settings.ibkr_session, front_id())
        front = assemble(settings, bus)
    except ValidationError as error:
        _complain(*setting_faults(error))
        return 2
    except (OSError, ValueError) as error:
        _complain(str(error))
        return 2
    configure_logs(settings.log_level, settings.log_format)
    build_writes()
    tune()
    event_loop.run(serve(settings, bus, front, _allow_connections()))
    return 0


async def serve(settings: FrontSettings, bus: BusClient, front: Front, connections: int = CONNECTIONS) -> None:
    """Serve until a signal, then drain. `connections`: how many may be open at once."""
    share = connections // ADDRESSES if settings.asks_for_tokens else None
    config = http_config(front.app, settings.front_host, settings.front_port, share=share)
    async with bus:
        server = DrainingServer(config, front.calls, front.draining, settings.front_drain_s)
        serving = {"host": settings.front_host, "port": settings.front_port, "session": settings.ibkr_session}
        server.on_serving = partial(log.info, "serving", **serving)
        releasing = asyncio.create_task(release_at_rest(lambda: front.calls.is_idle))
        try:
            async with _metrics(settings, front, server), tracing(front, settings):
                await server.serve()
        finally:
            await cancel_and_wait([releasing])


@asynccontextmanager
async def tracing(front: Front, settings: FrontSettings) -> AsyncIterator[None]:
    """Trace calls where an endpoint is set, and send the last spans at the end."""
    tracer = load_tracer(settings.otel_exporter_otlp_endpoint, "ibkr-front", settings.ibkr_session)
    front.calls.tracer = front.bus.tracer = tracer
    try:
        yield
    finally:
        if tracer is not None:
            await tracer.close()


def _metrics(
    settings: FrontSettings, front: Front, server: DrainingServer
) -> AbstractAsyncContextManager[MetricsServer | None]:
    """Return what serves the metrics; nothing is counted or loaded where no port is set."""
    if settings.metrics_port is None:
        return nullcontext()
    return front_metrics(settings, front, server)


def front_metrics(
    settings: FrontSettings, front: Front, server: DrainingServer
) -> AbstractAsyncContextManager[MetricsServer]:
    """Count from now on, and return what serves the front's metrics."""
    front.calls.figures, round_trips = CallFigures(), Distribution(ROUND_TRIP_BOUNDS_S)
    front.bus.pipe.on_round_trip = round_trips.add
    open_connections = server.server_state.connections
    parts = FrontParts(front.calls, front.calls.figures, front.queue, front.streams, open_connections, round_trips)
    return serving_metrics(settings, partial(front_samples, parts, front.bus), {"session": settings.ibkr_session})


def _allow_connections() -> int:
    """Return how many connections may be open at once. A client that opens a thousand must not take the place of the
    others; a shell allows 1024 in all."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415  # there is none on Windows

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = CONNECTIONS if hard == resource.RLIM_INFINITY else min(CONNECTIONS, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return CONNECTIONS


def front_id() -> str:
    """Unique among all fronts of a session, since replies come back by it."""
    host = "".join(c if c.isascii() and c.isalnum() else "-" for c in socket.gethostname())[:40]
    return f"{host}-{os.getpid()}-{secrets.token_hex(3)}"


def _complain(*lines: str) -> None:
    sys.stderr.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
