"""Redirects: exact ones, a free port on this machine alone, and none that would lead a browser astray."""

import pytest
from mcp.server.auth.provider import RegistrationError
from mcp.shared.auth import InvalidRedirectUriError, InvalidScopeError, OAuthClientInformationFull
from pydantic import AnyUrl

from bridge.bus.oauth.grants import digest
from console.oauth.registered import RegisteredClient, new_record, require_redirect


def registered(*redirects: str) -> RegisteredClient:
    return RegisteredClient.model_validate({"client_id": "c", "redirect_uris": list(redirects)})


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ("https://claude.ai/api/mcp/auth_callback", "https://claude.ai/api/mcp/auth_callback"),
        ("http://localhost/callback", "http://localhost:54545/callback"),
        ("http://127.0.0.1:1/callback", "http://127.0.0.1:2/callback"),
        ("http://[::1]/cb", "http://[::1]:9/cb"),
        ("cursor://anysphere.cursor-retrieval/oauth/callback", "cursor://anysphere.cursor-retrieval/oauth/callback"),
    ],
)
def test_a_registered_redirect_is_let_through(kept: str, asked: str) -> None:
    assert str(registered(kept).validate_redirect_uri(AnyUrl(asked))) == asked


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ("https://claude.ai/api/mcp/auth_callback", "https://claude.ai.evil.example/api/mcp/auth_callback"),
        ("https://claude.ai/api/mcp/auth_callback", "https://claude.ai/api/mcp/auth_callback/more"),
        ("https://claude.ai/api/mcp/auth_callback", "https://claude.ai:8443/api/mcp/auth_callback"),
        ("https://claude.ai/api/mcp/auth_callback", "http://claude.ai/api/mcp/auth_callback"),
        ("https://localhost/cb", "https://localhost:9/cb"),
        ("http://localhost/callback", "http://127.0.0.1/callback"),
        ("http://localhost/callback", "http://localhost:5/other"),
        ("http://localhost/callback", "http://localhost/callback?next=x"),
        ("http://localhost/callback", "http://localhost@evil.example/callback"),
        ("http://localhost/callback", "http://user@localhost/callback"),
        ("http://localhost/callback", "http://localhost.evil.example/callback"),
    ],
)
def test_any_other_is_refused(kept: str, asked: str) -> None:
    with pytest.raises(InvalidRedirectUriError):
        registered(kept).validate_redirect_uri(AnyUrl(asked))


@pytest.mark.parametrize(
    "url",
    ["http://example.org/cb", "javascript:alert(1)", "data:text/html,x", "https://a.example/cb#f", "file:///etc/x",
     "https://user@a.example/", "http://localhost.example.org/", "https:///cb", "//example.org/cb",
     "ms-msdt:/id", "mailto:a@example.org", "tel:+1", "sms:+1", "vbscript:x", "blob:x", "about:blank", "view-source:x",
     "search-ms:query=x", "ms-appinstaller:?source=x", "ms-word:ofe|u|x", "ssh://a", "ldap://a", "smb://a", "x:cb",
     "microsoft.windows.camera:x", "JavaScript:alert(1)", "MS-MSDT:x", "intent://x", "vscode://x.y/cb", "com.:x"],
)  # fmt: skip
def test_no_client_registers_a_redirect_that_leads_astray(url: str) -> None:
    with pytest.raises(RegistrationError):
        require_redirect(url)


@pytest.mark.parametrize(
    "url",
    ["https://a.example/cb", "http://127.0.0.1:1/cb", "http://[::1]/cb", "http://localhost:9/", "com.example.app:/cb",
     "org.example.my-app://cb", "cursor://anysphere.cursor/cb"],
)  # fmt: skip
def test_a_redirect_at_the_web_this_machine_or_an_application_is_registered(url: str) -> None:
    require_redirect(url)


def test_a_redirect_of_an_earlier_registration_is_held_to_the_rules() -> None:
    mailto = "mailto:a@example.org"
    for asked in (AnyUrl(mailto), None):
        with pytest.raises(InvalidRedirectUriError, match="mailto"):
            registered(mailto).validate_redirect_uri(asked)


def test_a_secret_is_kept_as_its_digest_alone() -> None:
    whole = {"client_id": "c", "client_secret": "a secret", "redirect_uris": ["http://localhost/cb"]}
    record = new_record(OAuthClientInformationFull.model_validate(whole))

    assert "a secret" not in record
    assert digest("a secret") in record


def test_a_record_has_a_bound() -> None:
    whole = {"client_id": "c", "client_name": "x" * 10_000, "redirect_uris": ["http://localhost/cb"]}
    with pytest.raises(RegistrationError):
        new_record(OAuthClientInformationFull.model_validate(whole))


def test_unknown_scopes_are_passed_over_unless_they_are_all() -> None:
    client = registered("http://localhost/cb")

    assert client.validate_scope("openid trade read") == ["read", "trade"]
    assert client.validate_scope(None) is None
    with pytest.raises(InvalidScopeError):
        client.validate_scope("openid profile")
