"""The channel that all fronts of a session share: it finds a client's running read on any front and ends it."""

import asyncio
import secrets
from collections.abc import Callable

import msgspec
import structlog

from bridge.bus.client.replies import ReplyInbox
from bridge.bus.keys import Keys
from bridge.bus.transport.connection import BusError
from bridge.bus.transport.pipeline import CommandPipeline

AT_ONCE = 16  # searches of one front: more is a client that loops

RequestId = str | int

log = structlog.get_logger(__name__)


class RunningRead(msgspec.Struct, frozen=True):
    """One call in progress at a front. `token` identifies it among all calls of all fronts."""

    token: str
    endable: bool


class RunningReadQuery(msgspec.Struct, frozen=True, tag=True):
    """A search for this client's calls with this JSON-RPC id."""

    search: str
    principal: str = msgspec.field(name="caller")
    address: str = msgspec.field(name="label")  # that the client connects from
    request_id: RequestId


class RunningReadFound(msgspec.Struct, frozen=True, tag=True):
    """One front's answer to a search; every front that gets a search answers, also with nothing."""

    search: str
    calls: list[RunningRead]


class EndRunningRead(msgspec.Struct, frozen=True, tag=True):
    token: str


Find = Callable[[str, str, RequestId], list[RunningRead]]
_DECODER = msgspec.json.Decoder(RunningReadQuery | RunningReadFound | EndRunningRead)


class FrontChannel:
    """This front on the channel. `find` lists its own calls, `end` ends one of them by its token."""

    def __init__(self, pipe: CommandPipeline, replies: ReplyInbox, keys: Keys) -> None:
        self._pipe = pipe
        self._channel = keys.fronts
        self._answers: dict[str, asyncio.Queue[RunningReadFound]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._find: Find = lambda *_: []
        self._end: Callable[[str], None] = lambda _: None
        replies.attach(self._channel, self._hear)

    def serve(self, find: Find, end: Callable[[str], None]) -> None:
        self._find, self._end = find, end

    async def end_only(self, principal: str, address: str, request_id: RequestId) -> bool:
        """End the client's one running call with this id, and return whether it was told to end.

        Nothing ends where two calls have the id, where the one may not be ended, or where a front did not answer.
        """
        if len(self._answers) >= AT_ONCE:
            return False
        try:
            found = await self._searched(RunningReadQuery(secrets.token_hex(8), principal, address, request_id))
            if found is None or len(found) != 1 or not found[0].endable:
                return False
            await self._publish(EndRunningRead(found[0].token))
        except BusError:
            return False
        return True

    async def _searched(self, search: RunningReadQuery) -> list[RunningRead] | None:
        """The calls of all fronts; None where one of them did not answer in time."""
        answers = self._answers[search.search] = asyncio.Queue[RunningReadFound]()
        try:
            fronts = await self._publish(search)
            async with asyncio.timeout(self._pipe.timing.front_answer_s):
                found = [await answers.get() for _ in range(fronts)]
        except TimeoutError:
            log.warning("front_silent", channel=self._channel)
            return None
        finally:
            del self._answers[search.search]
        return [call for each in found for call in each.calls]

    async def _publish(self, message: RunningReadQuery | RunningReadFound | EndRunningRead) -> int:
        return int(await self._pipe.send("SPUBLISH", self._channel, msgspec.json.encode(message)))

    def _hear(self, message: bytes) -> None:
        """Raises msgspec.DecodeError for what no front of this release sends."""
        heard = _DECODER.decode(message)
        if isinstance(heard, RunningReadQuery):
            calls = self._find(heard.principal, heard.address, heard.request_id)
            task = asyncio.create_task(self._answer(RunningReadFound(heard.search, calls)), name="front answer")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        elif isinstance(heard, RunningReadFound):
            if heard.search in self._answers:
                self._answers[heard.search].put_nowait(heard)
        else:
            self._end(heard.token)

    async def _answer(self, found: RunningReadFound) -> None:
        try:
            await self._publish(found)
        except BusError as error:
            log.warning("front_answer_lost", error=str(error))
