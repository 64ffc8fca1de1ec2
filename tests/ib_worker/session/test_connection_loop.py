"""The session's life against a gateway that misbehaves: what is wrong is told, and it comes back by itself."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from structlog.typing import EventDict

from bridge.tool import ToolError
from ib_worker.tws.endpoint import Endpoint
from ib_worker.tws.requests import POSITIONS
from ibgateway.simulator.server.server import Simulator, SimulatorConfig
from tests.busy import BUSY_S
from tests.stacks.worker import FAST, ready_session, session_at
from tests.waiting import until

READ_ONLY = "The API interface is currently in Read-Only mode."
SHORT = replace(FAST, connect_s=0.3, sync_s=0.5)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def peer(serve: Serve) -> AsyncIterator[int]:
    """A server that is no gateway; its port."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def test_a_session_is_ready_after_positions_orders_and_executions(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        status = stand.status

        assert (status.state, status.cause, status.serverVersion) == ("ready", None, 178)
        assert (status.host, status.port, status.clientId) == ("127.0.0.1", sim.port, 1)
        assert (status.accounts, status.mode, status.worker) == (["DU1234567"], "paper", "test")
        assert status.farms["usfarm"] == "ok"
        asked = [entry.msgId for entry in sim.journal.entries("in")]
        assert {61, 5, 16, 99, 7, 59} <= set(asked)


@pytest.mark.fault(1)
async def test_nobody_at_the_port_is_unreachable() -> None:
    async with peer(hang_up) as port:
        pass

    async with session_at(port) as stand:
        status = await stand.reaches("failed")

        assert f"127.0.0.1:{port}" in (status.cause or "")
        with pytest.raises(ToolError) as refused:
            stand.session.require_ready()
        assert refused.value.code == "gateway_unreachable"


@pytest.mark.fault(2)
async def test_a_forwarder_without_a_gateway_is_told_at_once_and_never_as_an_id_in_use() -> None:
    async with peer(hang_up) as port, session_at(port) as stand:
        status = await stand.reaches("failed", timeout_s=1 + BUSY_S)

        assert "closes them at once" in (status.cause or "")
        assert stand.session.state.standing.code == "gateway_unreachable"


@pytest.mark.fault(3)
async def test_a_silent_port_is_a_login_that_waits() -> None:
    async with peer(keep_silent) as port, session_at(port, SHORT) as stand:
        status = await stand.reaches("login_pending", timeout_s=2 + BUSY_S)

        assert "second factor" in (status.remedy or "")
        assert stand.session.state.standing.code == "gateway_login_pending"


@pytest.mark.fault(4)
@pytest.mark.parametrize("message", ["nextValidId", "managedAccounts"])
async def test_a_handshake_without_accounts_or_ids_is_no_session(message: str) -> None:
    async with Simulator(SimulatorConfig(faults=f"swallow {message}")) as sim, session_at(sim.port, SHORT) as stand:
        status = await stand.reaches("login_pending", timeout_s=2 + BUSY_S)

        assert "gives no account or order id" in (status.cause or "")


@pytest.mark.fault(6)
async def test_a_gateway_that_goes_in_the_moment_of_its_last_greeting_is_only_tried_again() -> None:
    greeted = 0

    async def greet_and_go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal greeted
        await reader.readexactly(4)
        for each in (b"178\x0020250611 10:30:00 US/Eastern\x00", b"15\x001\x00DU1\x00", b"9\x001\x0042\x00"):
            writer.write(struct.pack(">I", len(each)) + each)
        writer.close()
        greeted += 1

    async with peer(greet_and_go) as port, session_at(port) as stand:
        await until(lambda: greeted >= 5, "the worker tries again and again")

        assert not stand.status.is_connected


@pytest.mark.fault(5)
async def test_a_client_id_in_use_is_told_and_no_other_is_taken() -> None:
    async with Simulator(SimulatorConfig(faults="reserve 1")) as sim, session_at(sim.port) as stand:
        status = await stand.reaches("failed")
        await until(lambda: len(sim.journal.entries("in", 71)) >= 2, "the worker tries again")

        assert "client id 1" in (status.cause or "")
        assert stand.session.state.standing.code == "client_id_in_use"
        assert {entry.fields[2] for entry in sim.journal.entries("in", 71)} == {"1"}

        sim.fault("unreserve 1")
        await stand.ready()


@pytest.mark.fault(30)
@pytest.mark.parametrize("version", [150, 201])
async def test_a_version_that_can_not_be_spoken_is_told(version: int) -> None:
    async with Simulator(SimulatorConfig(faults=f"version {version}")) as sim, session_at(sim.port, SHORT) as stand:
        status = await stand.reaches("failed", timeout_s=3 + BUSY_S)

        assert stand.session.state.standing.code == "unsupported_gateway"
        assert "protocol" in (status.cause or "")


