"""A relay between a client and Redis that can lose answers, fall silent, or cut and refuse connections."""

import asyncio
from contextlib import suppress
from typing import Any, Self


class Shim:
    """Put before a server: `url` is what the client uses. Both directions flow until told otherwise."""

    def __init__(self, upstream_url: str) -> None:
        self._path = upstream_url.removeprefix("unix://")
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.answers = asyncio.Event()  # whether what Redis says gets through
        self.answers.set()
        self.refusing = False
        self.accepted = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.cut()
        for writer in tuple(self._writers):
            with suppress(OSError):
                await writer.wait_closed()

    def lead_to(self, url: str) -> None:
        """Another server stands behind new connections from now on."""
        self._path = url.removeprefix("unix://")

    def cut(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        self.accepted += 1
        if not self.refusing:
            up_reader, up_writer = await asyncio.open_unix_connection(self._path)
            self._writers.add(up_writer)
            with suppress(asyncio.CancelledError):  # asyncio reports a cancelled connection as a fault
                await asyncio.gather(self._pump(reader, up_writer), self._pump(up_reader, writer, self.answers))
        writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event | None = None
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if gate is not None:
                    await gate.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
