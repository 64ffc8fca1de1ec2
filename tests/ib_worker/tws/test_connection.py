"""What may leave for TWS, and what may come: the wire against a server of raw bytes."""
# ib_async's client is not annotated:
# mypy: disable-error-code="no-untyped-call"

import asyncio
import math
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from decimal import Decimal
from typing import Any

import ib_async
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ib_worker.tws.connection import FRAME_LIMIT, TwsConnection, _check
from ib_worker.tws.errors import ConnectionLost, InvalidField
from ib_worker.tws.values import unset
from tests.busy import BUSY_S
from tests.steps import measured_again
from tests.waiting import until

READY = (b"178\x0020250611 10:30:00 US/Eastern\x00", b"15\x001\x00DU1\x00", b"9\x001\x0042\x00")


class Heard:
    """A receiver that writes down what it hears."""

    def __init__(self) -> None:
        self.positions: list[str] = []
        self.clocks = 0
        self.unread: list[list[str]] = []
        self.times: list[ib_async.Execution] = []
        self.bonds: list[ib_async.ContractDetails] = []
        self.ib = type("IB", (), {"TimezoneTWS": "UTC"})
        self.defaultTimezone = UTC

    def connectAck(self) -> None: ...

    def setEventsDone(self) -> None: ...

    def connectionClosed(self) -> None: ...

    def undecoded(self, fields: list[str]) -> None:
        self.unread.append(fields)

    def currentTime(self, time: int) -> None:
        self.clocks += 1

    def historicalBars(self, reqId: int, texts: list[str]) -> None: ...

    def histogram(self, reqId: int, rows: list[tuple[str, str]]) -> None: ...

    def forgottenOrder(self, permId: str) -> bool:
        return False

    def position(self, account: str, contract: ib_async.Contract, held: float, cost: float) -> None:
        self.positions.append(contract.symbol)

    def bondContractDetails(self, reqId: int, details: ib_async.ContractDetails) -> None:
        self.bonds.append(details)

    def execDetails(self, reqId: int, contract: ib_async.Contract, execution: ib_async.Execution) -> None:
        self.times.append(execution)


class Peer:
    """A server that says what the test says, and keeps what it is told."""

    def __init__(self) -> None:
        self.received = b""
        self.ended = False
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        for payload in READY:
            self.say(payload)
        while data := await reader.read(65536):
            self.received += data
        self.ended = True
        writer.close()

    def say(self, payload: bytes) -> None:
        self.raw(struct.pack(">I", len(payload)) + payload)

    def raw(self, data: bytes) -> None:
        assert self.writer is not None
        self.writer.write(data)

    @property
    def frames(self) -> list[list[str]]:
        """What came after the handshake."""
        data = self.received[4:]
        payloads = []
        while len(data) >= 4:
            size = int.from_bytes(data[:4])
            payloads.append(data[4 : 4 + size])
            data = data[4 + size :]
        return [each.decode().split("\0")[:-1] for each in payloads[1:]]


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[TwsConnection, Peer, Heard]]:
    peer, heard = Peer(), Heard()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    async with server:
        wire = TwsConnection(heard)
        await wire.open("127.0.0.1", server.sockets[0].getsockname()[1], 1)
        try:
            yield wire, peer, heard
        finally:
            await wire.close("the test is over")


@asynccontextmanager
async def connected_to_a_socket(
    receive_bytes: int | None = None,
) -> AsyncIterator[tuple[TwsConnection, socket.socket, Heard]]:
    """As `connected`, but the peer is a blocking socket: what a thread does with it takes no step of the loop."""
    heard = Heard()
    with socket.create_server(("127.0.0.1", 0)) as server:
        if receive_bytes is not None:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        wire = TwsConnection(heard)
        opening = asyncio.create_task(wire.open("127.0.0.1", server.getsockname()[1], 1))
        peer, _ = await asyncio.to_thread(server.accept)
    with peer:
        peer.sendall(b"".join(struct.pack(">I", len(each)) + each for each in READY))
        await opening
        try:
            yield wire, peer, heard
        finally:
            await wire.close("the test is over")


def bought(**changes: object) -> ib_async.Order:
    whole: dict[str, Any] = {"action": "BUY", "orderType": "MKT", "tif": "DAY", "totalQuantity": 1} | changes
    return ib_async.Order(**whole)


def position(symbol: str) -> bytes:
    return "\0".join(
        ["61", "3", "DU1", "7", symbol, "STK", "", "0.0", "", "", "NYSE", "USD", symbol, symbol, "1", "2.5", ""]
    ).encode()


AAPL = ib_async.Contract(conId=265598, symbol="AAPL", secType="STK", exchange="SMART", currency="USD")


async def test_a_connection_stands_with_its_accounts_and_ids() -> None:
    async with connected() as (wire, _, _):
        assert (wire.getAccounts(), wire.getReqId(), wire.greeted, wire.reached) == (["DU1"], 42, 178, True)


