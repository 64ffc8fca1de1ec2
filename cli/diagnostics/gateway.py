"""The doctor's check of the gateway: its version and clock, asked as its probe does."""

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cli.diagnostics.finding import Finding, Place, clock_findings
from cli.diagnostics.program_output import output_of

USUAL_PORTS = (4001, 4002, 4003, 4004, 7496, 7497)  # of IB Gateway, of its images' forwarders, of TWS
OLDEST_VERSION = 157  # what ib_async still speaks; TWS 10.19, the oldest that is supported, is far above


async def check_gateway(place: Place, status: dict[str, Any]) -> list[Finding]:
    """Asked for its version as its probe does, which takes no client's place."""
    host, _, port = (place.gateway or f"{status.get('host') or ''}:{status.get('port') or ''}").rpartition(":")
    if not host or not port.isdecimal():
        return []
    answer = await _probe(host, int(port))
    if answer["outcome"] == "answers":
        return list(_greeted(host, port, answer))
    if answer["outcome"] == "unreachable" and place.gateway is None:
        return [Finding("gateway", "note", f"{host}:{port} is reachable only for the worker, not from here.")]
    others = [each for each in USUAL_PORTS if each != int(port)]
    answers = await asyncio.gather(*(_probe(host, each) for each in others))
    there = [str(each) for each, one in zip(others, answers, strict=True) if one["outcome"] == "answers"]
    if there:
        told = f"{host}:{port} {answer['outcome']}, but a gateway answers on port {', '.join(there)}."
        return [Finding("gateway", "fault", told, f"Set GATEWAY_PORT={there[0]} for the worker.")]
    return [Finding("gateway", "fault", f"{host}:{port}: {answer['meaning']}", str(status.get("remedy") or ""))]


async def _probe(host: str, port: int) -> dict[str, Any]:
    _, said = await output_of(sys.executable, "-m", "ibgateway.probe", host, str(port))
    try:
        told: dict[str, Any] = json.loads(said)
    except ValueError:
        return {"outcome": "unreachable", "meaning": "The probe failed."}
    return told


def _greeted(host: str, port: str, answer: dict[str, Any]) -> Iterator[Finding]:
    version = answer["serverVersion"]
    if version < OLDEST_VERSION:
        told = (
            f"The gateway at {host}:{port} speaks protocol version {version}; the oldest supported is {OLDEST_VERSION}."
        )
        yield Finding("gateway", "fault", told, "Install the stable release of IB Gateway or TWS, at least 10.19.")
    else:
        yield Finding("gateway", "ok", f"answers at {host}:{port} with server version {version}")
    at = instant_of(str(answer.get("time") or ""))
    if at is not None:
        yield from clock_findings("the gateway", at - datetime.now(UTC).timestamp())


def instant_of(text: str) -> float | None:
    """Such as 20260302 09:00:00 US/Eastern; None in a zone that this machine does not know."""
    try:
        day, clock, zone = text.split(" ", 2)
        return datetime.strptime(f"{day} {clock}", "%Y%m%d %H:%M:%S").replace(tzinfo=ZoneInfo(zone)).timestamp()
    except (ValueError, ZoneInfoNotFoundError):
        return None
