"""Run by the interpreter of an environment that has some release of `ibapi`: its whole request set, one line each.

python official.py PORT     prints {"op": …, "got": number of callbacks, "problem": text or null} a line
"""

from __future__ import annotations

import inspect
import json
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from ibapi import decoder as ibapi_decoder  # type: ignore[import-not-found]
from ibapi.client import EClient  # type: ignore[import-not-found]
from ibapi.contract import Contract  # type: ignore[import-not-found]
from ibapi.order import Order  # type: ignore[import-not-found]
from ibapi.wrapper import EWrapper  # type: ignore[import-not-found]

WAIT_S = 15.0
NOTICES = set(range(2100, 2170)) | {202, 399, 10167}  # codes that are no refusal
LEFT_OVER: list[str] = []


class Heard(EWrapper):  # type: ignore[misc]
    """Puts every callback into a queue."""

    def __init__(self) -> None:
        self.queue: queue.Queue[tuple[str, tuple[Any, ...]]] = queue.Queue()


def hear_everything() -> None:
    for name in dir(EWrapper):
        if not name.startswith("_") and callable(getattr(EWrapper, name)) and "ProtoBuf" not in name:
            setattr(Heard, name, _listener(name, getattr(EWrapper, name)))


def _listener(name: str, original: Any) -> Any:
    def callback(self: Any, *arguments: Any) -> None:
        self.queue.put((name, arguments))

    # Simple messages are decoded by the callback's own signature.
    callback.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    return callback


class App(Heard, EClient):  # type: ignore[misc]
    def __init__(self) -> None:
        Heard.__init__(self)
        EClient.__init__(self, self)


def watch_leftovers() -> None:
    """Every field of a frame must be read: the decoder itself does not mind one too many."""
    table = ibapi_decoder.Decoder(EWrapper(), 200).msgId2handleInfo
    for info in table.values():
        if info.processMeth is not None:
            info.processMeth = _checked(info.processMeth)


def _checked(process: Any) -> Any:
    def checked(decoder: Any, fields: Any) -> Any:
        answer = process(decoder, fields)
        rest = list(fields)
        if rest:
            LEFT_OVER.append(f"{process.__name__}: {len(rest)} fields left, {rest[:5]}")
        return answer

    return checked


def contract(secType: str, symbol: str, **more: Any) -> Any:
    made = Contract()
    made.secType, made.symbol, made.exchange, made.currency = secType, symbol, "SMART", "USD"
    for name, value in more.items():
        setattr(made, name, value)
    return made


def order(action: str, quantity: Any, orderType: str, **more: Any) -> Any:
    made = Order()
    made.action, made.totalQuantity, made.orderType = action, quantity, orderType
    for name, value in more.items():
        setattr(made, name, value)
    return made


Ask = Callable[[int], Any]


def report(op: str, got: int, problem: str | None) -> None:
    print(json.dumps({"op": op, "got": got, "problem": problem}), flush=True)  # noqa: T201 - a command prints


class Run:
    """Asks, waits for the callbacks that must come, and prints what came."""

    def __init__(self, port: int) -> None:
        self.app = App()
        self.app.connect("127.0.0.1", port, 17)
        self.thread = threading.Thread(target=self.app.run, daemon=True)
        self.thread.start()
        self.reqId = 1000
        self.orderId = 0

    def ask(
        self,
        op: str,
        wanted: str,
        send: Ask,
        least: int = 1,
        until: str | None = None,
        holds: Callable[[list[Any]], Any] = bool,
        about: Callable[[tuple[Any, ...]], bool] = bool,
    ) -> list[Any]:
        """At least so many callbacks `wanted`, one `until` where one is named, and what must hold of the content.

        `about` leaves out callbacks that tell of something else, such as an earlier order.
        """
        self.reqId += 1
        found: list[Any] = []
        problem: str | None
        try:
            send(self.reqId)
            found, problem = self._wait(wanted, least, until, about)
            if problem is None and not holds(found):
                problem = f"the content is not as it must be: {str(found)[:300]}"
        except Exception as error:  # noqa: BLE001 - a client that fails in any way is what this looks for
            problem = f"{type(error).__name__}: {error}"
        if LEFT_OVER:
            problem = "; ".join(LEFT_OVER)
            LEFT_OVER.clear()
        if problem is None and not self.thread.is_alive():
            problem = "the client's loop has ended"
        report(op, len(found), problem)
        return found

    def _wait(
        self, wanted: str, least: int, until: str | None, about: Callable[[tuple[Any, ...]], bool]
    ) -> tuple[list[Any], str | None]:
        found: list[Any] = []
        ended = until is None
        deadline = time.monotonic() + WAIT_S
        while len(found) < least or not ended:
            try:
                name, arguments = self.app.queue.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                return found, f"{wanted} x {len(found)}, {until} {ended}, after {WAIT_S} s"
            if name == wanted and (not arguments or about(arguments)):
                found.append(arguments)
            ended = ended or name == until
            if name == "error" and wanted != "error" and not any(one in NOTICES for one in arguments[:3]):
                return found, f"error {arguments}"
        return found, None

    def next_order(self) -> int:
        self.orderId += 1
        return self.orderId
