"""Rights hold in the worker, whatever a front lets pass: scope, toolset, account, symbol and limit of every operation.

The cells are made of the declarations, so a new tool is in them. One worker answers all of them.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.identity.rights import NEEDED
from bridge.tool import OPERATIONS, Effect, ToolError, ToolSpec
from ib_worker.client_rights.symbols import named_contracts
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.stacks.clients import as_client, write_clients
from tests.stacks.example_arguments import example_arguments
from tests.stacks.worker import Caller, order, trading

OWN, FOREIGN = "DU1111111", "DU2222222"
CLIENTS: Mapping[str, Mapping[str, Any]] = {
    "all": {},
    "nobody": {"scopes": []},
    "reader": {"scopes": ["read"]},
    "trader": {"scopes": ["read", "trade"]},
    "no-tools": {"toolsets": ["depth"]},
    "own": {"accounts": [OWN]},
    "foreign": {"accounts": [FOREIGN]},
    "symbol": {"symbols": ["MSFT"]},
    "small": {"accounts": [OWN], "max_order_value": 1},
    "few": {"accounts": [OWN], "max_orders_per_day": 1},
}
OF_FRONTS: Mapping[str, dict[str, Any]] = {  # operations that no model sees
    "open_account_updates": {},
    "get_order_state": {"permId": 1},
    "get_approval_state": {"orderKey": "key-of-nothing"},
    "get_alert_state": {"alertId": "aaaaaaaa-bbbbbbbbbbbbbbbb"},
    "mark_alert_told": {"alertId": "aaaaaaaa-bbbbbbbbbbbbbbbb", "time": "2026-01-01T00:00:00Z"},
    "keep_watches": {"events": [{"event": "price", "symbol": "SPY", "above": 1}]},
    "answer_form": {"key": "key-of-nothing", "challenge": "none", "answer": "decline"},
    "note_refused_call": {"tool": "place_order", "code": "invalid_arguments", "message": "totalQuantity: a number"},
    "open_live_feed": {"symbol": "SPY", "feed": "bars5s"},
    "open_market_data": {"symbol": "SPY"},
}
LISTS = ("get_account_summary", "get_positions", "get_open_orders", "get_completed_orders", "get_executions")


@pytest.fixture
async def front(redis_url: str, session: str, tmp_path: Path) -> AsyncIterator[Caller]:
    path = write_clients(tmp_path / "clients.json", CLIENTS)
    config = SimulatorConfig(accounts=(OWN, FOREIGN))
    async with Simulator(config) as sim, trading(redis_url, session, sim, clients_file=path) as unknown:
        yield unknown


def operations() -> Iterator[tuple[ToolSpec, dict[str, Any]]]:
    """Return each operation of fronts with arguments that its declaration accepts."""
    for name, declared in OPERATIONS.items():
        if declared.console:
            continue
        yield declared, OF_FRONTS[name] if name in OF_FRONTS else example_arguments(declared)


async def outcome(client: Caller, declared: ToolSpec, arguments: Mapping[str, Any]) -> ToolError | None:
    """Return the error of a call, None where it is answered."""
    try:
        if declared.effect is Effect.WRITE:
            given = {name: value for name, value in arguments.items() if name != "idempotencyKey"}
            await client.submit(declared.name, **given)
        else:
            await client.ask(declared.name, **arguments)
    except ToolError as error:
        return error
    return None


def forbidden(error: ToolError | None, by: str) -> bool:
    return error is not None and error.code == "forbidden" and by in error.details


async def test_each_operation_needs_its_scope_and_its_toolset(front: Caller) -> None:
    for declared, arguments in operations():
        needed = NEEDED[declared.effect]
        for name in ("nobody", "reader", "trader"):
            if needed not in CLIENTS[name]["scopes"]:
                error = await outcome(as_client(front, name), declared, arguments)
                assert forbidden(error, "scope"), (name, declared.name, error)
        if not declared.relieves:
            error = await outcome(as_client(front, "no-tools"), declared, arguments)
            assert forbidden(error, "toolset") == (declared.toolset != "depth"), (declared.name, error)


async def test_what_the_console_asks_is_no_clients_to_ask(front: Caller) -> None:
    """It has every account: a front that is taken over asks it with a client's proof."""
    console = [declared for declared in OPERATIONS.values() if declared.console]
    for declared in console:
        arguments = {"conId": 1} if "conId" in declared.request.model_fields else {}
        assert (await as_client(front, "all").refused(declared.name, **arguments)).code == "forbidden"
    assert len(console) >= 3