@pytest.mark.fault(25)
async def test_bytes_that_are_no_frames_end_the_connection() -> None:
    async def talk_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()

    async with peer(talk_http) as port, session_at(port) as stand:
        status = await stand.reaches("failed", timeout_s=2 + BUSY_S)

        assert f"127.0.0.1:{port}" in (status.cause or "")


@pytest.mark.fault(25)
async def test_an_impossible_frame_in_a_session_ends_it_and_it_comes_back(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault("raw giant")

        await stand.reaches("connecting", timeout_s=2 + BUSY_S)
        await stand.ready()


async def test_a_live_account_is_refused_in_paper_mode() -> None:
    async with Simulator(SimulatorConfig(accounts=("U1234567",))) as sim, session_at(sim.port) as stand:
        status = await stand.reaches("failed")

        assert stand.session.state.standing.code == "wrong_account"
        assert "U***567" in (status.cause or "")
        assert "U1234567" not in (status.cause or "")


async def test_a_live_account_may_be_looked_at_in_read_only_mode() -> None:
    config = SimulatorConfig(accounts=("U1234567",))
    async with Simulator(config) as sim, ready_session(sim, trading_mode="read_only") as stand:
        assert stand.session.accounts == ["U1234567"]


@pytest.mark.fault(33)
@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("positionEnd", "positions"),
        ("openOrderEnd", "open orders"),
        ("completedOrdersEnd", "completed orders"),
        ("execDetailsEnd", "executions"),
    ],
)
async def test_without_an_end_marker_there_is_no_session(message: str, what: str) -> None:
    async with Simulator(SimulatorConfig(faults=f"swallow {message}")) as sim, session_at(sim.port, SHORT) as stand:
        status = await stand.reaches("failed", timeout_s=5 + BUSY_S)
        assert f"has not sent its {what}" in (status.cause or "")

        sim.fault("through")
        await stand.ready()


