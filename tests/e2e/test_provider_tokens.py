"""Users of an OpenID Connect provider over front and worker, each with an account of its own; the worker verifies each
token itself, so a front that was taken over gains none."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.bus.client.client import BusClient
from bridge.bus.identity.clients import proof_of
from bridge.bus.messages import ClientProof
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from mcp_front.protocol.results import ERROR_META
from mcp_front.timing import FrontTiming
from tests.stacks.clients import write_clients
from tests.stacks.front import Running, plain_http, serving
from tests.stacks.oidc import KEYS, STRANGERS, provider
from tests.stacks.redis_users import redis_users
from tests.stacks.timing import waits_at
from tests.stacks.worker import Caller, order, trading

OF_ANNA, OF_BOB = "DU1111111", "DU2222222"
ANNA, BOB = {"subject": "anna", "accounts": [OF_ANNA]}, {"subject": "bob", "accounts": [OF_BOB], "scopes": ["read"]}
EVERY = "ibkr:read ibkr:trade"
PUBLIC = "http://127.0.0.1:8000"
AT_ONCE = FrontTiming(keys_again_s=0)


async def called(front: Running, bearer: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return a call's structured answer, or its error."""
    told = await front.raw(authorization=f"Bearer {bearer}").call(tool, **arguments)
    error: dict[str, Any] = told.get("_meta", {}).get(ERROR_META, {})
    return error if told.get("isError") else told["structuredContent"]


async def status(front: Running, bearer: str) -> int:
    async with plain_http() as http:
        client = front.raw(authorization=f"Bearer {bearer}")
        return (await http.post(front.endpoint, **client.prepared("tools/list"))).status_code


@pytest.mark.timeout(120)
async def test_a_providers_users_have_their_own_rights_and_no_front_can_claim_them(
    redis_url: str, session: str, tmp_path: Path
) -> None:
    path = write_clients(tmp_path / "clients.json", {"anna": ANNA, "bob": BOB})
    config = SimulatorConfig(accounts=(OF_ANNA, OF_BOB))
    with provider() as made, capture_logs() as lines:
        settings: dict[str, Any] = made.settings
        async with (
            redis_users(redis_url, session, ("front", "worker")) as urls,
            Simulator(config) as sim,
            trading(redis_url, session, sim, clients_file=path, **settings) as admin,
            serving(
                urls["front"], session, timing=AT_ONCE, front_tokens_file=path, public_url=PUBLIC, **settings
            ) as front,
            BusClient(urls["front"], session, "taken-over", waits_at(redis_url)) as taken_over,
        ):
            anna, bob = made.token(scope=EVERY), made.token(sub="bob", scope=EVERY)

            # Each has its own account and scopes.
            rows = [await called(front, each, "ibkr_get_account_summary") for each in (anna, bob)]
            assert [{row["account"] for row in each["result"]} for each in rows] == [{OF_ANNA}, {OF_BOB}]
            assert (await called(front, bob, "ibkr_get_positions", account=OF_ANNA))["code"] == "forbidden"
            placed = await called(front, anna, "ibkr_place_order", idempotencyKey="key-of-anna", **order())
            assert placed["orderId"]
            async with plain_http() as http:
                call: dict[str, Any] = {"name": "ibkr_place_order", "arguments": order()}
                bobs = front.raw(authorization=f"Bearer {bob}").prepared("tools/call", **call)
                assert (await http.post(front.endpoint, **bobs)).status_code == 403
            keys = admin.bus_client.keys
            kept = [
                await admin.bus_client.pipe.send("HGETALL", part("key-of-anna")) for part in (keys.order, keys.answer)
            ]
            assert not [each for each in (anna, proof_of(anna)) if each.encode() in b"".join(kept[0] + kept[1])]

            # A front that was taken over has bob's token, and wants to be anna.
            refused = {}
            for name, token in {
                "no token": "",
                "bob's": bob,
                "forged": made.token(key=STRANGERS, scope=EVERY),
                "expired": made.token(exp=int(time.time()) - 1),
                "foreign": made.token(iss="https://other.example"),
                "other audience": made.token(aud="another"),
                "unlisted": made.token(sub="carl"),
            }.items():
                proof = ClientProof(proof_of(token or "anything"), token=token)
                forged = Caller(taken_over, "anna", proof=proof)
                refused[name] = [
                    await forged.refused("get_positions"), await forged.refused_order(**order()),
                    await forged.refused_order("cancel_all_orders"),
                ]  # fmt: skip
            assert {error.code for each in refused.values() for error in each} == {"unauthorized"}
            reasons = {name: each[0].details.get("reason") for name, each in refused.items()}
            assert reasons == {
                "no token": None, "bob's": None, "forged": "signature", "expired": "expired", "foreign": "issuer",
                "other audience": "audience", "unlisted": "unlisted",
            }  # fmt: skip
            claimed = await Caller(taken_over, "anna", proof=ClientProof(proof_of(bob))).refused("get_positions")
            assert "another client's proof" in claimed.message
            audit = str(await admin.bus_client.pipe.send("XRANGE", keys.audit, "-", "+"))
            assert audit.count("unauthorized") >= 2 * len(refused)
            assert anna not in audit
            assert len([each for each in lines if each["event"] == "request_unauthorized"]) == 3 * len(refused) + 1

            # The provider's keys rotate: the new key is read, and tokens of a withdrawn one end in the worker.
            made.kids = ["one", "two"]
            new = made.token("two", scope=EVERY)
            assert (await called(front, new, "ibkr_get_account_summary"))["result"]
            assert (await called(front, anna, "ibkr_get_account_summary"))[
                "result"
            ]  # shown again, as all are forgotten
            made.kids = ["two"]
            unknown = made.token("three", key=KEYS["two"])  # whose key the worker looks for, and finds "one" gone
            for token in (unknown, anna):
                shown = Caller(taken_over, "anna", proof=ClientProof(proof_of(token), token=token))
                assert (await shown.refused("get_positions")).details["reason"] == "signature"

            # An entry that is gone ends the access, in the front and in the worker.
            write_clients(path, {"bob": BOB})
            assert await status(front, new) == 401
            gone = await Caller(taken_over, "anna", proof=ClientProof(proof_of(new), token=new)).refused(
                "get_positions"
            )
            assert gone.details["reason"] == "unlisted"
            assert "cli client add" in gone.message
            assert json.dumps(gone.details)
