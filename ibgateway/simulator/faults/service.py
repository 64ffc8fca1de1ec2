"""Faults behind the gateway: IB's servers, data farms, competing sessions, what the login may do."""

from __future__ import annotations

from decimal import Decimal

from ibgateway.simulator.faults.engine import FOREVER, FaultContext, FaultEngine, verb
from ibgateway.simulator.faults.filters import Delay
from ibgateway.simulator.faults.script import REST, Argument, ScriptError, number, one_of, switch, word
from ibgateway.simulator.model.config import LINK_LOST
from ibgateway.simulator.model.contracts import Contract
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.wire.names import SERVER

RESTORED = "Connectivity between IBKR and Trader Workstation has been restored - data maintained."
FARMS_OK = " All data farms are connected: usfarm.nj; usfuture; cashfarm; usfarm; ushmds; secdefil."
DATA_LOST = "Connectivity between IBKR and Trader Workstation has been restored - data lost."
BROKEN_SERVER = "Connectivity between Trader Workstation and server is broken. It will be restored automatically."
COMPETING = "No market data during competing live session"
DATA = ("line", "depth", "tick by tick", "real time bars", "bars")  # subscriptions that 1101 means are lost
ORDER_MESSAGES = tuple(SERVER[name] for name in ("openOrder", "orderStatus", "execDetails", "commissionReport"))
FARMS = {
    ("farm", "broken"): (2103, "Market data farm connection is broken:{}"),
    ("farm", "ok"): (2104, "Market data farm connection is OK:{}"),
    ("farm", "idle"): (2108, "Market data farm connection is inactive but should be available upon demand.{}"),
    ("farm", "connecting"): (2119, "Market data farm is connecting:{}"),
    ("hmds", "broken"): (2105, "HMDS data farm connection is broken:{}"),
    ("hmds", "ok"): (2106, "HMDS data farm connection is OK:{}"),
    ("hmds", "idle"): (2107, "HMDS data farm connection is inactive but should be available upon demand.{}"),
    ("secdef", "broken"): (2157, "Sec-def data farm connection is broken:{}"),
    ("secdef", "ok"): (2158, "Sec-def data farm connection is OK:{}"),
}


def _send_notice(faults: FaultEngine, context: FaultContext, code: int, text: str, reqId: int = -1) -> None:
    for connection in context.concerned(faults.gateway):
        connection.error(reqId, code, text)


@verb("error", Argument(int), REST)
def error(faults: FaultEngine, context: FaultContext, code: int, words: tuple[str, ...]) -> None:
    """Send an error with id -1; a last word such as `x200` repeats it."""
    times = 1
    if words and words[-1].startswith("x") and words[-1][1:].isdecimal():
        times, words = int(words[-1][1:]), words[:-1]
    for _ in range(times):
        _send_notice(faults, context, code, " ".join(words))


@verb("link", Argument(one_of("down", "up", "lost")), Argument(one_of("quiet"), ""))
def link(faults: FaultEngine, context: FaultContext, state: str, quiet: str) -> None:
    """1100, also to who comes meanwhile, then 1102 or 1101. While it is down data stops and orders wait; with `quiet`,
    what happens to them does too."""
    faults.link_down = state == "down"
    faults.gateway.identity.linked = not faults.link_down
    faults.gateway.feeds.paused = faults.link_down
    faults.filters = [one for one in faults.filters if not isinstance(one, _Quiet)]
    if state == "down":
        _send_notice(faults, context, *LINK_LOST)
        if quiet:
            faults.filters += [_Quiet(msgId, None, None, FOREVER) for msgId in ORDER_MESSAGES]
        return
    if state == "lost":
        _lose_subscriptions(faults)
        _send_notice(faults, context, 1101, DATA_LOST)
    else:
        _send_notice(faults, context, 1102, RESTORED + FARMS_OK)
    faults.send_waiting()
    faults.release(FOREVER)


class _Quiet(Delay):
    """A filter that holds back events of orders while the link is down."""


@verb("deposit", Argument(Decimal), Argument(word, "USD"), Argument(word, ""))
def deposit(faults: FaultEngine, context: FaultContext, amount: Decimal, currency: str, account: str) -> None:
    """Add money to an account, or withdraw it below zero. TWS tells nobody: only the account's values change."""
    world = faults.gateway.world
    try:
        world.deposit(account or world.accounts[0], currency, amount)
    except Refusal as refusal:
        raise ScriptError(f"{account}: {refusal.text}") from refusal


