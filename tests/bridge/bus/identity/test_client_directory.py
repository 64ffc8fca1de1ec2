"""Fronts and worker find a client by its proof; a change or a revocation holds within a second."""

import json
from pathlib import Path

import msgspec
import pytest

from bridge.bus.identity import client_directory
from bridge.bus.identity.client_directory import KEPT_S, ClientDirectory
from bridge.bus.identity.clients import Client, grant_access, proof_of, remove_client, store_client
from bridge.bus.identity.rights import Rights
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import ToolError
from tests.stacks.bus import pipe_to

PROOF = proof_of("a token")
TRADER = Client("claude", Rights(frozenset({"read", "trade"})))


class Clock:
    """`boottime` by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(client_directory, "boottime", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def granted(pipe: CommandPipeline, keys: Keys, lasts_ms: int = 60_000) -> None:
    await store_client(pipe, keys, TRADER)
    await grant_access(pipe, keys, PROOF, "claude", lasts_ms)


async def test_a_removed_client_is_found_no_more_after_a_second_or_a_message(
    redis_url: str, session: str, clock: Clock
) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await granted(pipe, keys)
        quiet, told = ClientDirectory(pipe, keys), ClientDirectory(pipe, keys)
        assert [await each.find(PROOF) for each in (quiet, told)] == [TRADER, TRADER]

        await remove_client(pipe, keys, "claude")
        told.changed()
        assert await told.find(PROOF) is None
        assert await quiet.find(PROOF) == TRADER  # the cache
        clock.now += KEPT_S
        assert await quiet.find(PROOF) is None
        assert quiet.has_clients  # it goes on to ask for proofs


async def test_a_cache_that_is_half_old_is_read_again_beside_the_call(
    redis_url: str, session: str, clock: Clock
) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await granted(pipe, keys)
        clients = ClientDirectory(pipe, keys)
        await clients.find(PROOF)
        await remove_client(pipe, keys, "claude")

        clock.now += KEPT_S * 0.6
        assert await clients.find(PROOF) == TRADER
        await pipe.send("PING")
        await pipe.send("PING")  # the read beside it was before
        clock.now += KEPT_S * 0.3
        assert await clients.find(PROOF) is None
        await clients.close()


async def test_access_that_is_over_is_none(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await granted(pipe, keys, lasts_ms=-1)

        assert await ClientDirectory(pipe, keys).find(PROOF) is None

        await granted(pipe, keys)
        await store_client(pipe, keys, msgspec.structs.replace(TRADER, until_ms=1))  # its access would last

        assert await ClientDirectory(pipe, keys).find(PROOF) is None


async def test_an_old_cache_refuses_while_redis_cannot_be_read(session: str, tmp_path: Path) -> None:
    path = tmp_path / "clients.json"
    path.write_text(json.dumps([{"name": "static", "sha256": PROOF, "scopes": ["read"]}]))
    async with pipe_to("redis://127.0.0.1:1/0") as pipe:
        clients = ClientDirectory(pipe, Keys(session), path)
        of_file = await clients.find(PROOF)
        with pytest.raises(ToolError) as refused:
            await clients.find(proof_of("another"))

    assert of_file is not None
    assert of_file.name == "static"  # the file needs no Redis
    assert refused.value.code == "bus_down"


async def test_a_name_of_the_file_is_the_files(redis_url: str, session: str, tmp_path: Path) -> None:
    """Two clients of one name would be one principal."""
    path, keys = tmp_path / "clients.json", Keys(session)
    path.write_text(json.dumps([{"name": "claude", "sha256": proof_of("static"), "scopes": ["read"]}]))
    async with pipe_to(redis_url) as pipe:
        await granted(pipe, keys)

        assert await ClientDirectory(pipe, keys, path).find(PROOF) is None


async def test_a_session_without_clients_has_none(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as pipe:
        clients = ClientDirectory(pipe, Keys(session))

        assert await clients.find("") is None
        assert not clients.has_clients


async def test_a_providers_subject_in_no_list_never_ends_and_a_client_named_alike_does(
    redis_url: str, session: str, tmp_path: Path
) -> None:
    path = tmp_path / "clients.json"
    path.write_text(json.dumps([{"name": "oidc-eve-0badcafe", "sha256": "0" * 64, "scopes": ["read"]}]))
    async with pipe_to(redis_url) as pipe:
        strict, open_to_all = (ClientDirectory(pipe, Keys(session), path, unlisted) for unlisted in (False, True))
        names = ("oidc-anna-0badcafe", "oidc-eve-0badcafe", "oidc-0badca", "gone")
        for each in (strict, open_to_all):
            await each.refreshed()

        assert [each for each in names if open_to_all.is_unlisted(each)] == ["oidc-anna-0badcafe"]
        assert [each for each in names if open_to_all.has_ended(each)] == ["oidc-0badca", "gone"]
        assert [each for each in names if strict.has_ended(each)] == ["oidc-anna-0badcafe", "oidc-0badca", "gone"]
