"""`python -m benchmarks.flood KIND PORT`: a client that sends a thousand reads a second, whatever becomes of them.

It has so many connections that those which wait for an answer do not hold it up before the front has refused plenty.
The kind `saturating` has no rate: each connection sends again as soon as it is answered.

It says BEGUN after the first thousand, and on SIGTERM what it was answered. Its token is in TOKEN; it is empty for a
front without tokens.
"""

import asyncio
import math
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from benchmarks.http_load import MODERN, Call, Socket, call_of

PER_S = 1_000
CONNECTIONS = 1_500
CODE = re.compile(rb'"code": ?"(\w+)"')  # of an error
BEGUN = b"begun"
NAME = "hungry"  # that the client gives itself


def with_token(call: Call, token: str) -> Call:
    return Call({**call.headers, "authorization": f"Bearer {token}"}, call.body) if token else call


def positions(number: int, client: str = NAME) -> Call:
    """Return a call that the worker answers out of its memory."""
    return call_of(MODERN, "ibkr_get_positions", {}, client)


def contracts(number: int) -> Call:
    """Return a call about a symbol that no other call names, so that each is a message to TWS."""
    return call_of(MODERN, "ibkr_get_contract_details", {"symbol": f"Q{number}"}, NAME)


FLOODS: dict[str, Callable[[int], Call]] = {"positions": positions, "contracts": contracts, "saturating": positions}


async def flood(port: int, token: str, kind: str) -> None:
    """Send a thousand calls a second, or as many as all connections can take, until it is cancelled."""
    per_s = math.inf if kind == "saturating" else PER_S
    clients: asyncio.Queue[Socket] = asyncio.Queue()
    opened = [Socket(port) for _ in range(CONNECTIONS)]
    for client in opened:
        await client.open()
        clients.put_nowait(client)
    answers: Counter[str] = Counter()
    tasks: set[asyncio.Task[None]] = set()
    began, sent = time.monotonic(), 0
    with suppress(asyncio.CancelledError):
        while True:
            client = await clients.get()
            await asyncio.sleep(max(0.0, began + sent / per_s - time.monotonic()))
            sent += 1
            task = asyncio.create_task(_one(client, clients, with_token(FLOODS[kind](sent), token), answers))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            if sent == PER_S:
                print(BEGUN.decode(), flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for client in opened:
        await client.close()
    print(f"{sent / (time.monotonic() - began):.0f} sent a second: {dict(answers)}", flush=True)


async def _one(client: Socket, clients: "asyncio.Queue[Socket]", call: Call, answers: Counter[str]) -> None:
    answer = await client.ask(call)
    code = CODE.search(answer)
    answers[code[1].decode() if code else "answered" if b'"isError":false' in answer else "not answered"] += 1
    clients.put_nowait(client)


async def until_told(kind: str, port: int) -> None:
    task = asyncio.create_task(flood(port, os.environ["TOKEN"], kind))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


if __name__ == "__main__":
    asyncio.run(until_told(sys.argv[1], int(sys.argv[2])))
