"""An order that rests, and what the audit log says of orders."""

from typing import Any

import msgspec

from bridge.audit_chain import AuditEntry
from bridge.bus.controls.audit_log import read_log
from tests.stacks.worker import Caller, order


def resting(**changes: Any) -> dict[str, Any]:
    return order(orderType="LMT", lmtPrice=400, totalQuantity=3) | changes


async def entries(front: Caller) -> list[AuditEntry]:
    lines = [line async for line in read_log(front.bus_client.pipe, front.bus_client.keys)]
    return [msgspec.json.decode(line, type=AuditEntry) for line in lines]


async def forgotten(front: Caller, key: str) -> None:
    """Redis loses the record of one key."""
    await front.bus_client.pipe.send("DEL", front.bus_client.keys.order(key), front.bus_client.keys.answer(key))
