"""Every message has one name, and the client's requests have those of ib_async."""

from __future__ import annotations

from ib_async.client import Client
from ib_async.decoder import Decoder
from ib_async.wrapper import Wrapper

from ibgateway.simulator.wire.encoding.layout import LAYOUTS
from ibgateway.simulator.wire.names import CLIENT, SERVER

NEWER_REQUESTS = {"reqCurrentTimeInMillis"}  # than ib_async 2.1.0, which speaks version 178
NEWER_MESSAGES = {"currentTimeInMillis", "historicalDataEnd"}


def test_a_name_stands_for_one_message_and_a_message_has_one_name() -> None:
    assert len(set(SERVER.values())) == len(SERVER)
    assert sorted(CLIENT.values()) == sorted(LAYOUTS)


def test_requests_are_called_as_ib_async_calls_them() -> None:
    assert {name for name in CLIENT if not hasattr(Client, name)} == NEWER_REQUESTS


def test_ib_async_reads_every_message_that_has_a_name_but_what_is_newer() -> None:
    read = set(Decoder(Wrapper(None), 178).handlers)  # type: ignore[arg-type]  # no client is needed to list them

    assert {name for name, msgId in SERVER.items() if msgId not in read} == NEWER_MESSAGES


def test_the_ids_are_those_of_the_protocol() -> None:
    assert (SERVER["error"], SERVER["openOrder"], SERVER["tickByTick"]) == (4, 5, 99)
    assert (CLIENT["reqMktData"], CLIENT["placeOrder"], CLIENT["cancelOrder"]) == (1, 3, 4)
