"""The audit trail with its search, and one order's page: its life, or why it never came to be."""

from tests.stacks.audit_log import leading
from tests.stacks.console import console
from tests.stacks.front import READY, answering, worker
from tests.stacks.handlers import REPORT

EVENTS = [{"at": "2025-06-11T14:30:00Z", "source": "orderStatus", "what": "Submitted <b>"}]
HISTORY = {"order": REPORT | {"idempotencyKey": "key-of-order"}, "events": EVENTS, "group": []}


async def test_the_audit_trail_is_searched_by_words(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (_, log), console(redis_url, session) as visitor:
        await log.append("intent", caller="claude", key="key-0001", details={"symbol": "AAPL"})
        await log.append("refused", caller="codex", key="key-0002", status="limit_exceeded", details={"message": "<i>"})
        stranger = await visitor.get("/audit?q=refused")
        await visitor.sign_in()
        whole, found, none = [await visitor.get(f"/audit{query}") for query in ("", "?q=REFUSED+codex", "?q=tsla")]

    assert "codex" not in stranger.text
    assert 'value="/audit?q=refused"' in stranger.text  # the sign-in comes back to it
    assert "key-0001" in whole.text
    assert "key-0002" in whole.text
    assert "key-0001" not in found.text
    assert "&lt;i&gt;" in found.text
    assert "No entry has tsla among the 2" in none.text


async def test_an_order_has_a_page_by_its_key_and_by_its_perm_id(redis_url: str, session: str) -> None:
    async with (
        worker(redis_url, session, {"get_order": answering(HISTORY)}, READY),
        console(redis_url, session) as visitor,
    ):
        stranger = await visitor.get("/orders/key-of-order")
        await visitor.sign_in()
        pages = [await visitor.get(path) for path in ("/orders/key-of-order", "/order/1")]

    assert "AAPL" not in stranger.text
    for page in pages:
        assert page.status_code == 200
        assert "Submitted &lt;b&gt;" in page.text
        assert "key key-of-order" in page.text


async def test_an_order_that_was_refused_says_why(redis_url: str, session: str) -> None:
    async with leading(redis_url, session) as (_, log), console(redis_url, session) as visitor:
        await log.append("refused", caller="codex", key="too-large", details={"message": "10,000 shares at most"})
        await visitor.sign_in()
        page = await visitor.get("/orders/too-large")

    assert page.status_code == 200
    assert "10,000 shares at most" in page.text


async def test_a_link_on_another_sites_page_is_followed_once_more_from_here(redis_url: str, session: str) -> None:
    """A browser keeps the sign-in's cookie back there (SameSite=Strict), and sends it with the second request."""
    async with console(redis_url, session) as visitor:
        page = await visitor.http.get("/orders/key-of-order", headers={"sec-fetch-site": "cross-site"})

    assert 'content="0; url=/orders/key-of-order"' in page.text
    assert "Passphrase" not in page.text


async def test_a_perm_id_that_is_none_is_no_fault(redis_url: str, session: str) -> None:
    """Python reads no number of more than 4,300 digits."""
    async with console(redis_url, session) as visitor:
        pages = [await visitor.get(f"/order/{each}") for each in ("9" * 5_000, "9" * 20, "-1", "0", "²")]

    assert [each.status_code for each in pages] == [404] * 5
