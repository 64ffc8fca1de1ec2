"""The page of clients: who has which rights until when, and a button that ends them."""

import re

from bridge.bus.identity.clients import Client, read_registry, store_client
from bridge.bus.identity.rights import Rights
from bridge.bus.keys import Keys
from bridge.bus.oauth.grants import grants
from tests.stacks.bus import pipe_to
from tests.stacks.console import console
from tests.stacks.oauth import FRONT, Host


async def test_a_client_is_shown_with_its_rights_and_revoked_by_a_button(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with console(redis_url, session, public_url=FRONT) as browser, pipe_to(redis_url) as pipe:
        await store_client(pipe, keys, Client("a-robot", Rights(scopes=frozenset({"read"}))))
        host = Host(browser)
        tokens = await host.signed_in(symbols="msft")
        page = (await browser.get("/clients")).text
        name = re.findall(r"<h2>(a-host-\w+)</h2>", page)[0]
        after = await browser.post(
            "/clients/revoke", form_token=re.findall(r'"form_token" value="(\w+)"', page)[0], client=name
        )
        refreshed = await host.refresh(tokens["refresh_token"])
        registry, left = await read_registry(pipe, keys), await grants(pipe, keys)

    assert "read, trade; symbols MSFT; toolsets orders, session" in page
    assert "by operator anna" in page
    assert "A Host (127.0.0.1)" in page
    assert "<h2>a-robot</h2>" in after.text
    assert name not in after.text
    assert refreshed.json()["error"] == "invalid_grant"
    assert (list(registry.clients), registry.access, left) == (["a-robot"], {}, {})


async def test_nobody_revokes_without_a_sign_in(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with console(redis_url, session) as browser, pipe_to(redis_url) as pipe:
        await store_client(pipe, keys, Client("a-robot", Rights(scopes=frozenset({"read"}))))
        shown = await browser.get("/clients")
        answer = await browser.http.post("/clients/revoke", data={"client": "a-robot", "form_token": "x"})
        registry = await read_registry(pipe, keys)

    assert "a-robot" not in shown.text
    assert answer.status_code == 403
    assert list(registry.clients) == ["a-robot"]
