"""Which URLs may be a client's id, and which addresses count as public."""

import pytest

from console.oauth.document_address import DocumentError, host_of, is_public


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://client.example/oauth/metadata.json", "client.example"),
        ("https://a-b.client.example/m?version=2", "a-b.client.example"),
        ("https://xn--mnchen-3ya.example/m", "xn--mnchen-3ya.example"),
    ],
)
def test_a_url_with_a_host_and_a_path_may_be_an_id(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "http://client.example/m", "HTTPS://client.example/m", "https://client.example", "https://client.example/",
        "https://client.example:443/m", "https://client.example:8443/m", "https://user@client.example/m",
        "https://client.example/m#f", "https://client.example/m#", "https://client.example/a/../m",
        "https://client.example/a/%2E%2e/m", "https://client.example/./m", "https://Client.example/m",
        "https://127.0.0.1/m", "https://2130706433/m", "https://0x7f.1/m", "https://[::1]/m", "https://localhost/m",
        "https://client.example./m", "https://client.example\\@other.example/m", "https://client.example/a b",
        "https://client.example/\r\nX: y", "https://client..example/m", "https://münchen.example/m",
        f"https://{'a.' * 60}example/m", f"https://client.example/{'m' * 400}",
    ],
)  # fmt: skip
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(DocumentError):
        host_of(url)


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700::6810:84e5", "2a00:1450:4001:806::200e"])
def test_a_public_address_is_let_through(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.20.0.1", "192.168.1.1", "192.0.0.8",
        "192.0.2.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1",
        "2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1", "fd12::1", "fe80::1",
        "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1", "4000::1", "", "localhost",
    ],
)  # fmt: skip
def test_no_other_address_is(address: str) -> None:
    assert not is_public(address)
