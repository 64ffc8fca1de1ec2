"""A token names its caller and says what it may do; the file holds hashes, and removing an entry ends it at once."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bridge.bus.identity.client_directory import ClientDirectory
from bridge.bus.identity.client_file import read_clients as read_tokens
from bridge.bus.identity.clients import Client, end_access_of, grant_access, proof_of, store_client
from bridge.bus.identity.rights import Rights
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.tool import Effect
from mcp_front.admission.auth import ClientToken, ClientTokens
from mcp_front.protocol.results import ERROR_META
from mcp_front.timing import FrontTiming
from mcp_front.tools.catalogue import offered_tools
from tests.busy import BUSY_S
from tests.stacks.clients import write_clients
from tests.stacks.front import ERAS, plain_http, serving, worker
from tests.stacks.handlers import ORDER, PNL, Recorder
from tests.stacks.ticking_worker import ticking
from tests.stacks.tokens import SCOPES, as_caller, token_of, write_tokens
from tests.waiting import until


def tokens_of(path: Path) -> ClientTokens:
    """The check of tokens by the file alone: Redis is away."""
    return ClientTokens(ClientDirectory(CommandPipeline("redis://127.0.0.1:1/0"), Keys("test"), path))


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    return write_tokens(tmp_path / "tokens.json", list(SCOPES))


@pytest.mark.fault(103)
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic dTpw"}])
async def test_no_token_or_a_wrong_one_is_turned_away(
    redis_url: str, session: str, tokens_file: Path, era: str, header: dict[str, str]
) -> None:
    async with serving(redis_url, session, front_tokens_file=tokens_file) as front, plain_http() as http:
        response = await http.post(front.endpoint, **front.raw(era, **header).prepared("tools/list"))

    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("era", ERAS)
async def test_list_shows_what_the_token_may_do(redis_url: str, session: str, tokens_file: Path, era: str) -> None:
    async with serving(redis_url, session, front_tokens_file=tokens_file) as front:
        seen = {}
        for name in SCOPES:
            answer = await as_caller(front, name, era).request("tools/list")
            seen[name] = {tool["name"] for tool in answer["result"]["tools"]}

    writes = {declared.tool_name for declared in offered_tools() if declared.effect is Effect.WRITE}
    session_tools = {"ibkr_connect", "ibkr_disconnect"}
    assert seen["nobody"] == set()
    assert {"ibkr_get_positions", "ibkr_preview_order", "ibkr_halt_trading"} <= seen["reader"]
    assert not seen["reader"] & (writes | session_tools)
    assert seen["trader"] == seen["reader"] | writes
    assert seen["admin"] == seen["trader"] | session_tools


@pytest.mark.fault(103)
@pytest.mark.parametrize("era", ERAS)
async def test_tool_that_is_hidden_cannot_be_called(redis_url: str, session: str, tokens_file: Path, era: str) -> None:
    recorder = Recorder({})
    handlers = {"place_order": recorder, "disconnect": recorder}
    async with (
        worker(redis_url, session, handlers),
        serving(redis_url, session, front_tokens_file=tokens_file) as front,
    ):
        order = await as_caller(front, "reader", era).call("ibkr_place_order", **ORDER)
        disconnect = await as_caller(front, "trader", era).call("ibkr_disconnect")

    assert order["isError"] is True
    assert disconnect["isError"] is True
    assert recorder.asked == []
    assert 'the "trade" scope' in order["content"][0]["text"]
    assert disconnect["_meta"][ERROR_META]["code"] == "forbidden"


async def test_caller_is_named_by_its_token(redis_url: str, session: str, tokens_file: Path) -> None:
    recorder = Recorder(PNL)
    handlers = {"get_pnl": recorder}
    async with (
        worker(redis_url, session, handlers),
        serving(redis_url, session, front_tokens_file=tokens_file) as front,
    ):
        for name in ("reader", "trader"):
            await as_caller(front, name).call("ibkr_get_pnl")

    assert [asked.caller for asked in recorder.asked] == ["reader", "trader"]


async def test_one_callers_limit_is_not_anothers(redis_url: str, session: str, tokens_file: Path) -> None:
    handlers = {"get_pnl": Recorder(PNL)}
    limits: dict[str, Any] = {"front_calls_per_s": 0.001, "front_burst": 1, "front_tokens_file": tokens_file}
    async with worker(redis_url, session, handlers), serving(redis_url, session, **limits) as front:
        answers = [await as_caller(front, name).call("ibkr_get_pnl") for name in ("reader", "reader", "trader")]

    assert [bool(answer.get("isError")) for answer in answers] == [False, True, False]


async def test_a_call_goes_on_while_its_clients_rights_are_what_they_were(tmp_path: Path) -> None:
    path = write_clients(tmp_path / "clients.json", {"claude": {"accounts": ["DU1"]}})
    tokens = tokens_of(path)
    token = await tokens.verify_token("token-of-claude")
    assert isinstance(token, ClientToken)
    before = await tokens.may_go_on(token.proof, token.rights)

    write_clients(path, {"claude": {"accounts": ["DU2"]}})

    assert (before, await tokens.may_go_on(token.proof, token.rights)) == (True, False)


async def test_removed_entry_is_turned_away_at_once(tmp_path: Path) -> None:
    path = write_tokens(tmp_path / "tokens.json", ["reader", "trader"])
    tokens = tokens_of(path)
    assert await tokens.verify_token(token_of("reader")) is not None

    write_tokens(path, ["trader"])

    assert await tokens.verify_token(token_of("reader")) is None
    assert await tokens.verify_token(token_of("trader")) is not None


async def test_stream_ends_when_its_token_is_taken_away(redis_url: str, session: str, tokens_file: Path) -> None:
    often = FrontTiming(rights_check_s=0.1)
    async with (
        ticking(redis_url, session) as ticker,
        serving(redis_url, session, timing=often, front_tokens_file=tokens_file) as front,
    ):
        calls = [
            asyncio.create_task(
                as_caller(front, name).call("ibkr_stream_market_data", symbol="SPY", duration_seconds=seconds)
            )
            for name, seconds in (("reader", 60), ("trader", 2))
        ]
        await until(lambda: ticker.sent > 10, "some ticks are sent")
        write_tokens(tokens_file, ["trader"])
        async with asyncio.timeout(10):
            taken, left = [answer["structuredContent"] for answer in await asyncio.gather(*calls)]

    assert "Ended early: the client's token was revoked" in taken["message"]
    assert taken["seconds"] < 10
    assert "Ended early" not in left["message"]


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_text("[{")])
async def test_file_that_cannot_be_read_admits_nobody_until_it_can(tmp_path: Path, spoil: Any) -> None:
    path = write_tokens(tmp_path / "tokens.json", ["reader"])
    tokens = tokens_of(path)

    spoil(path)
    assert await tokens.verify_token(token_of("reader")) is None

    write_tokens(path, ["reader"])
    assert await tokens.verify_token(token_of("reader")) is not None


async def test_token_is_kept_nowhere_in_what_the_server_knows(tmp_path: Path) -> None:
    tokens = tokens_of(write_tokens(tmp_path / "tokens.json", ["reader"]))

    found = await tokens.verify_token(token_of("reader"))

    assert found is not None
    assert token_of("reader") not in repr(found)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"sha256": "0" * 63}, "sha256"),
        ({"scopes": ["read", "root"]}, "scopes"),
        ({"name": "two words"}, "name"),
        ({"token": "in plain"}, "token"),
    ],
)
def test_entry_that_is_wrong_is_refused_without_showing_it(
    tmp_path: Path, entry: dict[str, Any], complaint: str
) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(json.dumps([{"name": "claude", "sha256": "0" * 64, "scopes": ["read"], **entry}]))

    with pytest.raises(ValueError, match=complaint) as caught:
        read_tokens(path)

    assert "in plain" not in str(caught.value)
    assert "0" * 63 not in str(caught.value)


def test_same_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="twice"):
        read_tokens(write_tokens(tmp_path / "tokens.json", ["reader", "reader"]))


@pytest.mark.trial("E18")
async def test_file_that_may_be_read_again_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tokens(tmp_path / "tokens.json", ["reader"])
    tokens = tokens_of(path)
    stat = path.stat()
    moved = path.rename(tmp_path / "elsewhere")
    assert tokens.fault() == "No such file or directory"
    moved.rename(path)  # the same time, size and inode

    assert (path.stat().st_mtime_ns, tokens.fault()) == (stat.st_mtime_ns, None)


async def test_a_client_is_shown_the_tools_of_its_rights_and_calls_no_other(
    redis_url: str, session: str, tmp_path: Path
) -> None:
    """Cancels, the halt and the status are in every client's toolsets."""
    path = write_clients(tmp_path / "clients.json", {"quotes": {"toolsets": ["quotes"], "accounts": ["DU1"]}})
    recorder = Recorder(PNL)
    async with (
        worker(redis_url, session, {"get_pnl": recorder}),
        serving(redis_url, session, front_tokens_file=path) as front,
    ):
        client = front.raw(ERAS[0], authorization="Bearer token-of-quotes")
        listed = {tool["name"] for tool in (await client.request("tools/list"))["result"]["tools"]}
        refused = await client.call("ibkr_get_pnl")
        status = await client.call("ibkr_get_status")

    always = {each.tool_name for each in offered_tools() if each.relieves}
    assert listed == always | {each.tool_name for each in offered_tools(["quotes"])}
    assert refused["_meta"][ERROR_META]["toolset"] == "account"
    assert recorder.asked == []
    assert status["structuredContent"]["accounts"] == []  # of the session's DU1234567