@pytest.mark.fault(6)
async def test_a_reset_is_noticed_at_once_and_healed(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault("reset")

        status = await stand.reaches("connecting", timeout_s=1 + BUSY_S)
        assert "broke" in (status.cause or "")
        assert stand.session.positions.all() == []
        with pytest.raises(ToolError, match="not_ready"):
            stand.session.require_ready()
        await stand.ready()
        assert stand.session.positions.all() != []


async def test_a_gateway_that_restarts_is_found_again(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault("restart 0.5")

        status = await stand.reaches("failed")
        assert "accepts connections" in (status.cause or "")
        await stand.ready()


@pytest.mark.fault(10)
async def test_a_half_open_connection_is_given_up(sim: Simulator) -> None:
    timing = replace(FAST, idle_s=0.3, probe_s=0.2)
    async with ready_session(sim, timing) as stand:
        wire = stand.session.tws.require_connection()
        sim.fault("half-open 3")

        status = await stand.reaches("connecting", timeout_s=3 + BUSY_S)
        assert "stopped answering" in (status.cause or "")
        assert not wire.closed.done()  # that takes a second, in which nobody is to take it for ready
        await stand.ready()


async def test_a_quiet_gateway_that_answers_is_not_given_up(sim: Simulator) -> None:
    timing = replace(FAST, idle_s=0.2, probe_s=0.2)
    async with ready_session(sim, timing) as stand:
        since = stand.status.since
        await until(lambda: len(sim.journal.entries("in", 49)) >= 2, "the gateway is asked for signs of life")

        assert stand.status.since == since


@pytest.mark.fault(11)
async def test_a_frozen_gateway_that_wakes_in_time_is_not_given_up(sim: Simulator) -> None:
    timing = replace(FAST, idle_s=0.2, probe_s=0.5)
    async with ready_session(sim, timing) as stand:
        since = stand.status.since
        sim.fault("freeze 0.5")
        asked = len(sim.journal.entries("in", 49))

        await until(lambda: len(sim.journal.entries("in", 49)) >= asked + 2, "the gateway answers again")
        assert stand.status.since == since


@pytest.mark.fault(11)
async def test_a_frozen_gateway_is_asked_each_time_before_it_is_given_up(sim: Simulator) -> None:
    timing = replace(FAST, idle_s=0.2, probe_s=0.2, probes=3)
    async with ready_session(sim, timing) as stand:
        sim.fault("freeze 1.5")
        asked = len(sim.journal.entries("in", 49))

        await stand.reaches("connecting", timeout_s=3 + BUSY_S)
        await until(lambda: len(sim.journal.entries("in", 49)) >= asked + 3, "what it was asked shows when it wakes")
        await stand.ready()


@pytest.mark.fault(13)
async def test_a_lost_link_is_told_and_restored(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault("link down")
        status = await stand.reaches("link_down", timeout_s=2 + BUSY_S)
        assert "1100" in (status.cause or "")
        assert stand.session.state.standing.code == "link_down"
        executions = len(sim.journal.entries("in", 7))

        sim.fault("link up")
        await stand.ready()

        assert len(sim.journal.entries("in", 7)) == executions + 1
        assert len(sim.journal.entries("in", 71)) == 1


@pytest.mark.fault(18)
async def test_2110_heals_when_a_farm_works_again(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault("server down")
        status = await stand.reaches("link_down", timeout_s=2 + BUSY_S)
        assert "2110" in (status.cause or "")

        sim.fault("server up")
        sim.fault("farm ok usfarm")
        await stand.ready()


@pytest.mark.fault(19)
async def test_a_broken_farm_alone_leaves_the_session_ready(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        sim.fault("farm broken usfarm")
        await until(lambda: stand.status.farms.get("usfarm") == "broken", "the farm is known to be broken")

        assert stand.status.is_connected


@pytest.mark.fault(15)
async def test_a_flood_of_1100_is_one_event_and_one_line_in_the_log(sim: Simulator, logs: list[EventDict]) -> None:
    async with ready_session(sim) as stand:
        sim.fault("error 1100 Connectivity between IB and Trader Workstation has been lost. x200")
        since = (await stand.reaches("link_down", timeout_s=2 + BUSY_S)).since
        sim.fault("error 1100 Connectivity between IB and Trader Workstation has been lost. x200")
        sim.fault("farm idle usflood")
        await until(lambda: stand.status.farms.get("usflood") == "idle", "all four hundred were read")

        assert stand.status.since == since
        assert [(each["event"], each["text"]) for each in logs if each.get("code") == 1100] == [
            ("gateway_notice", "Connectivity between IB and Trader Workstation has been lost.")
        ]


@pytest.mark.fault(29)
async def test_messages_in_pieces_are_read_all_the_same() -> None:
    async with Simulator(SimulatorConfig(faults="fragment 7")) as sim, ready_session(sim) as stand:
        assert len(stand.session.positions.all()) > 0


@pytest.mark.fault(31)
async def test_a_read_only_api_is_ready_without_orders() -> None:
    faults = f"read-only on\non reqOpenOrders each answer 321 {READ_ONLY}"
    async with Simulator(SimulatorConfig(faults=faults)) as sim, ready_session(sim) as stand:
        assert not stand.session.orders.readable
        assert stand.session.positions.all() != []


async def test_disconnecting_lasts_until_connecting(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        stand.session.connection.disconnect("claude")
        status = await stand.reaches("disconnected")
        await until(lambda: not sim.gateway.connections, "the gateway has lost its client")
        assert "claude" in (status.cause or "")

        await stand.session.connection.connect(stand.session.target)

        assert stand.status.is_connected


async def test_connecting_twice_changes_nothing(sim: Simulator) -> None:
    async with ready_session(sim) as stand:
        since = stand.status.since

        await stand.session.connection.connect(stand.session.target)

        assert stand.status.since == since
        assert len(sim.journal.entries("in", 71)) == 1


async def test_another_gateway_takes_the_firsts_place(sim: Simulator) -> None:
    async with Simulator(SimulatorConfig(accounts=("DU7654321",))) as other, ready_session(sim) as stand:
        await stand.session.connection.connect(Endpoint("127.0.0.1", other.port))

        assert stand.status.port == other.port
        assert stand.status.accounts == ["DU7654321"]
        await until(lambda: not sim.gateway.connections, "the first gateway has lost its client")


async def test_asking_to_connect_ends_with_the_attempt() -> None:
    async with peer(hang_up) as port, session_at(port) as stand:
        await stand.reaches("failed")

        async with asyncio.timeout(2 + BUSY_S):
            await stand.session.connection.connect(stand.session.target)

        assert stand.status.state == "failed"


async def test_nothing_is_left_of_a_session_that_was_ended(sim: Simulator) -> None:
    async with ready_session(sim):
        pass

    await until(lambda: not sim.gateway.connections, "the socket is closed")


async def test_an_error_that_nobody_expected_gives_the_connection_up_and_not_the_worker(
    sim: Simulator, logs: list[EventDict]
) -> None:
    async with ready_session(sim) as stand:
        with stand.session.tws.requests.expect(POSITIONS):  # so that the next reading clashes with it
            sim.fault("link down")
            await stand.reaches("link_down")
            sim.fault("link up")
            status = await stand.reaches("connecting")
            assert "the worker failed (RuntimeError)" in (status.cause or "")
        await stand.ready()

    assert any("already under way" in each.get("exception", "") for each in logs)
