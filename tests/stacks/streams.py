"""The first ticks of a stream."""

import asyncio

from bridge.bus.client.stream_reader import StreamReader


async def first_ticks(feed: StreamReader, count: int) -> list:  # type: ignore[type-arg]
    ticks = []
    async with asyncio.timeout(10):
        async for batch in feed:
            ticks += batch
            if len(ticks) >= count:
                break
    return ticks
