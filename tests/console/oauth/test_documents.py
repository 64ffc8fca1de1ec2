"""Clients by their documents: what a document must say, how long it is kept, and how many are read."""

import json
from typing import Any

import pytest

from console.oauth.document_address import DocumentError
from console.oauth.document_reader import DocumentResponse
from console.oauth.documents import A_MINUTE, AN_HOUR, FAILED_S, MOST, ClientDocuments, client_of

URL = "https://client.example/m.json"


def document(url: str = URL, **changes: Any) -> bytes:
    usual = {"client_id": url, "client_name": "A Host", "redirect_uris": ["http://127.0.0.1/callback"]}
    return json.dumps(usual | changes).encode()


class Hosts:
    """The hosts of all documents, and a clock. body: what is answered in place of a good document."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.time = 1000.0
        self.body: bytes | None = None
        self.documents = ClientDocuments(self.read, lambda: self.time)

    async def read(self, url: str) -> DocumentResponse:
        self.asked.append(url)
        return DocumentResponse(document(url) if self.body is None else self.body, 300)


def test_a_document_is_a_registration_without_a_secret() -> None:
    client = client_of(URL, document(logo_uri=7, scope="everything", jwks_uri="http://10.0.0.1/"))

    assert (client.client_id, client.host, client.client_name) == (URL, "client.example", "A Host")
    assert (client.client_secret, client.token_endpoint_auth_method) == (None, "none")
    assert [str(each) for each in client.redirect_uris or ()] == ["http://127.0.0.1/callback"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "no description"),
        (b"[]", "no description"),
        (b'{"client_id": "\xff"}', "no description"),
        (b"[" * 5000, "no description"),
        (b'{"x": ' * 800, "no description"),
        (json.dumps({"client_id": URL}).encode(), "redirect_uris"),
        (document(client_id="https://client.example/M.json"), "another client_id"),
        (document(client_id=f"{URL}/"), "another client_id"),
        (document(client_secret="s"), "secret"),
        (document(token_endpoint_auth_method="client_secret_post"), "token_endpoint_auth_method"),
        (document(token_endpoint_auth_method="private_key_jwt"), "token_endpoint_auth_method"),
        (document(grant_types=["client_credentials"]), "grant type"),
        (document(response_types=["token"]), "response type"),
        (document(redirect_uris=[]), "redirect_uris"),
        (document(redirect_uris=["nonsense"]), "no URL"),
        (document(redirect_uris=["http://other.example/cb"]), "plain http"),
        (document(redirect_uris=["javascript:alert(1)"]), "scheme javascript"),
        (document(redirect_uris=[f"http://127.0.0.1/{each}" for each in range(21)]), "at most 20"),
    ],
)
def test_any_other_document_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        client_of(URL, body)


async def test_it_is_read_anew_when_its_time_is_over() -> None:
    hosts = Hosts()
    await hosts.documents.read(URL)
    hosts.time += 299
    await hosts.documents.read(URL)
    once = len(hosts.asked)
    hosts.time += 2
    await hosts.documents.read(URL)

    assert (once, len(hosts.asked)) == (1, 2)


async def test_a_failure_is_remembered_a_minute_and_ends_what_was_known() -> None:
    hosts = Hosts()
    await hosts.documents.read(URL)
    hosts.time += 301
    hosts.body = b"{}"
    for _ in range(3):
        with pytest.raises(DocumentError, match="no description"):
            await hosts.documents.read(URL)
    asked, known = len(hosts.asked), hosts.documents.known(URL)
    hosts.time += FAILED_S
    hosts.body = None

    assert (asked, known) == (2, None)
    assert await hosts.documents.read(URL) == hosts.documents.known(URL)


async def test_a_url_that_may_be_no_id_is_not_asked() -> None:
    hosts = Hosts()
    with pytest.raises(DocumentError):
        await hosts.documents.read("https://10.0.0.1/m.json")

    assert hosts.asked == []


async def test_a_minute_has_few_look_ups_and_an_hour_few_new_documents() -> None:
    hosts = Hosts()
    for each in range(A_MINUTE):
        await hosts.documents.read(f"{URL}/{each}")
    with pytest.raises(DocumentError, match="within the minute"):
        await hosts.documents.read(f"{URL}/more")
    hosts.time += 61
    hosts.body = b""
    with pytest.raises(DocumentError, match="no description"):
        await hosts.documents.read(f"{URL}/bad")
    hosts.body = None
    hosts.time += 61
    for each in range(A_MINUTE, AN_HOUR):
        await hosts.documents.read(f"{URL}/{each}")
    hosts.time += 301
    with pytest.raises(DocumentError, match="within the hour"):
        await hosts.documents.read(f"{URL}/more")

    assert (await hosts.documents.read(f"{URL}/1")).client_id == f"{URL}/1"  # one that is known


async def test_the_oldest_gives_way() -> None:
    hosts = Hosts()
    for each in range(MOST + 1):
        hosts.time += 3600
        await hosts.documents.read(f"{URL}/{each}")

    assert hosts.documents.known(f"{URL}/0") is None
    assert hosts.documents.known(f"{URL}/1") is not None
