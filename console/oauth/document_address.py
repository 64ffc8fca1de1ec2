"""URLs that may be a client's id, and the addresses that its document may be read from."""

import ipaddress
import re

LONGEST_URL = 400  # characters
LONGEST_HOST = 80  # characters: the page of consent shows all of it
_HOST = re.compile(r"([a-z0-9-]{1,63}\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")  # a name: an IP address ends with a digit
_REST = re.compile(r"/[A-Za-z0-9/._~!$&'()*+,;=:@%-]+(\?[A-Za-z0-9/._~!$&'()*+,;=:@%?-]*)?")
_DOTS = {".", "..", "%2e", "%2e.", ".%2e", "%2e%2e"}

# IANA's special-purpose address registries; the standard library's own judgment is asked besides.
_NO_IPV4 = [
    ipaddress.IPv4Network(each)
    for each in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                 "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
                 "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
                 "224.0.0.0/4", "240.0.0.0/4")
]  # fmt: skip
_IPV6 = ipaddress.IPv6Network("2000::/3")  # all global unicast addresses; NAT64 and IPv4-mapped ones are outside
_NO_IPV6 = [
    ipaddress.IPv6Network(each)
    for each in (
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address within
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]


class DocumentError(ValueError):
    """A client's document that is not read, or is no good. The text goes on from "the client's document"."""


def is_document_id(client_id: str) -> bool:
    """Return whether a client id names a document, well formed or not."""
    return client_id[:8].lower() == "https://"


def host_of(url: str) -> str:
    """Return the host of a document's URL. Raises DocumentError unless the URL may be an id.

    draft-ietf-oauth-client-id-metadata-document, 3: https, a path, no user, no fragment, no dots as segments. Here also
    the port 443 alone, a name in place of an address, and small letters.
    """
    host, slash, rest = url[8:].partition("/")
    rest = slash + rest
    if not url.startswith("https://") or len(url) > LONGEST_URL or len(host) > LONGEST_HOST:
        raise DocumentError(f"has an https URL of at most {LONGEST_URL} characters, {LONGEST_HOST} of them the host's")
    if not _HOST.fullmatch(host):
        raise DocumentError("has a URL with a host's name in small letters, and no user, port or IP address")
    if not _REST.fullmatch(rest):
        raise DocumentError("has a URL with a path, and without a fragment or a character that is to be escaped")
    if _DOTS & set(rest.partition("?")[0].lower().split("/")):
        raise DocumentError("has a URL without . and .. in its path")
    return host


def is_public(address: str) -> bool:
    """Return whether an IP address is a public one of a single machine, and has no other address within."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in each for each in _NO_IPV4)
    return ip.scope_id is None and ip in _IPV6 and not any(ip in each for each in _NO_IPV6)
