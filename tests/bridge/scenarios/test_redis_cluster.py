"""On a Redis Cluster: all of a session lies in one slot, every script names its keys, and redirections are followed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from bridge.bus.transport.connection import Refused
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tools.session import SessionStatus
from cli.local_stack.embedded_redis import EmbeddedRedis, free_port
from tests.stacks.bus import KEY, Broker, ask, front, pipe_to, serving, submit
from tests.waiting import until

OTHERS = ("bar", "foo")  # of their slots 5061 and 12182 each node of the pair has one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[EmbeddedRedis]]:
    """Two primaries: the first has the slots up to 8191, the second the others."""
    async with AsyncExitStack() as stack:
        nodes = []
        for _ in range(2):
            options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--cluster-node-timeout", "2000")
            node = EmbeddedRedis(tmp_path_factory.mktemp("node"), free_port(), options)
            nodes.append(await stack.enter_async_context(node))
        pipes = [await stack.enter_async_context(CommandPipeline(node.url)) for node in nodes]
        await pipes[0].send("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        await pipes[1].send("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        port, bus_port = nodes[1].url.split(":")[2][:-2], nodes[1]._options[3]
        await pipes[0].send("CLUSTER", "MEET", "127.0.0.1", port, bus_port)
        for pipe in pipes:
            await until(lambda pipe=pipe: _is_whole(pipe), "the cluster is whole", timeout_s=20)  # type: ignore[misc]
        yield nodes


async def _is_whole(pipe: CommandPipeline) -> bool:
    return b"cluster_state:ok" in await pipe.send("CLUSTER", "INFO")


@pytest.mark.parametrize("session", ["paper", "live", "a", "b"])  # slots on both nodes
async def test_everything_works_from_either_node(nodes: list[EmbeddedRedis], session: str) -> None:
    broker = Broker()
    worker_url, front_url = nodes[0].url, nodes[1].url
    async with serving(worker_url, session, broker.handle) as bus, front(front_url, session) as bus_client:
        assert await ask(bus_client) == broker.answer
        assert await submit(bus_client) == broker.answer
        assert await submit(bus_client) == b'{"orderId":7,"replayed":true}'
        await bus.write_heartbeat(SessionStatus(is_connected=True, state="ready"))
        status = await bus_client.status()
        await bus.records.note(KEY, sent="1")
        record = await bus.records.read(KEY)
        first = await bus.records.order_ids(floor=5, count=3)
        assert await bus.records.unfinished() == []
        async with bus_client.listen("quote.1") as feed:
            bus.publish("quote.1", "quote", b"1")
            [tick] = await anext(feed)

    assert status is not None
    assert status.receivers == 1
    assert record is not None
    assert record.notes == {"sent": "1"}
    assert first == 5
    assert bytes(tick.body) == b"1"
    assert broker.sent == {None: 1, KEY: 1}


async def test_commands_are_redirected_to_the_node_that_has_the_slot(nodes: list[EmbeddedRedis]) -> None:
    for node in nodes:
        async with pipe_to(node.url) as pipe:
            for name in OTHERS:
                await pipe.send("SET", name, name)
                assert await pipe.send("GET", name) == name.encode()
            answers = await asyncio.gather(*(pipe.send("SET", "foo", i) for i in range(10)), pipe.send("GET", "foo"))

        assert answers[-1] == b"9"


async def test_commands_for_two_nodes_at_once_are_all_answered(nodes: list[EmbeddedRedis]) -> None:
    async with pipe_to(nodes[0].url) as pipe:
        await asyncio.gather(*(pipe.send("SET", name, name) for name in OTHERS))
        answers = await asyncio.gather(*(pipe.send("GET", name) for name in OTHERS * 20))

    assert answers == [name.encode() for name in OTHERS * 20]


async def test_nodes_that_send_us_round_are_not_followed_for_ever() -> None:
    asked: list[bytes] = []
    ended = asyncio.Event()

    async def send_round(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line.startswith(b"*"):
                words = [await reader.readline() for _ in range(2 * int(line[1:]))][1::2]
                if words[0] == b"GET\r\n":
                    asked.append(words[0])
                answers = {b"GET\r\n": b"-MOVED 7 :%d\r\n" % port, b"TIME\r\n": b"*2\r\n$1\r\n1\r\n$1\r\n2\r\n"}
                writer.write(answers.get(words[0], b"+OK\r\n"))
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(send_round, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        async with pipe_to(f"redis://127.0.0.1:{port}") as pipe:
            with pytest.raises(Refused):
                await pipe.send("GET", "x")
            assert pipe.connects == 4
            ended.clear()
        await ended.wait()

    assert len(asked) == 4


async def test_a_node_that_is_gone_is_not_asked_again(nodes: list[EmbeddedRedis], unused_port: int) -> None:
    async with pipe_to(nodes[0].url) as pipe:
        await pipe.send("SET", "foo", "1")  # on the second node
        assert pipe._server._pool is not pipe._server._home
        pipe._server._pool.connection_kwargs["port"] = unused_port
        await pipe._drop()
        with pytest.raises(Exception, match="Connect"):
            await pipe.send("GET", "foo")

        assert await pipe.send("GET", "foo") == b"1"
