"""Messages about the session itself: handshake, start, ids, errors, time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from ibgateway.simulator.wire.encoding.text import message


def handshake(version: int, at: float, zone: str, zone_name: str) -> bytes:
    """Return the handshake: the version that both speak, and the gateway's time. It has no message id."""
    return f"{version}\0{datetime.fromtimestamp(at, ZoneInfo(zone)):%Y%m%d %H:%M:%S} {zone_name}\0".encode("ascii")


def error(version: int, reqId: int, code: int, text: str, at: float, advancedOrderRejectJson: str = "") -> bytes:
    if version >= 194:
        return message(4, reqId, code, text, advancedOrderRejectJson, round(at * 1000))
    if version >= 166:
        return message(4, 2, reqId, code, text, advancedOrderRejectJson)
    return message(4, 2, reqId, code, text)


def next_valid_id(orderId: int) -> bytes:
    return message(9, 1, orderId)


def managed_accounts(accounts: Iterable[str]) -> bytes:
    return message(15, 1, ",".join(accounts))


def current_time(at: float) -> bytes:
    return message(49, 1, int(at))


def current_time_in_millis(at: float) -> bytes:
    return message(109, round(at * 1000))


def user_info(reqId: int, whiteBrandingId: str) -> bytes:
    return message(107, reqId, whiteBrandingId)


def verify_completed(isSuccessful: bool, errorText: str) -> bytes:
    return message(66, 1, "true" if isSuccessful else "false", errorText)


def verify_and_auth_completed(isSuccessful: bool, errorText: str) -> bytes:
    return message(70, 1, "true" if isSuccessful else "false", errorText)


def display_group_list(reqId: int, groups: str) -> bytes:
    return message(67, 1, reqId, groups)


def display_group_updated(reqId: int, contractInfo: str) -> bytes:
    return message(68, 1, reqId, contractInfo)
