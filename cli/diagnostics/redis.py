"""The doctor's check of Redis: whether it answers, keeps every write, and agrees about the time."""

import asyncio
import time
from typing import Any

from bridge.bus.keys import Keys
from bridge.bus.leadership.sessions import known_sessions
from bridge.bus.transport.connection import BusError, Refused, refusing
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import WRITABLE
from bridge.redaction import mask_url
from cli.diagnostics.finding import ANSWER_S, Finding, Place, clock_findings
from cli.operator.redis_target import usual_places


async def check_redis(place: Place, status: dict[str, Any], *, needed: bool = False) -> list[Finding]:
    """Check that Redis answers from here, syncs every write and agrees about the time.

    A Redis that nobody named is checked only if it knows the worker that the front reports: another stack's is not
    judged.
    """
    unreached = Finding("redis", "note", "It is not reachable from here (in compose only front and worker reach it).")
    url = place.redis or await _of_this_stack(status.get("worker"))
    if url is None:
        cure = "Start Redis, or correct REDIS_URL."
        return [Finding("redis", "fault", "The front cannot reach it.", cure) if needed else unreached]
    try:
        async with asyncio.timeout(ANSWER_S), CommandPipeline(url) as pipe:
            seconds, _ = await pipe.send("TIME")
            ahead = int(seconds) - time.time()
            kept = await _settings(pipe, "appendonly", "appendfsync", "maxmemory-policy")
            refused = await _refused(pipe)
    except (BusError, TimeoutError, ValueError) as error:
        told = f"Redis does not answer at {mask_url(url)}: {error or 'no answer in time'}"
        cure = "Start Redis, or name it with --redis or REDIS_URL."
        return [Finding("redis", "fault", told, cure) if needed else unreached]
    if refused is not None:
        what, remedy = refusing(refused) or ("accepts no writes", "Read its log")
        told = f"Redis answers at {mask_url(url)}, but {what}: {refused}"
        return [Finding("redis", "fault", told, f"{remedy}."), *clock_findings("Redis", ahead)]
    safe = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    wrong = {name: kept[name] for name in safe if name in kept and kept[name] != safe[name]}
    if wrong:
        changed = ", ".join(f"{name} is {value}" for name, value in wrong.items())
        told = f"An order's record could be lost at {mask_url(url)}: {changed}"
        cure = "Start it with --appendonly yes --appendfsync always --maxmemory-policy noeviction."
        return [Finding("redis", "fault", told, cure), *clock_findings("Redis", ahead)]
    return [
        Finding("redis", "ok", f"answers at {mask_url(url)}, and syncs every write"),
        *clock_findings("Redis", ahead),
    ]


async def _refused(pipe: CommandPipeline) -> Refused | None:
    """Why it takes no writes now."""
    try:
        await WRITABLE.run(pipe, ())
    except Refused as error:
        return error
    return None


async def _of_this_stack(worker: str | None) -> str | None:
    for url in usual_places() if worker else ():
        try:
            async with asyncio.timeout(ANSWER_S), CommandPipeline(url) as pipe:
                for each in await known_sessions(pipe):
                    if await pipe.send("HGET", Keys(each).heartbeat, "worker") == str(worker).encode():
                        return url
        except (BusError, TimeoutError):
            continue
    return None


async def _settings(pipe: CommandPipeline, *names: str) -> dict[str, str]:
    """Empty where the user of this URL may not ask."""
    try:
        told: list[bytes] = await pipe.send("CONFIG", "GET", *names)
    except BusError:
        return {}
    words = [each.decode() for each in told]
    return dict(zip(words[::2], words[1::2], strict=True))