async def test_an_order_has_the_fields_of_its_version() -> None:
    async with connected() as (wire, peer, _):
        wire.placeOrder(50, AAPL, bought(orderRef="ref", account="DU1"))
        await wire.drained()
        await until(lambda: len(peer.frames) == 2, "the order is sent")

        frame = peer.frames[1]
        assert frame[:3] == ["3", "50", "265598"]
        assert len(frame) == 114
        assert frame[16:19] == ["BUY", "1", "MKT"]


@pytest.mark.parametrize("quantity", [0, -1, -0.0, math.nan, math.inf, -math.inf])
async def test_an_order_without_a_positive_quantity_never_leaves(quantity: float) -> None:
    async with connected() as (wire, peer, _):
        with pytest.raises(InvalidField, match="totalQuantity"):
            wire.placeOrder(50, AAPL, bought(totalQuantity=quantity))
        wire.reqPositions()
        await until(lambda: len(peer.frames) == 2, "something else is sent")

        assert [frame[0] for frame in peer.frames] == ["71", "61"]


@pytest.mark.parametrize(
    "changes",
    [
        {"orderRef": "a\0b"}, {"orderRef": "a\nb"}, {"account": "DU1\r"}, {"orderRef": "\u202e"}, {"tif": "D\x7fY"},
        {"orderRef": "٣"}, {"lmtPrice": math.nan}, {"auxPrice": math.inf}, {"lmtPrice": Decimal("NaN")},
        {"algoParams": [ib_async.TagValue("a\0", "b")], "algoStrategy": "Vwap"},
        {"algoParams": [ib_async.TagValue("a", "b\0")], "algoStrategy": "Vwap"},
    ],
    ids=str,
)  # fmt: skip
async def test_a_field_that_would_be_read_otherwise_never_leaves(changes: dict[str, object]) -> None:
    async with connected() as (wire, peer, _):
        with pytest.raises(InvalidField):
            wire.placeOrder(50, AAPL, bought(**changes))
        wire.reqPositions()
        await until(lambda: len(peer.frames) == 2, "something else is sent")

        assert [frame[0] for frame in peer.frames] == ["71", "61"]


async def test_a_contract_with_such_a_field_never_leaves() -> None:
    async with connected() as (wire, _, _):
        with pytest.raises(InvalidField):
            wire.reqContractDetails(50, ib_async.Contract(symbol="A\0B"))


@given(st.text())
def test_only_printable_ascii_may_be_sent(text: str) -> None:
    printable = all(" " <= each <= "~" for each in text)

    if printable:
        _check(text)
    else:
        with pytest.raises(InvalidField):
            _check(text)


@pytest.mark.parametrize("field", ["", "AAPL", 5, 1.5, Decimal("1.5"), True, None, 1.7976931348623157e308, [], AAPL])
def test_what_tws_reads_as_it_is_may_be_sent(field: object) -> None:
    _check(field)


@pytest.mark.fault(29)
async def test_a_hundred_thousand_bytes_at_once_are_all_read() -> None:
    async with connected() as (_, peer, heard):
        for number in range(3000):
            peer.say(position(f"S{number}"))

        await until(lambda: len(heard.positions) == 3000, "all positions are read")
        assert heard.positions[-1] == "S2999"


async def test_a_message_that_can_not_be_read_is_reported_and_the_next_is_read() -> None:
    async with connected() as (_, peer, heard):
        peer.say(b"61\x003\x00DU1\x00")
        peer.say(position("IBM"))

        await until(lambda: heard.positions == ["IBM"], "the next message is read")
        assert heard.unread == [["61", "3", "DU1"]]


@pytest.mark.trial("C10")
@pytest.mark.parametrize(("written", "coupon"), [("3.875", 3.875), ("0", 0.0), ("", None)])
async def test_a_bond_is_read_whose_coupon_has_a_fraction(written: str, coupon: float | None) -> None:
    async with connected() as (_, peer, heard):
        fields = [
            "18",
            "7",
            "US-T",
            "BOND",
            "91282CHT1",
            written,
            "20330815",
            "20230815",
            "",
            "",
            "",
            "0",
            "0",
            "0",
            "",
        ]
        fields += [
            "SMART",
            "USD",
            "US-T",
            "US-T",
            "1910000001",
            "0.001",
            "LMT",
            "SMART",
            "",
            "",
            "0",
            "",
            "NOTE",
            "",
            "",
        ]
        fields += ["0", "2147483647", "2104", "1", "1", "1"]
        peer.say(("\0".join(fields) + "\0").encode())

        await until(lambda: heard.bonds or heard.unread, "the bond is read")
        assert heard.unread == []
        assert [(each.cusip, each.coupon, each.maturity) for each in heard.bonds] == [("91282CHT1", coupon, "20330815")]


