"""The doctor's check of the login session: its state and warnings, its orders and market data."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.client import HTTPException
from typing import Any

from cli.command_line import command
from cli.diagnostics.finding import Finding, Place
from cli.diagnostics.front import admits, readiness_status
from cli.errors import Problem
from cli.front_access import ODD_TOKEN, TOKEN
from cli.mcp_client import Answer, Tools

COMPETING_SESSION = 10197
WATCHED_S = 2
ADD_CLIENT = "docker compose --profile paper run --rm clients-paper"
RELEASE = f"`{command('resume')}` releases it; in containers `docker compose run --rm operator resume`."
CONNECT = "Ask an MCP client to connect it (ibkr_connect), or press Connect on the console's page Session."
SHARE_DATA = (
    "In IBKR's Client Portal, under Settings, Paper Trading Account, share the real-time market data of the live user "
    "with the paper user; it takes effect the next day. An account without subscriptions gets delayed prices."
)


async def check_session(place: Place) -> tuple[dict[str, Any], list[Finding]]:
    """Return the session's status by the front, and the findings of its tools if it is ready."""
    if place.token and not TOKEN.fullmatch(place.token):
        status = await asyncio.to_thread(readiness_status, place.url)
        return status, [Finding("token", "fault", ODD_TOKEN, "Copy it again.")]
    try:
        admitted = await asyncio.to_thread(admits, place)
    except (OSError, HTTPException) as error:
        told = f"The front accepts a request and does not answer it: {error or type(error).__name__}"
        return {}, [Finding("session", "fault", told, "Read its log; if it hangs, restart it.")]
    if not admitted:
        told = ", and none was given" if place.token is None else " and does not know this one"
        cure = f"Set FRONT_TOKEN; `{ADD_CLIENT} add NAME` makes a token."
        status = await asyncio.to_thread(readiness_status, place.url)
        return status, [Finding("token", "fault", f"The front requires a token{told}.", cure), *_standing(status)]
    try:
        async with Tools(place.url, place.token) as tools:
            answer = await tools.call("get_status")
            if answer.code:
                status = await asyncio.to_thread(readiness_status, place.url)
                return status, [_unread(answer), *_standing(status)]
            status = answer.value
            found = [*_standing(status), *_warnings(status, datetime.now(UTC).date())]
            if status.get("is_connected"):
                found += await _trading(tools, status)
                watched = await tools.call("stream_market_data", symbol="SPY", duration_seconds=WATCHED_S)
                found += _prices(watched)
            return status, found
    except Problem as problem:
        return {}, [Finding("session", "fault", f"The front does not serve: {problem}", "Read its log.")]


def _unread(told: Answer) -> Finding:
    """Why the status was not told; the looks that need it are left out."""
    if told.code == "forbidden":
        cure = f"Give the doctor a token that may read: `{ADD_CLIENT} add doctor --scopes read`."
        return Finding("token", "fault", f"This token may not call ibkr_get_status: {told.message}", cure)
    return Finding("session", "fault", f"ibkr_get_status: [{told.code}] {told.message}", "Read the front's log.")


def _standing(status: dict[str, Any]) -> Iterator[Finding]:
    state = status.get("state")
    if state == "ready":
        mode = f", mode {status['mode']}" if status.get("mode") else ""
        accounts = f", accounts {', '.join(status['accounts'])}" if status.get("accounts") else ""
        yield Finding("session", "ok", f"ready{mode}{accounts}")
    elif state is not None:
        part = {"no_worker": "worker", "bus_down": "redis"}.get(state, "session")
        remedy = CONNECT if state == "disconnected" else str(status.get("remedy") or "")
        yield Finding(part, "fault", f"{state}: {status.get('cause')}", remedy)
    if status.get("halted"):
        yield Finding("kill switch", "fault", f"It is set: {status['halted']}", RELEASE)


def _warnings(status: dict[str, Any], today: date) -> Iterator[Finding]:
    """The status' concerns; one whose day has passed is a fault."""
    for each in status.get("concerns", []):
        overdue = each.get("due") is not None and date.fromisoformat(each["due"]) <= today
        yield Finding("warning", "fault" if overdue else "note", each["what"], each["remedy"])


async def _trading(tools: Tools, status: dict[str, Any]) -> list[Finding]:
    """Check that the gateway lists and accepts orders."""
    told = await tools.call("get_open_orders")
    if told.code == "read_only":
        if status.get("mode") == "read_only":
            return [Finding("orders", "note", "The gateway's API is read-only, as is this worker's mode.")]
        cure = (
            "TWS or IB Gateway: Configure, Settings, API, Settings: switch Read-Only API off. In compose: "
            "READ_ONLY_API=no, and bring the gateway up again. Or set TRADING_MODE=read_only."
        )
        return [Finding("orders", "fault", "The gateway's API is read-only: it rejects every order.", cure)]
    if told.code:
        return [Finding("orders", "fault", f"[{told.code}] {told.message}")]
    if status.get("mode") == "read_only":
        return [Finding("orders", "note", "TRADING_MODE is read_only: the worker rejects orders.")]
    return [Finding("orders", "ok", f"{len(told.value)} open")]


def _prices(told: Answer) -> Iterator[Finding]:
    if not told.code:
        kind = told.value.get("marketDataType")
        if kind in ("delayed", "delayed-frozen"):
            yield Finding("market data", "note", f"SPY is {kind}.", SHARE_DATA)
        else:
            yield Finding("market data", "ok", f"SPY is {kind}, {told.value['updates_count']} updates in {WATCHED_S} s")
    elif told.details.get("twsCode") == COMPETING_SESSION:
        cure = "Log out there (TWS, IBKR Mobile, the web portal), or give this gateway a user of its own."
        yield Finding("market data", "fault", "Another session of the same login has the market data.", cure)
    elif told.code == "no_data":
        yield Finding("market data", "fault", f"SPY has no prices: {told.message}", SHARE_DATA)
    else:
        yield Finding("market data", "fault", f"[{told.code}] {told.message}")
