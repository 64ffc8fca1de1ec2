"""A client's access lasts until its time, its end, its client's removal, or a loss of Redis's data."""

import hashlib

import pytest

from bridge.bus.identity import clients
from bridge.bus.identity.clients import (
    Client,
    access_id,
    end_access_of,
    grant_access,
    proof_of,
    read_registry,
    remove_client,
    store_client,
)
from bridge.bus.identity.rights import Rights
from bridge.bus.identity.sign_ins import void_identities
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.bus import pipe_to

READER = Client("claude", Rights(frozenset({"read"}), frozenset({"DU1"}), max_order_value=1e3), 5, by="anna")
HOUR_MS = 3_600_000


async def allowed(pipe: CommandPipeline, keys: Keys) -> set[str]:
    """Return whose access counts now."""
    return {each.client for each in (await read_registry(pipe, keys)).access.values()}


async def test_a_client_is_read_as_it_was_stored_and_redis_has_no_proof(redis_url: str, session: str) -> None:
    keys, proof = Keys(session), proof_of("a token")
    async with pipe_to(redis_url) as pipe:
        await store_client(pipe, keys, READER)
        granted = await grant_access(pipe, keys, proof, "claude", HOUR_MS)
        found = await read_registry(pipe, keys)
        raw = await pipe.send("HGETALL", keys.access)

    assert granted
    assert found.clients == {"claude": READER}
    assert found.access[access_id(proof)].until_ms - found.now_ms == pytest.approx(HOUR_MS, abs=5_000)
    assert proof == hashlib.sha256(b"a token").hexdigest()
    assert proof.encode() not in b"".join(raw)


async def test_nobody_gets_access_as_a_client_that_is_not_there(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as pipe:
        assert not await grant_access(pipe, Keys(session), proof_of("x"), "claude", HOUR_MS)


async def test_access_ends_one_by_one_all_at_once_and_with_its_client(redis_url: str, session: str) -> None:
    keys = Keys(session)
    proofs = [proof_of(each) for each in "abc"]
    async with pipe_to(redis_url) as pipe:
        for name in ("claude", "phone"):
            await store_client(pipe, keys, Client(name, Rights()))
        for each in proofs:
            await grant_access(pipe, keys, each, "claude", HOUR_MS)
        await grant_access(pipe, keys, proof_of("p"), "phone", HOUR_MS)

        assert await end_access_of(pipe, keys, "claude") == 3
        assert await allowed(pipe, keys) == {"phone"}
        assert (await remove_client(pipe, keys, "phone"), await remove_client(pipe, keys, "phone")) == (True, False)
        assert await allowed(pipe, keys) == set()
        assert list((await read_registry(pipe, keys)).clients) == ["claude"]


async def test_a_loss_of_redis_voids_all_access(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await store_client(pipe, keys, READER)
        await grant_access(pipe, keys, proof_of("a"), "claude", HOUR_MS)
        await void_identities(pipe, keys)

        assert await allowed(pipe, keys) == set()
        await grant_access(pipe, keys, proof_of("b"), "claude", HOUR_MS)
        assert await pipe.send("HLEN", keys.access) == 1  # what is void goes


async def test_the_access_that_ends_first_gives_way_to_a_new_one(
    redis_url: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "MOST_ACCESS", 2)
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await store_client(pipe, keys, READER)
        for token, hours in (("long", 3), ("short", 1), ("new", 2)):
            await grant_access(pipe, keys, proof_of(token), "claude", hours * HOUR_MS)
        kept = (await read_registry(pipe, keys)).access

    assert set(kept) == {access_id(proof_of("long")), access_id(proof_of("new"))}


@pytest.mark.parametrize(
    "written",
    [
        b"", b"[]", b"\xff", b'{"name":"odd"}', b'{"name":"claude","rights":{}}', b'{"name":"odd","rights":{"all":1}}',
        b'{"name":"odd","rights":{"scopes":["root"]}}', b'{"name":"odd","rights":{"max_order_value":-1}}',
    ],
)  # fmt: skip
async def test_a_record_that_cannot_be_read_is_no_client(redis_url: str, session: str, written: bytes) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await store_client(pipe, keys, READER)
        await pipe.send("HSET", keys.clients, "odd", written, b"\xff", b"{}")
        await pipe.send("HSET", keys.access, "odd", written)
        found = await read_registry(pipe, keys)

    assert list(found.clients) == ["claude"]
    assert found.access == {}
    assert found.unreadable == 3