async def test_a_value_that_can_not_be_read_is_reported_too() -> None:
    async with connected() as (_, peer, heard):
        peer.say(b"49\x001\x00noon\x00")

        await until(lambda: heard.unread != [], "it is reported")


@pytest.mark.parametrize("zone", ["US/Eastern", "Eastern Standard Time", "Nowhere Time"])
async def test_an_execution_of_any_zone_is_read(zone: str) -> None:
    async with connected() as (_, peer, heard):
        fields = ["11", "-1", "7", "1", "IBM", "STK", "", "0", "", "", "IEX", "USD", "IBM", "IBM", "a.b.01.01"]
        fields += [f"20250611 10:30:00 {zone}", "DU1", "IEX", "BOT", "1", "2.5", "99", "1", "0", "1", "2.5", "ref"]
        fields += ["", "", "", "1", "0"]
        peer.say(("\0".join(fields) + "\0").encode())

        await until(lambda: len(heard.times) == 1, "the execution is read")
        told = unset.execution_time(heard.times[0].time)
        assert (told.hour if told else None) == (None if zone == "Nowhere Time" else 14)


@pytest.mark.fault(25)
async def test_a_frame_of_impossible_length_ends_the_connection() -> None:
    async with connected() as (wire, peer, _):
        peer.raw(struct.pack(">I", FRAME_LIMIT + 1) + b"x")

        async with asyncio.timeout(2 + BUSY_S):
            assert "not TWS's protocol" in await wire.lost


async def test_after_the_end_nothing_is_sent() -> None:
    async with connected() as (wire, peer, _):
        assert peer.writer is not None
        peer.writer.transport.abort()
        async with asyncio.timeout(2 + BUSY_S):
            await wire.lost

        with pytest.raises(ConnectionLost):
            wire.reqPositions()
        with pytest.raises(ConnectionLost):
            wire.getReqId()


async def test_closing_twice_is_harmless() -> None:
    async with connected() as (wire, _, _):
        await wire.close("once")
        await wire.close("twice")

        assert wire.lost.result() == "once"


async def test_a_peer_that_reads_sees_an_orderly_end() -> None:
    async with connected() as (wire, peer, _):
        wire.reqPositions()
        await wire.close("the end")

        await until(lambda: peer.ended, "the peer has read all")
        assert peer.frames[-1] == ["61", "1"]


@pytest.mark.fault(10)
async def test_what_a_peer_that_does_not_read_has_not_taken_is_never_delivered() -> None:
    """Closed in the common way, the system delivers it minutes later, when everybody believes the order lost."""
    async with connected_to_a_socket(receive_bytes=4096) as (wire, peer, _):
        for _ in range(20_000):
            wire.reqPositions()
        unwritten = wire.conn.transport.get_write_buffer_size() if wire.conn.transport else 0
        await wire.close("given up")

        taken = await asyncio.to_thread(_read_to_the_end, peer)

    assert 0 < taken < wire.conn.numBytesSent - unwritten


def _read_to_the_end(peer: socket.socket) -> int:
    """How many bytes came until the reset; without one the test fails."""
    count = 0
    try:
        while data := peer.recv(65536):
            count += len(data)
    except ConnectionResetError:
        return count
    raise AssertionError("the connection ended in good order")


async def test_requests_never_get_an_id_that_an_order_has_had() -> None:
    async with connected() as (wire, _, _):
        wire.skip_ids(99)
        wire.skip_ids(50)

        assert wire.getReqId() == 100


MANY = 40_000


@pytest.mark.trial("B1")
@pytest.mark.parametrize("then_closes", [False, True])
async def test_a_flood_in_one_read_is_decoded_in_short_steps_and_none_is_lost(then_closes: bool) -> None:
    frame = b"49\x001\x001749652200\x00"  # currentTime: of all messages, the most work for its bytes
    flood = (struct.pack(">I", len(frame)) + frame) * MANY

    def send(peer: socket.socket) -> None:
        peer.sendall(flood)
        if then_closes:
            peer.shutdown(socket.SHUT_WR)

    async def decode() -> None:
        async with connected_to_a_socket() as (wire, peer, heard):
            sending = asyncio.create_task(asyncio.to_thread(send, peer))
            await until(lambda: heard.clocks == MANY, "all are decoded", 30)
            await sending
            if then_closes:
                await until(wire.lost.done, "the end is noticed")
                assert wire.closed.done()

    assert not (await measured_again(decode)).over


@pytest.mark.trial("B1")
async def test_what_waits_to_be_decoded_when_the_session_hangs_up_is_dropped() -> None:
    frame = position("SPY")
    async with connected() as (wire, peer, heard):
        peer.raw((struct.pack(">I", len(frame)) + frame) * MANY)
        await until(lambda: bool(heard.positions), "the first are decoded")

        await wire.close("enough")

        assert len(heard.positions) < MANY
        assert wire.closed.done()
