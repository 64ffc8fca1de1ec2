"""A real client's encoder and decoder, without its socket: what ib_async sends, and how it reads what we send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ib_async.client import Client
from ib_async.decoder import Decoder


class Recorder:
    """Takes what a client wants to send; remembers every callback that its decoder makes."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def sendMsg(self, text: str) -> None:
        self.payloads.append(text.encode())

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.calls.append((name, arguments))


def sent_by_ib_async(version: int, method: str, *arguments: Any) -> bytes:
    """The payload that ib_async sends for one request."""
    recorder = Recorder()
    client = Client(recorder)  # type: ignore[no-untyped-call]
    client._serverVersion = version
    client.connState = Client.CONNECTED
    client.sendMsg = recorder.sendMsg  # type: ignore[method-assign, assignment]
    getattr(client, method)(*arguments)
    return recorder.payloads[0]


def read_by_ib_async(version: int, *payloads: bytes) -> list[tuple[str, tuple[Any, ...]]]:
    """What ib_async's decoder makes of payloads; its errors are raised, which itself it would only log."""
    recorder = Recorder()
    decoder = Decoder(recorder, version)  # type: ignore[arg-type]
    for payload in payloads:
        fields = payload.decode().split("\0")
        fields.pop()
        decoder.handlers[int(fields[0])](fields)
    return recorder.calls
