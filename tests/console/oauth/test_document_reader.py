"""Reading a client's document: from a checked address alone, and no more of it than a document is long."""

import asyncio
import ssl
import threading
from pathlib import Path

import pytest

from console.oauth.document_address import DocumentError
from console.oauth.document_reader import LONGEST, DocumentReader, DocumentResponse, Resolve
from tests.stacks.tls_server import TlsServer, tls_server

HOST = "client.example"
URL = f"https://{HOST}/oauth/m.json?v=1"
HERE = "127.0.0.1"


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str, kind: str = "application/json") -> bytes:
    """An answer of a server that closes after it."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def reader_of(
    server: TlsServer, resolve: Resolve = lambda *_: [HERE], tls: ssl.SSLContext | None = None
) -> DocumentReader:
    return DocumentReader(resolve, lambda address: address == HERE, server.port, tls or server.trusted)


async def read(folder: Path, answered: bytes) -> DocumentResponse:
    async with tls_server(folder, HOST, answered) as server:
        return await reader_of(server).read(URL)


async def test_a_document_comes_from_its_host(tmp_path: Path) -> None:
    async with tls_server(tmp_path, HOST, answer(b'{"a": 1}')) as server:
        found = await reader_of(server).read(URL)

    assert found.body == b'{"a": 1}'
    assert server.requests[0].startswith(b"GET /oauth/m.json?v=1 HTTP/1.1\r\nHost: client.example\r\n")


@pytest.mark.parametrize(
    ("written", "lasts_s"),
    [("max-age=3600", 3600), ("public, Max-Age=1", 300), ("max-age=99999999", 86400), ("no-store, max-age=3600", 300),
     ("nonsense", 300)],
)  # fmt: skip
async def test_cache_control_says_how_long_it_is_kept(tmp_path: Path, written: str, lasts_s: int) -> None:
    assert (await read(tmp_path, answer(b"{}", "200 OK", f"Cache-Control: {written}"))).lasts_s == lasts_s


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_a_document_in_chunks_is_read(tmp_path: Path) -> None:
    assert (await read(tmp_path, CHUNKED + b"2\r\n{}\r\n0\r\n\r\n")).body == b"{}"


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (answer(b"", "302 Found", "Location: https://client.example/other"), "redirects are not followed"),
        (answer(b"{}", "404 Not Found"), "answered 404"),
        (answer(kind="text/html"), "is not application/json"),
        (answer(b"{}", "200 OK", "Content-Encoding: gzip"), "is not application/json"),
        (answer(b" " * (LONGEST + 1)), "longer than 5120 bytes"),
        (CHUNKED + b"2000\r\n" + b" " * 8192 + b"\r\n" + b"0\r\n\r\n", "longer than 5120 bytes"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 4000, "longer than 5120 bytes"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000, "longer than 5120 bytes"),
        (answer(b"{}").removesuffix(b"}"), "was not read"),
        (b"", "was not read"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "was not read"),
    ],
)
async def test_anything_else_is_refused(tmp_path: Path, answered: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        await read(tmp_path, answered)


async def test_a_slow_answer_is_given_up(tmp_path: Path) -> None:
    async with tls_server(tmp_path, HOST, answer(), pause_s=1.0) as server:
        with pytest.raises(DocumentError, match=r"did not come within 0.3 s"):
            await DocumentReader(lambda *_: [HERE], lambda _: True, server.port, server.trusted, within_s=0.3).read(URL)


@pytest.mark.parametrize("found", [["10.0.0.1"], [HERE, "10.0.0.1"], ["::ffff:127.0.0.1"], []])
async def test_one_address_that_is_not_public_is_enough(tmp_path: Path, found: list[str]) -> None:
    async with tls_server(tmp_path, HOST, answer()) as server:
        with pytest.raises(DocumentError, match="not public"):
            await reader_of(server, lambda *_: found).read(URL)

    assert server.requests == []


async def test_by_default_this_machine_is_not_public(tmp_path: Path) -> None:
    async with tls_server(tmp_path, HOST, answer()) as server:
        with pytest.raises(DocumentError, match="not public"):
            await DocumentReader(lambda *_: [HERE], port=server.port, tls=server.trusted).read(URL)

    assert server.requests == []


async def test_a_name_is_looked_up_once_and_the_checked_address_is_used(tmp_path: Path) -> None:
    answers = [[HERE], ["127.0.0.2"]]  # of a name server that leads elsewhere the second time
    async with tls_server(tmp_path, HOST, answer()) as server:
        found = await reader_of(server, lambda *_: answers.pop(0)).read(URL)

    assert found.body == b"{}"
    assert answers == [["127.0.0.2"]]


async def test_a_name_without_an_address_is_said(tmp_path: Path) -> None:
    def resolve(*_: object) -> list[str]:
        raise OSError("no such name")

    async with tls_server(tmp_path, HOST, answer()) as server:
        with pytest.raises(DocumentError, match=r"client\.example has no address"):
            await reader_of(server, resolve).read(URL)


async def test_a_certificate_of_another_host_or_of_nobody_is_refused(tmp_path: Path) -> None:
    async with tls_server(tmp_path, "other.example", answer()) as server:
        for tls in (server.trusted, ssl.create_default_context()):
            with pytest.raises(DocumentError, match=r"certificate of client\.example is wrong"):
                await reader_of(server, tls=tls).read(URL)

    assert server.requests == []


async def test_a_look_up_that_hangs_delays_nobody_else(tmp_path: Path) -> None:
    async with tls_server(tmp_path, HOST, answer()) as server:
        turns = 0

        def resolve(*_: object) -> list[str]:
            threading.Event().wait(0.3)
            return [HERE]

        reading = asyncio.create_task(reader_of(server, resolve).read(URL))
        while not reading.done():
            await asyncio.sleep(0.01)
            turns += 1
        await reading

    assert turns > 5