async def test_a_client_of_redis_is_admitted_until_its_time_or_its_end(
    redis_url: str, session: str, tmp_path: Path
) -> None:
    path, recorder = write_clients(tmp_path / "clients.json", {}), Recorder(PNL)
    async with (
        worker(redis_url, session, {"get_pnl": recorder}) as bus,
        serving(redis_url, session, front_tokens_file=path) as front,
    ):
        await store_client(bus.pipe, bus.keys, Client("claude", Rights(frozenset({"read"}))))
        for token, lasts_ms in (("good", 60_000), ("over", 0)):
            await grant_access(bus.pipe, bus.keys, proof_of(token), "claude", lasts_ms)

        async def admitted(token: str) -> bool:
            async with plain_http() as http:
                raw = front.raw(ERAS[0], authorization=f"Bearer {token}")
                return (await http.post(front.endpoint, **raw.prepared("tools/list"))).status_code == 200

        before = [await admitted(token) for token in ("good", "over", "unknown")]
        await front.raw(ERAS[0], authorization="Bearer good").call("ibkr_get_pnl")
        await end_access_of(bus.pipe, bus.keys, "claude")
        async with asyncio.timeout(1 + BUSY_S):
            while await admitted("good"):
                pass

    assert before == [True, False, False]
    assert [(asked.caller, asked.proof) for asked in recorder.asked] == [("claude", proof_of("good"))]
