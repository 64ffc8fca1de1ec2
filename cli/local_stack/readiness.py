"""The wait for a ready session, with the reasons why it is not ready yet."""

import asyncio
import json
from collections.abc import Callable
from http.client import HTTPException

from cli.errors import Problem
from cli.http_client import send_request

LOOK_AGAIN_S = 0.1
ANSWER_S = 2.0
READY_WITHIN_S = 60.0
STARTING = "the front is starting"


async def until_ready(port: int, tell: Callable[[str], None]) -> None:
    """Wait until the front says that the session is ready; `tell` hears what it says meanwhile."""
    news = STARTING
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while True:
                ready, news = await asyncio.to_thread(readiness, port)
                if ready:
                    return
                tell(news)
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        raise Problem(f"not ready within {READY_WITHIN_S:g} s: {news}") from None


def readiness(port: int) -> tuple[bool, str]:
    """Return whether /readyz answers 200, and the reason if it does not."""
    try:
        answer = send_request(f"http://127.0.0.1:{port}", "GET", "/readyz", ANSWER_S)
        body = json.loads(answer.body)
    except ConnectionRefusedError:  # nothing listens yet: its process loads
        return False, STARTING
    except (OSError, HTTPException, ValueError):
        return False, "the front does not answer yet"
    return answer.status == 200, str(body.get("cause") or body)
