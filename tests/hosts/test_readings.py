"""The verdict over what a model reads, without the hosts: `make test-hosts` runs those."""

import json
from pathlib import Path

import pytest

from mcp_front.tools.catalogue import offered_tools
from mcp_front.tools.server import INSTRUCTIONS
from tests.hosts import approval, tool_search
from tests.hosts.models.anthropic_messages import PREFIX, AnthropicMessages
from tests.hosts.models.openai_responses import OpenAIResponses
from tests.hosts.models.scripted_model import HostRequest, Json, ScriptedModel, Step
from tests.hosts.readings import Reading, before_a_call, read, script
from tests.hosts.stack import Stack

STACK = Stack("http://127.0.0.1:1/api/v1", Path("journal"), 1, "redis://127.0.0.1:1")
BAR = {"date": "2026-11-23T09:30:00-05:00", "close": 309.07}


def reading(name: str) -> Reading:
    return next(each for each in script(STACK, "key", 1) if each.name == name)


def verdict(name: str, answer: Json | str) -> list[str]:
    return read(reading(name), answer if isinstance(answer, str) else json.dumps(answer))[1]


def test_cut_list_that_says_so_at_its_head_is_no_fault() -> None:
    assert verdict("a week of minutes", {"count": 1633, "truncated": True, "result": [BAR] * 2}) == []


def test_list_that_hides_how_many_rows_there_are_is_a_fault() -> None:
    assert "do not say how many rows" in verdict("a week of minutes", {"result": [BAR] * 20, "count": 20})[0]


def test_list_that_has_fewer_rows_than_it_says_is_a_fault() -> None:
    assert "does not say that 2 of 1633" in verdict("a week of minutes", {"count": 1633, "result": [BAR] * 2})[0]


def test_answer_that_the_host_cut_is_a_fault() -> None:
    cut = json.dumps({"count": 1633, "result": [BAR] * 2})[:-20]

    assert "the host cut it" in verdict("a week of minutes", f"Wall time: 0.2 seconds\nOutput:\n{cut}")[0]


def test_rows_of_a_table_are_counted_like_objects() -> None:
    table = {"count": 251, "truncated": False, "columns": ["date"], "rows": [["2026-11-23"]] * 251}

    line, faults = read(reading("a year of daily bars"), json.dumps(table))

    assert line.endswith(", 251 rows of 251")
    assert faults == []


@pytest.mark.parametrize(("shown", "faulty"), [(INSTRUCTIONS, 0), (INSTRUCTIONS[:80], 1), ("", 1)])
def test_instructions_that_the_host_cuts_within_their_first_sentence_are_a_fault(shown: str, faulty: int) -> None:
    requests = [HostRequest(0.0, "/v1/responses", {"input": shown})]

    assert len(list(before_a_call(requests))) == faulty


def test_wait_that_ends_without_the_fill_is_a_fault() -> None:
    assert verdict("a wait for its fill", {"event": "order_filled"}) == []
    assert "did not end at the fill" in verdict("a wait for its fill", {"event": "none"})[0]


def test_live_order_is_followed_from_its_wait_to_its_fill() -> None:
    good = ["[approval_required] …", '{"event":"order_approved"}', '{"status":"Filled"}']

    assert list(approval.faults(good)) == []
    assert len(list(approval.faults(good[:2]))) == 1
    assert "approval_required is missing" in next(approval.faults(["[approval_declined] …", *good[1:]]))


def test_questions_name_tools_that_exist() -> None:
    asked = tool_search.questions()
    named = {name.removeprefix(PREFIX) for question in asked for name in question.tools}

    assert len({question.text for question in asked}) == tool_search.LISTED_IN
    assert named <= {declared.tool_name for declared in offered_tools()}


@pytest.mark.parametrize(("names", "faulty"), [(["right"], 0), (["wrong", "right"], 0), (["wrong"], 2)])
def test_tool_that_is_not_listed_is_a_fault(names: list[str], faulty: int) -> None:
    right = frozenset({f"{PREFIX}right"})
    good = [tool_search.Found(tool_search.Question("a", right), [f"{PREFIX}right"])] * (tool_search.LISTED_IN - 1)
    last = tool_search.Found(tool_search.Question("b", right), [PREFIX + name for name in names])

    assert len(list(tool_search.faults([*good, last]))) == faulty


def test_claude_code_gets_the_steps_in_turn_and_then_an_end() -> None:
    model = ScriptedModel(AnthropicMessages(), [Step("ibkr_get_positions")])
    body: Json = {"messages": [], "tools": [{"name": "ToolSearch"}], "stream": True}
    call = model.respond("/v1/messages", body)[1].decode()
    body["messages"] = [{"role": "user", "content": [{"type": "tool_result", "content": "[]"}]}]
    end = model.respond("/v1/messages", body)[1].decode()

    assert f'"name": "{PREFIX}ibkr_get_positions"' in call
    assert '"stop_reason": "end_turn"' in end
    assert model.results() == ["[]"]


def test_side_requests_of_a_host_get_no_step() -> None:
    model = ScriptedModel(AnthropicMessages(), [Step("ibkr_get_positions")])

    assert b"ibkr_get_positions" not in model.respond("/v1/messages", {"messages": []})[1]
    assert model.conversation() == []


def test_codex_gets_the_steps_in_turn_and_then_an_end() -> None:
    model = ScriptedModel(OpenAIResponses(), [Step("ibkr_get_positions")])
    body: Json = {"input": [{"type": "additional_tools", "tools": []}]}
    call = model.respond("/v1/responses", body)[1].decode()
    body["input"].append({"type": "function_call_output", "output": "[]"})
    end = model.respond("/v1/responses", body)[1].decode()

    assert '"namespace": "mcp__ibkr", "name": "ibkr_get_positions"' in call
    assert '"type": "message"' in end
    assert model.results() == ["[]"]
