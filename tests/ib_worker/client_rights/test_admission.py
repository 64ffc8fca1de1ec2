"""The worker believes a call's proof, and no front's word for who calls."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.bus.identity.clients import Client, grant_access, remove_client, store_client
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.identity.rights import Rights
from bridge.bus.identity.sign_ins import CONSOLE_CALLER, begin_sign_in, end_sign_ins_of, sign_in_id
from bridge.bus.messages import NO_PROOF, ClientProof
from bridge.bus.records.records import RecordKeeper
from ib_worker.client_rights.current import current_client
from ibgateway.simulator.server.server import Simulator
from tests.stacks.clients import as_client, proof_for, write_clients
from tests.stacks.worker import Caller, caller, order, trading, worker

HOUR_MS = 3_600_000
KEY = "key-of-the-order-1"


@pytest.fixture
async def front(redis_url: str, session: str, tmp_path: Path) -> AsyncIterator[Caller]:
    """A worker that knows three clients by its file."""
    clients = {"trader": {}, "reader": {"scopes": ["read"]}, "quotes": {"toolsets": ["quotes"]}}
    path = write_clients(tmp_path / "clients.json", clients)
    async with Simulator() as sim, trading(redis_url, session, sim, clients_file=path) as unknown:
        yield unknown


async def test_a_call_needs_its_own_clients_proof(front: Caller, tmp_path: Path) -> None:
    for forged in (
        Caller(front.bus_client, "trader"),
        Caller(front.bus_client, "trader", proof=ClientProof("0" * 64)),
        as_client(front, "trader", token_of="reader"),
        as_client(front, "local", token_of="trader"),
    ):
        assert (await forged.refused("get_positions")).code == "unauthorized"
        assert (await forged.refused_order(**order())).code == "unauthorized"
        assert (await forged.refused_order("cancel_all_orders")).code == "unauthorized"

    provider = await Caller(front.bus_client, "oidc-anna-1", proof=ClientProof("0" * 64)).refused("get_positions")
    assert (provider.code, "OpenID Connect provider" in provider.message) == ("unauthorized", True)
    assert await as_client(front, "reader").ask("get_positions")
    audit = await front.bus_client.pipe.send("XRANGE", front.bus_client.keys.audit, "-", "+")
    assert str(audit).count("unauthorized") == 8

    write_clients(tmp_path / "clients.json", {"reader": {}})  # the trader's entry is gone
    assert (await as_client(front, "trader").refused("get_positions")).code == "unauthorized"
    assert current_client() is None


async def test_scopes_and_toolsets_are_the_workers_to_check(front: Caller) -> None:
    """A front that is taken over leaves out its own check."""
    reader, quotes = as_client(front, "reader"), as_client(front, "quotes")

    refused = await reader.refused_order(**order())
    assert refused.details["scope"] == "trade"
    assert refused.message.endswith("Ask the operator for more rights.")
    assert (await reader.refused("disconnect")).details["scope"] == "admin"
    assert (await quotes.refused("get_positions")).details["toolset"] == "account"
    assert (await quotes.refused_order(**order())).details["toolset"] == "orders"
    assert (await quotes.ask("get_quotes", contracts=["SPY"]))["rows"]
    assert await quotes.submit("cancel_all_orders")


async def test_a_proof_is_in_no_record_and_no_audit_entry(front: Caller) -> None:
    trader = as_client(front, "trader")
    done = await trader.submit("place_order", KEY, **order())
    keeper = RecordKeeper(trader.bus_client.pipe, trader.bus_client.keys, 1)
    record = await keeper.read(KEY)
    audit = await trader.bus_client.pipe.send("XRANGE", trader.bus_client.keys.audit, "-", "+")
    parts = (trader.bus_client.keys.order(KEY), trader.bus_client.keys.answer(KEY))
    kept = [each for part in parts for each in await trader.bus_client.pipe.send("HGETALL", part)]

    assert done["orderId"]
    assert record is not None
    assert (record.request.caller, record.request.proof) == ("trader", "")
    assert proof_for("trader").encode() not in b"".join(kept)
    assert proof_for("trader") not in str(audit)
    again = await trader.submit("place_order", KEY, **order())
    assert again["replayed"]
    with_another = await as_client(front, "reader").refused_order("place_order", key=KEY, **order())
    assert with_another.code == "idempotency_conflict"


async def test_clients_of_redis_come_and_go_without_a_restart(redis_url: str, session: str) -> None:
    """A worker without a file asks for proofs from the first client on, and then always."""
    async with Simulator() as sim, worker(redis_url, session, sim.port), caller(redis_url, session) as front:
        await front.writable()
        pipe, keys = front.bus_client.pipe, front.bus_client.keys
        claude, phone = as_client(front, "claude"), as_client(front, "phone")
        assert await front.ask("get_positions")
        restricted = Caller(front.bus_client, "claude", proof=ClientProof(proof_for("claude"), restricted=True))
        assert (await restricted.refused("get_positions")).code == "unauthorized"  # nobody could hold it to its rights

        await store_client(pipe, keys, Client("claude", Rights(frozenset({"read"}))))
        await grant_access(pipe, keys, proof_for("claude"), "claude", HOUR_MS)
        assert await claude.ask("get_positions")
        assert (await front.refused("get_positions")).code == "unauthorized"
        assert (await phone.refused("get_positions")).code == "unauthorized"

        await store_client(pipe, keys, Client("claude", Rights()))
        assert (await claude.refused("get_positions")).details["scope"] == "read"
        await remove_client(pipe, keys, "claude")
        assert (await claude.refused("get_positions")).code == "unauthorized"
        assert (await front.refused("get_positions")).code == "unauthorized"


async def test_fronts_and_records_of_the_release_before_go_on_where_no_clients_are(
    redis_url: str, session: str
) -> None:
    """Such a front sends no proof; a newer one with tokens does, to a worker without a CLIENTS_FILE."""
    async with Simulator() as sim, trading(redis_url, session, sim) as front:
        old = Caller(front.bus_client, "trader", proof=NO_PROOF)
        first = await old.submit("place_order", KEY, **order())
        again = await as_client(front, "trader").submit("place_order", KEY, **order())

    assert (again["orderId"], again["replayed"]) == (first["orderId"], True)
    assert json.dumps(again)


async def test_the_console_asks_in_the_name_of_an_operator_who_is_signed_in(front: Caller) -> None:
    pipe, keys = front.bus_client.pipe, front.bus_client.keys
    await add_operator(pipe, keys, Operator("anna", "hash"))
    signed_in = ClientProof(sign_in_id(await begin_sign_in(pipe, keys, "anna", "console")))
    console = Caller(front.bus_client, CONSOLE_CALLER, proof=signed_in)
    strangers = [Caller(front.bus_client, CONSOLE_CALLER), Caller(front.bus_client, "reader", proof=signed_in)]

    assert "accounts" in await console.ask("get_overview")
    assert (await console.refused_order(**order())).code == "unauthorized"
    assert {(await each.refused("get_overview")).code for each in strangers} == {"unauthorized"}
    await end_sign_ins_of(pipe, keys, "anna")
    assert (await console.refused("lend_session", minutes=5)).code == "unauthorized"
