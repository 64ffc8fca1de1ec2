"""Relays one stream to one client: a log message and progress for each update, at the client's own pace."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

import anyio

from mcp_front.streams.conflating_queue import ConflatingQueue
from mcp_front.streams.updates import Update
from mcp_front.timing import USUAL, FrontTiming
from mcp_front.tools.pipeline import ClientMessages, PromptMessages

Ender = Callable[[], Awaitable[str]]  # returns the reason for ending early, once there is one


@dataclass(frozen=True)
class StreamText:
    """The text of one kind of stream's updates."""

    kind_of: Callable[[Any], Hashable]  # of an update: those of one kind supersede one another
    line: Callable[[Any], str]  # one line for the log message and the progress


@dataclass(frozen=True)
class Outcome:
    """The result of a relay. `left_out`: updates that a slow client did not get. `ended`: the reason if it ended
    early."""

    sent: int
    left_out: int
    seconds: float
    ended: str | None


def lasts_s(seconds: int, opening_s: float, timing: FrontTiming = USUAL) -> float:
    """Return the seconds to relay a stream that took so long to open: the whole call must end before its host's
    timeout."""
    if seconds >= timing.long_stream_s:
        return max(seconds - timing.early_s - opening_s, 0.0)
    return max(min(seconds, timing.latest_s - opening_s), 0.0)


class Relay:
    """One stream on its way to one client. A client that stalls loses updates, and slows down nobody else."""

    def __init__(
        self,
        client: ClientMessages,
        seconds: int,
        wording: StreamText,
        asked_at: float | None = None,
        timing: FrontTiming = USUAL,
    ) -> None:
        """`asked_at`: when the call came, by the loop's clock; left out: now."""
        self._client = client
        self._prompt = client if isinstance(client, PromptMessages) else None
        self._seconds = seconds
        self._wording = wording
        self._pending = ConflatingQueue(wording.kind_of)
        self._queued = self._sent = 0
        self._sending = False  # an update is on its way, and those after it have to wait
        self._line = "waiting for the first update"
        self._began = asyncio.get_running_loop().time()
        self._timing = timing
        self._lasts_s = lasts_s(seconds, 0.0 if asked_at is None else self._began - asked_at, timing)
        self._progress = self._reported_s = 0.0

    def put(self, update: Update) -> None:
        """Send an update in this step where nothing is in its way; queue it for the client otherwise."""
        self._queued += 1
        if self._sending or len(self._pending) or not self._sent_now(update):
            self._pending.put(update)

    def _sent_now(self, update: Update) -> bool:
        """Send an update where the client has room for it now. A task for each would take longer than all the rest."""
        if self._prompt is None:
            return False
        line, elapsed_s = self._wording.line(update), self._elapsed()
        progress = self._next_progress(elapsed_s)
        if not self._prompt.send_now(line, update.body, progress, self._seconds):
            return False
        self._line, self._reported_s, self._progress = line, elapsed_s, progress
        self._sent += 1
        return True

    async def run(self, *enders: Ender) -> Outcome:
        """Relay until the time is over, or until one of the `enders` gives a reason to end before."""
        sender, pulse = asyncio.ensure_future(self._send_all()), asyncio.ensure_future(self._show_life())
        reasons = [asyncio.ensure_future(each()) for each in enders]
        tasks = [sender, pulse, *reasons]
        try:
            done, _ = await asyncio.wait(tasks, timeout=self._lasts_s, return_when=asyncio.FIRST_COMPLETED)
            for failed in done & {sender, pulse}:
                failed.result()  # they end by themselves only with an exception
            ended = next((each.result() for each in reasons if each in done), None)
            seconds = round(self._elapsed(), 3)
            self._pending.close()
            await asyncio.wait([sender], timeout=self._timing.flush_s)
        finally:
            await _stop(*tasks)
        return Outcome(self._sent, self._queued - self._sent, seconds, ended)

    async def _send_all(self) -> None:
        while (update := await self._pending.take()) is not None:
            self._sending = True
            self._line = self._wording.line(update)
            await self._in_time(self._send(update))
            self._sending = False

    async def _show_life(self) -> None:
        """Report progress again and again while the stream is quiet. A timer for each update would cost more."""
        while True:
            left_s = self._reported_s + self._timing.pulse_s - self._elapsed()
            if left_s > 0:
                await asyncio.sleep(left_s)
            else:
                await self._in_time(self._report())

    async def _send(self, update: Update) -> None:
        await self._client.info(self._line, extra=update.values)
        self._sent += 1
        await self._report()

    async def _report(self) -> None:
        """Progress, which more hosts show than log messages."""
        self._reported_s = self._elapsed()
        self._progress = self._next_progress(self._reported_s)
        await self._client.report_progress(self._progress, self._seconds, self._line)

    def _next_progress(self, elapsed_s: float) -> float:
        """MCP wants it to rise with every report."""
        return max(round(elapsed_s, 3), self._progress + 0.001)

    async def _in_time(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._timing.send_s):
                await sending
        except TimeoutError:
            pass  # stalled: the message is left out, and shows in the count

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._began


async def _stop(*tasks: "asyncio.Future[Any]") -> None:
    """End the tasks and wait for it, also where the call itself is cancelled (by anyio, again and again)."""
    for each in tasks:
        each.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.gather(*tasks, return_exceptions=True)
