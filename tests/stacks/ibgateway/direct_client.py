"""A client of the gateway's own connection, with no socket between: what it asks is answered before it goes on."""

from __future__ import annotations

import ibgateway.simulator.handlers  # noqa: F401 - fills what answers a request
from ibgateway.simulator.gateway.gateway import Gateway
from ibgateway.simulator.wire.frames import HELLO, frame
from tests.stacks.ibgateway.world_and_trader import new_world


class DirectClient:
    """A client that is logged in; frames are lists of texts. `start` is what it was told from the handshake on."""

    def __init__(self, gateway: Gateway | None = None, clientId: int = 1, version: int = 200) -> None:
        self.gateway = gateway or Gateway(new_world())
        self.connection = self.gateway.connect()
        self.connection.receive(HELLO + frame(b"v100..%d" % version))
        self.start = self.ask(71, 2, clientId, "")

    def ask(self, *fields: object) -> list[list[str]]:
        """Send a request; what the gateway sends until it is done with it."""
        self.connection.receive(frame("".join(f"{field}\0" for field in fields).encode()))
        self.connection.finish()
        return self.told()

    def told(self) -> list[list[str]]:
        """What waits to be sent."""
        return [payload.decode().removesuffix("\0").split("\0") for payload in self.connection.take()]

    def wait(self, seconds: float) -> list[list[str]]:
        """Let the world's time pass; what is sent meanwhile."""
        self.gateway.advance(self.gateway.world.now + seconds)
        self.connection.finish()
        return self.told()
