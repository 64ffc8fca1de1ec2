"""Requests as claude.ai and ChatGPT describe theirs, each with its source. Not tried with the real hosts.

claude.ai: https://support.claude.com/en/articles/11503834-building-custom-connectors-via-remote-mcp-servers: it
registers itself as `Claude` with the callback https://claude.ai/api/mcp/auth_callback, in future perhaps at claude.com,
refreshes tokens, and registers anew where the token endpoint answers 401 with invalid_client.
ChatGPT: https://developers.openai.com/apps-sdk/build/auth: it reads the metadata of both servers, registers itself,
wants S256 among code_challenge_methods_supported, sends `resource` to both endpoints, and wants the metadata's
token_endpoint_auth_methods_supported to have its own. Its callbacks are at https://chatgpt.com/connector/oauth/…, those
of earlier connectors at https://chatgpt.com/connector_platform_oauth_redirect.
"""

from typing import Any

import pytest

from tests.stacks.console import console
from tests.stacks.oauth import Host

FRONT = "https://ibkr.example.org"
RESOURCE = f"{FRONT}/api/v1"
CLAUDE = {
    "client_name": "Claude",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "scope": "read trade admin",
    "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
}
LATER_CLAUDE = CLAUDE | {"redirect_uris": ["https://claude.com/api/mcp/auth_callback"]}
CLAUDE_WITH_A_SECRET = CLAUDE | {"token_endpoint_auth_method": "client_secret_post"}
CHATGPT = {
    "client_name": "ChatGPT",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "redirect_uris": ["https://chatgpt.com/connector/oauth/abc123"],
}
EARLIER_CHATGPT = CHATGPT | {
    "token_endpoint_auth_method": "client_secret_post",
    "redirect_uris": ["https://chatgpt.com/connector_platform_oauth_redirect"],
}


@pytest.mark.parametrize("registers", [CLAUDE, LATER_CLAUDE, CLAUDE_WITH_A_SECRET, CHATGPT, EARLIER_CHATGPT])
async def test_the_whole_way_is_open(redis_url: str, session: str, registers: dict[str, Any]) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser, redirect=registers["redirect_uris"][0], resource=RESOURCE)
        metadata = (await browser.get("/.well-known/oauth-authorization-server")).json()
        registered = await host.register(**registers)
        tokens = await tokens_of(host)
        refreshed = await host.refresh(tokens["refresh_token"], resource=RESOURCE)

    told = registered.json()
    assert registers["token_endpoint_auth_method"] in metadata["token_endpoint_auth_methods_supported"]
    assert "S256" in metadata["code_challenge_methods_supported"]
    assert metadata["registration_endpoint"].endswith("/register")
    assert registered.status_code == 201
    assert told["redirect_uris"] == registers["redirect_uris"]
    assert ("client_secret" in told) is (registers["token_endpoint_auth_method"] != "none")
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    assert refreshed.status_code == 200


async def tokens_of(host: Host) -> dict[str, Any]:
    """The tokens of a host that has registered."""
    await host.browser.sign_in()
    answer = await host.exchange((await host.consent())["code"])
    tokens: dict[str, Any] = answer.json()
    return tokens


async def test_a_registration_that_is_gone_is_told_so_that_the_host_registers_anew(
    redis_url: str, session: str
) -> None:
    async with console(redis_url, session, public_url=FRONT) as browser:
        host = Host(browser, client_id="of-an-earlier-redis")
        answer = await host.refresh("a.token")

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
