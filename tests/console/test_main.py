"""`python -m console` serves until it is told to end, and refuses settings with their names."""

import asyncio
import os
import signal
import socket
import sys

import httpx

from tests.waiting import until


async def started(**settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console", stderr=asyncio.subprocess.PIPE, env={**os.environ, **settings}
    )


async def test_it_serves_until_it_is_told_to_end(redis_url: str, session: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await started(REDIS_URL=redis_url, IBKR_SESSION=session, CONSOLE_PORT=str(port))

    async def serves() -> bool:
        try:
            async with httpx.AsyncClient(verify=False) as http:
                return (await http.get(f"http://127.0.0.1:{port}/healthz")).text == "ok\n"
        except httpx.TransportError:
            return False

    await until(serves, "the console serves", 20)
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 0
    assert b'"event": "console_serving"' in errors
    assert b"Traceback" not in errors


async def test_settings_that_are_no_good_are_named() -> None:
    process = await started(CONSOLE_HOST="0.0.0.0")
    _, errors = await process.communicate()

    assert process.returncode == 2
    assert b"set CONSOLE_URL" in errors
