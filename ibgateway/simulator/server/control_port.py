"""The control port's language: one line of JSON in, one out, for tests in another process or another language.

{"do": "fault", "line": "after 5 reset"}            {"ok": true}
{"do": "journal", "after": 0, "direction": "in"}    {"ok": true, "last": 17, "entries": [...]}
{"do": "orders"}                                    the placeOrder frames that ask for a real order
{"do": "status"}                                    clock, clients, market-data lines
{"do": "skip", "seconds": 3600}                     moves the clock forward
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ibgateway.simulator.faults import ScriptError
from ibgateway.simulator.server.host import Host
from ibgateway.simulator.server.journal import JournalEntry

MAX_ENTRIES = 10_000  # of one answer; ask again with `after`
JsonObject = dict[str, Any]


class ControlPort:
    """Answers the requests of the control port."""

    def __init__(self, host: Host[Any], fault: Callable[[str], None], skip: Callable[[float], None]) -> None:
        self.host = host
        self.fault = fault
        self.skip = skip
        self._verbs: dict[str, Callable[[JsonObject], JsonObject]] = {
            "fault": self._fault,
            "journal": self._journal,
            "orders": self._orders,
            "status": self._status,
            "skip": self._skip,
        }

    def answer(self, line: bytes) -> bytes:
        answer: JsonObject
        try:
            request = json.loads(line)
            verb = self._verbs[request["do"]]
            answer = {"ok": True} | verb(request)
        except (ScriptError, ValueError, TypeError, KeyError, AttributeError) as error:
            answer = {"ok": False, "error": str(error) or type(error).__name__, "do": sorted(self._verbs)}
        return json.dumps(answer).encode()

    def _fault(self, request: JsonObject) -> JsonObject:
        for line in str(request["line"]).splitlines():
            self.fault(line)
        return {}

    def _journal(self, request: JsonObject) -> JsonObject:
        found = self.host.journal.entries(
            request.get("direction"), request.get("msgId"), request.get("clientId"), int(request.get("after", 0))
        )
        return {"last": self.host.journal.last, "entries": [_shown(one) for one in found[:MAX_ENTRIES]]}

    def _orders(self, request: JsonObject) -> JsonObject:
        return {"entries": [_shown(one) for one in self.host.journal.orders(int(request.get("after", 0)))]}

    def _status(self, _: JsonObject) -> JsonObject:
        gateway = self.host.gateway
        return {
            "now": self.host.now,
            "clients": sorted(gateway.clients),
            "connections": len(gateway.connections),
            "lines": len(gateway.feeds),
            "ports": self.host.ports,
        }

    def _skip(self, request: JsonObject) -> JsonObject:
        seconds = float(request["seconds"])
        if seconds < 0:
            raise ValueError(f"seconds is {seconds}; the clock only moves forward, pass 0 or more")
        self.skip(seconds)
        return {"now": self.host.now}


def _shown(entry: JournalEntry) -> Any:
    return json.loads(entry.as_json())
