"""Hands requests to their connections' parsers, a few at each turn of the event loop, callers in rotation.

A thousand connections can send at once, and each request takes a part of a millisecond until it waits in the fair
queue. Without this the loop takes all of them in one turn, and every answer under way waits until it is over.
"""

import asyncio
import re
from collections.abc import Callable

from bridge.fair_queue import RoundRobinQueue
from bridge.tool import TOOLS

AT_A_TURN = 2  # requests: half a millisecond of the loop
KNOWN = 1_000  # claims
TOKEN = re.compile(rb"\r\nauthorization:([^\r\n]*)", re.IGNORECASE)
NAME = re.compile(rb'clientInfo"\s*:\s*\{[^{}]*?"name"\s*:\s*"([^"]*)"')

Begin = Callable[[], None]
Claim = int | None  # who a request says it is from: a keyed hash of the token and the client's name in it


class Intake:
    """The requests that have come and not begun, first come, first served within a caller's line. A request with a
    claim that the fair queue has confirmed before waits in its caller's line, any other in its address's."""

    def __init__(self) -> None:
        self._waiting: RoundRobinQueue[Begin] = RoundRobinQueue()
        self._callers: dict[Claim, str] = {}
        self._left = AT_A_TURN  # of this turn of the loop
        self._turns = False  # the loop is to call `_turn`
        names = sorted(name for name, tool in TOOLS.items() if tool.relieves)
        self._relieving = re.compile("|".join(map(re.escape, names)).encode())

    def is_urgent(self, data: bytes) -> bool:
        """Return whether the request may reduce risk, by the name of a tool in it: then it waits for nobody."""
        return self._relieving.search(data) is not None

    def may_begin(self) -> bool:
        """Return whether one more request may begin in this turn of the loop, and count it."""
        if self._waiting or not self._left:
            return False
        self._left -= 1
        self._go_on()
        return True

    def add(self, claim: Claim, address: str, begin: Begin) -> None:
        """Let a request wait. `begin` is called at its turn."""
        self._waiting.add(self._callers.get(claim, address), begin)
        self._go_on()

    def confirm(self, claim: Claim, caller: str) -> None:
        """Note whose the requests with a claim are."""
        if claim is not None and claim not in self._callers:
            if len(self._callers) >= KNOWN:
                self._callers.clear()
            self._callers[claim] = caller

    def _go_on(self) -> None:
        if not self._turns:
            self._turns = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turns, self._left = False, AT_A_TURN
        try:
            while self._waiting and self._left:
                self._left -= 1
                self._waiting.take()()
        finally:  # what one request raises holds no other
            if self._left < AT_A_TURN:
                self._go_on()


def claim_of(data: bytes) -> Claim:
    """Return the claim of a request, by its first bytes; None where they have no head's end."""
    end = data.find(b"\r\n\r\n") + 2
    if end < 2:
        return None
    token, name = TOKEN.search(data, 0, end), NAME.search(data, end)
    return hash((token and token[1], name and name[1]))
