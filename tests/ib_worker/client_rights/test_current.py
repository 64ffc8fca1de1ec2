"""The session's own work has every right, and a client's call that client's."""

from bridge.bus.identity.clients import Client
from bridge.bus.identity.rights import EVERYTHING, Rights
from ib_worker.client_rights.current import acting_as, current_client, current_rights


def test_rights_are_a_clients_for_its_call_alone() -> None:
    reader = Client("reader", Rights(frozenset({"read"})))

    with acting_as(reader):
        assert (current_client(), current_rights()) == (reader, reader.rights)
        with acting_as(None):
            assert current_rights() == EVERYTHING

    assert (current_client(), current_rights()) == (None, EVERYTHING)
