"""A server's replication id, by which a restarted or promoted server is told from the one before."""

import pytest

from bridge.bus.integrity.replication import UNKNOWN_ID, replication_id_of
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.bus import pipe_to

ID = b"8371b4fb1155b71f4a04d3e1bc3e18c4a990aeeb"


async def test_a_server_that_became_the_primary_anew_has_another_id(own_redis: EmbeddedRedis) -> None:
    async with pipe_to(own_redis.url) as pipe:
        first = replication_id_of(await pipe.send("INFO", "replication"))
        again = replication_id_of(await pipe.send("INFO", "replication"))
        await pipe.send("REPLICAOF", "127.0.0.1", "1")
        await pipe.send("REPLICAOF", "NO", "ONE")
        promoted = replication_id_of(await pipe.send("INFO", "replication"))

    assert first == again != promoted
    assert UNKNOWN_ID not in (first, promoted)


def test_the_id_is_the_primarys_and_not_that_of_an_earlier_one() -> None:
    info = b"# Replication\r\nrole:master\r\nmaster_replid2:" + b"0" * 40 + b"\r\nmaster_replid:" + ID + b"\r\n"

    assert replication_id_of(info) == ID.decode()


@pytest.mark.parametrize("info", [b"", b"# Replication\r\nrole:master\r\n", b"\xff\r\nrole:slave\r\n"])
def test_a_server_that_does_not_tell_its_id_has_an_unknown_one(info: bytes) -> None:
    assert replication_id_of(info) == UNKNOWN_ID