def _lose_subscriptions(faults: FaultEngine) -> None:
    for connection in faults.gateway.connections:
        for kind, reqId in list(connection.subscriptions):
            if kind in DATA:
                connection.unsubscribe(kind, reqId)


@verb("server", Argument(one_of("down", "up")))
def server(faults: FaultEngine, context: FaultContext, state: str) -> None:
    """Send 2110; no message follows when the connection is back."""
    faults.gateway.feeds.paused = state == "down"
    if state == "down":
        _send_notice(faults, context, 2110, BROKEN_SERVER)


def _farm(kind: str) -> None:
    @verb(kind, Argument(one_of("broken", "ok", "idle", "connecting")), Argument(word, "usfarm"))
    def farm(faults: FaultEngine, context: FaultContext, state: str, name: str) -> None:
        """Set a data farm's state; while the market data farm is broken no quotes are sent."""
        code, text = FARMS[kind, state]
        if kind == "farm":
            faults.gateway.feeds.paused = state == "broken"
        _send_notice(faults, context, code, text.format(name))


for _kind in ("farm", "hmds", "secdef"):
    _farm(_kind)


@verb("halt", Argument(word), Argument(number))
def halt(faults: FaultEngine, context: FaultContext, symbol: str, seconds: float) -> None:
    """Halt trading in a stock: no quotes, no prints, no fills until it resumes."""
    world = faults.gateway.world
    try:
        contract = world.resolve(Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD"))
    except Refusal as refusal:
        raise ScriptError(f"{context.step.line!r}: {refusal.text}") from refusal
    world.halt(contract, world.now + seconds)


@verb("competing", Argument(switch))
def competing(faults: FaultEngine, context: FaultContext, on: bool) -> None:
    """Stop market data, as if the same user had logged in elsewhere."""
    faults.gateway.identity.competing = on
    faults.gateway.feeds.paused = on
    if on:
        for connection in faults.gateway.connections:
            for kind, reqId in list(connection.subscriptions):
                if kind in DATA:
                    connection.error(reqId, 10197, COMPETING)


@verb("read-only", Argument(switch))
def read_only(faults: FaultEngine, context: FaultContext, on: bool) -> None:
    """Switch the API's read-only setting: orders are answered with 321."""
    faults.gateway.identity.readOnly = on


@verb("entitlement", Argument(one_of("live", "delayed", "none")))
def entitlement(faults: FaultEngine, context: FaultContext, kind: str) -> None:
    """Set the market data that the login has paid for."""
    faults.gateway.identity.entitlement = kind


@verb("pacing", Argument(switch))
def pacing(faults: FaultEngine, context: FaultContext, on: bool) -> None:
    """Switch IBKR's limits of messages and historical requests."""
    faults.gateway.limits.paced = on


@verb("limit", Argument(one_of("lines", "depth", "ticks", "messages", "history")), Argument(int))
def limit(faults: FaultEngine, context: FaultContext, what: str, most: int) -> None:
    """Set a limit of the gateway, such as the number of market-data lines."""
    names = {"ticks": "tick_by_tick", "messages": "messages_per_s", "history": "history_per_window"}
    setattr(faults.gateway.limits, names.get(what, what), most)


@verb("ids", Argument(word))
def ids(faults: FaultEngine, context: FaultContext, change: str) -> None:
    """Set every client's next order id (`ids 1`), or move it (`ids -4`, `ids +10`)."""
    identity = faults.gateway.identity
    if change[0] in "+-":
        identity.orderIdShift += int(change)
    else:
        identity.nextOrderId = int(change)


@verb("reserve", Argument(int))
def reserve(faults: FaultEngine, context: FaultContext, clientId: int) -> None:
    """Take this client id: a client that uses it gets 326."""
    faults.gateway.reserved.add(clientId)


@verb("unreserve", Argument(int))
def unreserve(faults: FaultEngine, context: FaultContext, clientId: int) -> None:
    faults.gateway.reserved.discard(clientId)


@verb("zone", Argument(word))
def zone(faults: FaultEngine, context: FaultContext, name: str) -> None:
    """Set the gateway's name of its time zone, such as `"Central European Standard Time"`."""
    faults.gateway.identity.zone_name = name