async def test_an_account_that_is_named_must_be_the_clients_own(front: Caller) -> None:
    client = as_client(front, "own")
    checked = 0
    for declared, arguments in operations():
        if "account" in declared.request.model_fields:
            error = await outcome(client, declared, arguments | {"account": FOREIGN})
            assert forbidden(error, "accounts"), (declared.name, error)
            assert FOREIGN not in str(error)
            checked += 1
    assert checked >= 12


async def test_a_symbol_must_be_the_clients_own(front: Caller) -> None:
    client = as_client(front, "symbol")
    checked = 0
    for declared, arguments in operations():
        if list(named_contracts(declared.request(**arguments))):  # of SPY or AAPL
            error = await outcome(client, declared, arguments)
            assert forbidden(error, "symbols"), (declared.name, error)
            checked += 1
    assert checked >= 15
    assert (await client.ask("get_quotes", contracts=["MSFT"]))["rows"]
    with_conId = await as_client(front, "all").ask("get_contract_details", symbol="AAPL")
    error = await client.refused("get_quotes", contracts=[with_conId[0]["contract"]["conId"]])
    assert forbidden(error, "symbols")


async def test_no_answer_has_another_account_or_its_orders(front: Caller) -> None:
    """Both accounts trade; a client with a right to one sees nothing of the other."""
    everybody, own, foreign = (as_client(front, name) for name in ("all", "own", "foreign"))
    placed = await foreign.submit("place_order", **order(account=FOREIGN, orderType="LMT", lmtPrice=1))
    mine = await own.submit("place_order", **order())  # its one account is meant
    await foreign.submit("place_order", **order(account=FOREIGN))

    whole = {name: str(await everybody.ask(name)) for name in LISTS}
    told = {name: str(await own.ask(name)) for name in LISTS}
    portfolio = str(await own.ask("get_portfolio"))

    assert mine["account"] == OWN
    assert [name for name in LISTS if FOREIGN in whole[name]] == list(LISTS)
    assert [name for name in LISTS if FOREIGN in told[name]] == []
    assert OWN in portfolio
    assert FOREIGN not in portfolio
    named = {"permId": placed["permId"]}
    for operation in ("get_order", "get_order_state"):
        assert forbidden(await outcome(own, OPERATIONS[operation], named), "accounts")
    for operation in ("cancel_order", "modify_order"):
        change = named | ({"lmtPrice": 2} if operation == "modify_order" else {})
        assert forbidden(await outcome(own, OPERATIONS[operation], change), "accounts")
    assert forbidden(await outcome(own, OPERATIONS["cancel_all_orders"], {"everyClient": True}), "accounts")
    assert (await own.submit("cancel_all_orders"))["orders"] == []
    assert [each["permId"] for each in await foreign.ask("get_open_orders")] == [placed["permId"]]
    assert len((await foreign.submit("cancel_all_orders"))["orders"]) == 1


async def test_a_clients_own_limits_hold_beside_the_sessions_and_let_it_close(front: Caller) -> None:
    """The error names whose limit it is."""
    everybody, small, few = (as_client(front, name) for name in ("all", "small", "few"))

    refused = await small.refused_order(**order())
    preview = await small.ask("preview_order", **order())
    await everybody.submit("place_order", **order(account=OWN))
    closed = await small.submit("place_order", **order(action="SELL"))
    first = await few.submit("place_order", **order(totalQuantity=2))
    second = await few.refused_order(**order(totalQuantity=3))
    closing = await few.submit("place_order", **order(action="SELL", totalQuantity=2))
    others = await everybody.submit("place_order", **order(account=OWN, totalQuantity=4))

    assert (refused.details["limit"], refused.details["client"]) == ("max_order_value", "small")
    assert "small's own limit" in refused.message
    assert "small's own limit" in preview["refused_by"]
    assert (second.details["limit"], second.details["client"]) == ("max_orders_per_day", "few")
    assert all(each["orderId"] for each in (closed, first, closing, others))
