"""Who calls: the principal owns keys, whatever the client calls itself; the label only names the client."""

from pathlib import Path
from typing import Any

import pytest

from bridge.bus.server.request import RequestContext
from mcp_front.protocol.results import ERROR_META
from tests.stacks.front import ERAS, LEGACY, MODERN, serving, worker
from tests.stacks.handlers import ORDER, filling
from tests.stacks.tokens import as_caller, write_tokens

KEY = "my-key-0001"
CLIENT_INFO = "io.modelcontextprotocol/clientInfo"


def named(name: str, version: str = "1") -> dict[str, Any]:
    return {CLIENT_INFO: {"name": name, "version": version}}


@pytest.mark.parametrize(("first_era", "second_era"), [(MODERN, MODERN), (LEGACY, MODERN), (MODERN, LEGACY)])
async def test_a_retry_is_the_same_order_after_a_reconnect_under_another_name(
    redis_url: str, session: str, first_era: str, second_era: str
) -> None:
    sent: list[RequestContext] = []
    order = ORDER | {"idempotencyKey": KEY}
    async with worker(redis_url, session, {"place_order": filling(sent)}), serving(redis_url, session) as front:
        await front.raw(first_era).call("ibkr_place_order", named("claude"), **order)
        again = await front.raw(second_era).call("ibkr_place_order", named("codex"), **order)

    assert again["structuredContent"]["replayed"] is True
    assert len(sent) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_a_tokens_retry_is_its_own_under_any_name_and_anothers_key_is_rejected(
    redis_url: str, session: str, tmp_path: Path, era: str
) -> None:
    sent: list[RequestContext] = []
    order = ORDER | {"idempotencyKey": KEY}
    tokens = write_tokens(tmp_path / "tokens.json", ["trader", "admin"])
    async with (
        worker(redis_url, session, {"place_order": filling(sent)}),
        serving(redis_url, session, front_tokens_file=tokens) as front,
    ):
        await as_caller(front, "trader", era).call("ibkr_place_order", named("claude"), **order)
        own = await as_caller(front, "trader", era).call("ibkr_place_order", named("codex"), **order)
        other = await as_caller(front, "admin", era).call("ibkr_place_order", named("claude"), **order)

    assert own["structuredContent"]["replayed"] is True
    assert other["_meta"][ERROR_META]["code"] == "idempotency_conflict"
    assert [(asked.caller, asked.client) for asked in sent] == [("trader", sent[0].client)]


@pytest.mark.parametrize(
    ("era", "meta", "label"),
    [
        (MODERN, named("claude", "1.0"), "claude"),
        (MODERN, named("claude", "2.0"), "claude"),
        (MODERN, named("cl\x1b[31mau\nde"), "cl [31mau de"),
        (MODERN, named("x" * 100), "x" * 63 + "…"),
        (MODERN, named(""), "127.0.0.1"),
        (LEGACY, {}, "127.0.0.1"),
        (LEGACY, named("claude"), "127.0.0.1"),
    ],
    ids=["name", "another version", "control characters", "a long name", "an empty name", "2025", "2025 with a name"],
)
async def test_the_label_is_the_clients_name_without_its_version_else_its_address(
    redis_url: str, session: str, era: str, meta: dict[str, Any], label: str
) -> None:
    sent: list[RequestContext] = []
    async with worker(redis_url, session, {"place_order": filling(sent)}), serving(redis_url, session) as front:
        await front.raw(era).call("ibkr_place_order", meta, **ORDER)

    assert [(asked.caller, asked.client) for asked in sent] == [("local", label)]
