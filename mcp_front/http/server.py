"""Serves the application with uvicorn, and stops it so that running calls end with an answer."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from types import FrameType

import structlog
import uvicorn
from starlette.types import ASGIApp

from mcp_front.admission.intake import Intake
from mcp_front.http.address_shares import AddressShares
from mcp_front.http.limited_protocol import LimitedProtocol
from mcp_front.timing import USUAL, FrontTiming
from mcp_front.tools.pipeline import CallPipeline

log = structlog.get_logger(__name__)


class DrainingServer(uvicorn.Server):
    """A signal first sets `draining`, on which streams return their summaries; uvicorn hears of it when calls are done.

    Without this, streams of the handshake era are cut at once: their library watches uvicorn's own flag.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        calls: CallPipeline,
        draining: asyncio.Event,
        drain_s: float,
        timing: FrontTiming = USUAL,
    ) -> None:
        super().__init__(config)
        self._calls = calls
        self._draining = draining
        self._drain_s = drain_s
        self._timing = timing
        self._loop: asyncio.AbstractEventLoop | None = None
        self._drained: asyncio.Task[None] | None = None
        self.on_serving: Callable[[], None] = _nothing  # called once the port is bound

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_serving()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            await super().serve(sockets)
        finally:
            if self._drained is not None:  # a second signal has come before it was done
                self._drained.cancel()
                await asyncio.gather(self._drained, return_exceptions=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal handler; the second signal waits for nobody."""
        if self._loop is None or self._draining.is_set():
            self.should_exit = self.force_exit = True
        else:
            self._draining.set()
            self._loop.call_soon_threadsafe(self.drain)

    def drain(self) -> None:
        """Let what runs end, then stop."""
        self._draining.set()
        self._drained = asyncio.ensure_future(self._stop_when_idle())

    @property
    def _is_waited_for(self) -> bool:
        """Return whether a request has come and waits for its turn, which is no call yet."""
        return any(isinstance(each, LimitedProtocol) and each.is_waiting for each in self.server_state.connections)

    async def _stop_when_idle(self) -> None:
        log.info("draining", at_most_s=self._drain_s)
        try:
            async with asyncio.timeout(self._drain_s):
                idle = False
                while not idle:
                    await self._calls.idle()
                    await asyncio.sleep(self._timing.drain_s)  # a request that was let in meanwhile is a call by then
                    idle = self._calls.is_idle and not self._is_waited_for
        except TimeoutError:
            log.warning("calls_cut_off")
        self.should_exit = True


def _nothing() -> None:
    """Tests do not ask when a server serves."""


def http_config(
    app: ASGIApp, host: str, port: int, timing: FrontTiming = USUAL, share: int | None = None
) -> uvicorn.Config:
    """httptools costs a tenth less than h11, and has no limits; logging is ours, and there are no websockets.
    `share`: how many connections one address may have before its clients are authenticated; None without tokens."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=timing.idle_s,
        timeout_graceful_shutdown=timing.cut_s,
    )
    shares = None if share is None else AddressShares(share, config.forwarded_allow_ips)
    limits = partial(LimitedProtocol, timing=timing, shares=shares, intake=Intake())
    config.http = limits  # type: ignore[assignment] # it is only called
    return config
