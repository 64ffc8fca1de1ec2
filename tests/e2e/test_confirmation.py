"""A live order and the person at the client: asked in one round, answered in the next, and nothing else passes.

The catalogue's row 98: whatever is not one person's fresh yes to this very order fails closed.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from fastmcp.client.elicitation import ElicitResult

from bridge.bus.controls.approvals import waiting_approvals
from mcp_front.protocol.results import ERROR_META
from tests.stacks.front import LEGACY, MODERN, RawClient
from tests.stacks.live import live_stack
from tests.stacks.orders import entries
from tests.stacks.timing import patient
from tests.stacks.tokens import as_caller, write_tokens

pytestmark = pytest.mark.fault(98)

ORDER: dict[str, Any] = {"symbol": "AAPL", "action": "BUY", "totalQuantity": 2}
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
FORMS: dict[str, Any] = {CAPABILITIES: {"elicitation": {}}}
READ = patient(read_form_s=0)  # a person's answer, however soon it comes
YES = {"confirmation": {"action": "accept", "content": {"approve": True}}}


def person(shown: list[str], answer: ElicitResult[Any]) -> Any:
    """Who sits before the client, reads what is shown and answers."""

    async def handler(message: str, _type: Any, _params: Any, _context: Any) -> ElicitResult[Any]:
        shown.append(message)
        return answer

    return handler


async def first_round(raw: RawClient, tool: str = "ibkr_place_order", **arguments: Any) -> dict[str, Any]:
    answer = await raw.request("tools/call", FORMS, name=tool, arguments=ORDER | arguments)
    result: dict[str, Any] = answer["result"]
    assert result["resultType"] == "input_required", result
    return result


async def second_round(raw: RawClient, state: str, answer: Any = YES, **arguments: Any) -> dict[str, Any]:
    answered = await raw.request(
        "tools/call", FORMS, name="ibkr_place_order", arguments=ORDER | arguments, inputResponses=answer,
        requestState=state,
    )  # fmt: skip
    result: dict[str, Any] = answered["result"]
    return result


def refusal(result: dict[str, Any]) -> tuple[str, str | None]:
    error = result["_meta"][ERROR_META]
    return error["code"], error.get("reason")


async def test_a_person_reads_the_checked_order_and_approves_it(redis_url: str, session: str) -> None:
    shown: list[str] = []
    async with live_stack(redis_url, session) as live:
        handler = person(shown, ElicitResult(action="accept", content={"approve": True}))
        async with live.fronts[0].client(elicitation_handler=handler) as client:
            result = await client.call_tool("ibkr_place_order", ORDER | {"orderType": "LMT", "lmtPrice": 900.5})
        (quote,) = [text.partition(" Worth")[0] for text in shown]

    assert quote == (
        "SIMULATED, no real money. Place: BUY 2 AAPL (SMART NASDAQ USD conId 265598) as LMT, lmtPrice 900.5, DAY, "
        "account DU***567."
    )
    assert "Worth at most about 1,801.00 USD (bid/ask/last " in shown[0]
    assert result.structured_content is not None
    assert result.structured_content["status"] == "Filled"
    assert live.frames == 1


@pytest.mark.trial("A3", "A24")
async def test_a_person_is_told_the_worth_of_an_order_that_nothing_bounds(redis_url: str, session: str) -> None:
    shown: list[str] = []
    relative = {"orderType": "REL", "auxPrice": 0.01, "lmtPrice": 0}
    async with live_stack(redis_url, session) as live:
        handler = person(shown, ElicitResult(action="decline"))
        async with live.fronts[0].client(elicitation_handler=handler) as client:
            await client.call_tool("ibkr_place_order", ORDER | relative, raise_on_error=False)
            short = {"orderType": "LMT", "lmtPrice": 500, "action": "SELL", "totalQuantity": 3}
            await client.call_tool("ibkr_place_order", ORDER | short, raise_on_error=False)

    told = re.search(r"Worth ([0-9,.]+) USD by the quote, with no bound: at the market", shown[0])
    assert told is not None
    assert float(told[1].replace(",", "")) == pytest.approx(2 * 425, rel=0.05)
    assert "Worth 1,500.00 USD (bid/ask/last" in shown[1]
    assert "It opens a short of 3." in shown[1]


async def test_what_a_person_does_not_approve_is_not_sent(redis_url: str, session: str) -> None:
    unticked = {"action": "accept", "content": {"approve": False}}
    answers: list[dict[str, Any]] = [{"action": "decline"}, {"action": "cancel"}, unticked]
    async with live_stack(redis_url, session, bus_timing=READ) as live:
        raw = live.fronts[0].raw()
        refused = [
            await second_round(raw, (await first_round(raw))["requestState"], {"confirmation": answer})
            for answer in answers
        ]
        silent = await second_round(raw, (await first_round(raw))["requestState"], {})
        waiting = await waiting_approvals(live.beside.bus_client.pipe, live.beside.bus_client.keys)

    reasons = ["declined", "cancelled", "declined", "cancelled"]
    assert [refusal(each) for each in [*refused, silent]] == [("approval_declined", reason) for reason in reasons]
    assert (live.frames, waiting) == (0, [])


async def test_a_client_that_cannot_ask_is_sent_to_the_operator(redis_url: str, session: str) -> None:
    told = {}
    async with live_stack(redis_url, session) as live:
        for era, can in ((LEGACY, None), (MODERN, {}), (MODERN, {"elicitation": {"url": {}}})):
            meta: dict[str, Any] = {CAPABILITIES: can}
            answer = await live.fronts[0].raw(era).request("tools/call", meta, name="ibkr_place_order", arguments=ORDER)
            told[answer["result"]["_meta"][ERROR_META]["idempotencyKey"]] = answer["result"]
        waiting = await waiting_approvals(live.beside.bus_client.pipe, live.beside.bus_client.keys)

    assert [refusal(each)[0] for each in told.values()] == ["approval_required"] * 3
    assert {each.key for each in waiting} == set(told)
    for key, result in told.items():
        assert f"Ask the operator to approve {key} within 15 minutes" in result["_meta"][ERROR_META]["message"]
        assert "challenge" not in str(result)
    assert live.frames == 0


async def test_the_operator_may_keep_approvals_to_the_command_line(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session, live_approval="operator") as live:
        answer = await live.fronts[0].raw().request("tools/call", FORMS, name="ibkr_place_order", arguments=ORDER)

    assert refusal(answer["result"])[0] == "approval_required"
    assert live.frames == 0


async def test_any_replica_takes_the_answer(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session, replicas=2) as live:
        one, two = (front.raw() for front in live.fronts)
        asked = await first_round(one)
        placed = await second_round(two, asked["requestState"])

    assert placed["structuredContent"]["status"] == "Filled"
    assert live.frames == 1


async def test_an_answer_is_good_for_one_order(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session, replicas=2) as live:
        one, two = (front.raw() for front in live.fronts)
        asked = await first_round(one)
        placed = await second_round(one, asked["requestState"])
        again = [await second_round(each, asked["requestState"]) for each in (one, two)]

    key = placed["structuredContent"]["idempotencyKey"]
    assert [refusal(each) for each in again] == [("confirmation_invalid", "replayed")] * 2
    assert all(each["_meta"][ERROR_META]["idempotencyKey"] == key for each in again)
    assert live.frames == 1


async def test_a_refusal_cannot_be_answered_again(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session, bus_timing=READ) as live:
        raw = live.fronts[0].raw()
        asked = await first_round(raw)
        no = await second_round(raw, asked["requestState"], {"confirmation": {"action": "decline"}})
        yes = await second_round(raw, asked["requestState"])

    assert refusal(no) == ("approval_declined", "declined")
    assert refusal(yes) == ("confirmation_invalid", "replayed")
    assert live.frames == 0


async def test_a_changed_state_or_another_order_under_it_is_refused(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session) as live:
        raw = live.fronts[0].raw()
        state = (await first_round(raw))["requestState"]
        middle = len(state) // 2
        changed = state[:middle] + ("A" if state[middle] != "A" else "B") + state[middle + 1 :]
        results = [
            await second_round(raw, changed),
            await second_round(raw, "v1.made-up"),
            await second_round(raw, state, totalQuantity=200),
            await second_round(raw, state, idempotencyKey="another-key"),
        ]
        assert live.frames == 0
        kept = await second_round(raw, state)

    assert [refusal(each) for each in results] == [("confirmation_invalid", "tampered")] * 4
    assert kept["structuredContent"]["status"] == "Filled"
    assert live.frames == 1


async def test_an_answer_of_another_caller_is_refused(redis_url: str, session: str, tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens.json", ["trader", "admin"])
    async with live_stack(redis_url, session, front={"front_tokens_file": tokens}) as live:
        asked = await first_round(as_caller(live.fronts[0], "trader"))
        stolen = await second_round(as_caller(live.fronts[0], "admin"), asked["requestState"])

    assert refusal(stolen) == ("confirmation_invalid", "tampered")
    assert live.frames == 0


async def test_an_answer_that_comes_too_late_is_refused(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session, bus_timing=patient(form_s=-0.001)) as live:
        raw = live.fronts[0].raw()
        asked = await first_round(raw)
        late = [await second_round(raw, asked["requestState"]) for _ in range(2)]

    assert [refusal(each) for each in late] == [
        ("confirmation_invalid", "expired"),
        ("confirmation_invalid", "replayed"),
    ]
    assert live.frames == 0


async def test_only_the_newest_form_can_be_answered(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session) as live:
        raw = live.fronts[0].raw()
        older = await first_round(raw, idempotencyKey="one-and-the-same")
        newer = await first_round(raw, idempotencyKey="one-and-the-same")
        late = await second_round(raw, older["requestState"], idempotencyKey="one-and-the-same")
        placed = await second_round(raw, newer["requestState"], idempotencyKey="one-and-the-same")

    assert refusal(late) == ("confirmation_invalid", "unknown")
    assert placed["structuredContent"]["status"] == "Filled"
    assert live.frames == 1


async def test_a_form_sealed_before_redis_lost_its_data_is_refused(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session) as live:
        raw, bus = live.fronts[0].raw(), live.beside.bus_client
        asked = await first_round(raw)
        await bus.pipe.send("DEL", bus.keys.seal)
        lost = await second_round(raw, asked["requestState"])
        anew = await second_round(raw, (await first_round(raw))["requestState"])

    assert refusal(lost) == ("confirmation_invalid", "tampered")
    assert anew["structuredContent"]["status"] == "Filled"
    assert live.frames == 1


async def test_an_answer_without_a_question_only_brings_the_question(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session) as live:
        answer = await live.fronts[0].raw().request(
            "tools/call", FORMS, name="ibkr_place_order", arguments=ORDER, inputResponses=YES
        )  # fmt: skip

    assert answer["result"]["resultType"] == "input_required"
    assert live.frames == 0


async def test_a_change_and_a_bracket_say_what_they_do(redis_url: str, session: str) -> None:
    shown: list[str] = []
    async with live_stack(redis_url, session) as live:
        handler = person(shown, ElicitResult(action="accept", content={"approve": True}))
        async with live.fronts[0].client(elicitation_handler=handler) as client:
            resting = ORDER | {"orderType": "LMT", "lmtPrice": 50}
            placed = (await client.call_tool("ibkr_place_order", resting)).structured_content
            assert placed is not None
            await client.call_tool("ibkr_modify_order", {"orderId": placed["orderId"], "lmtPrice": 51})
            exits = {"takeProfitPrice": 900, "stopLossPrice": 20, "lmtPrice": 50}
            await client.call_tool("ibkr_place_bracket_order", ORDER | exits)

    _, change, bracket = shown
    assert f"Change order {placed['orderId']} to: BUY 2 AAPL" in change
    assert "lmtPrice 51" in change
    assert "with an exit SELL as LMT, lmtPrice 900, GTC, with an exit SELL as STP, auxPrice 20, GTC" in bracket
    assert live.frames == 5


async def test_the_log_names_who_approved(redis_url: str, session: str) -> None:
    async with live_stack(redis_url, session) as live:
        raw = live.fronts[0].raw()
        await second_round(raw, (await first_round(raw))["requestState"])
        intents = [each for each in await entries(live.beside) if each.event == "intent"]

    assert [each.details["approved_by"] for each in intents] == ["local, by a form in the client"]
