"""Two requests are the same when they ask the same, however they spell it."""

from __future__ import annotations

from dataclasses import replace

from ibgateway.recorder.replay.request_equality import exact, facts, loose, unmasked
from ibgateway.recorder.transcript.transcript import (
    TranscriptFrame,
)
from tests.stacks.ibgateway.recorded_lines import STATUS, asked, place, session, told
from tests.stacks.ibgateway.replay_client import BARS, Client


def test_masked_fields_and_unset_values_match_in_every_spelling() -> None:
    client = Client(session(place(17), told(f"3 17 Submitted {STATUS}")))
    order = place(1001)
    assert isinstance(order, TranscriptFrame)
    own = {"account": "U1111111", "orderRef": "another", "trailStopPrice": "1.7976931348623157E308"}
    fields = [own.get(name, text) for name, text in zip(order.names, order.fields, strict=True)]

    assert client.hears(asked(" ".join(text or "-" for text in fields))) == [
        "3 1001 Submitted 0 1 0 389001 0 0 3 - 0",
    ]


def test_a_request_is_its_facts_in_the_spelling_of_no_client() -> None:
    order, spelled = place(17), place(17)
    assert isinstance(order, TranscriptFrame)
    assert isinstance(spelled, TranscriptFrame)
    fields = list(spelled.fields)
    fields[order.names.index("totalQuantity")] = "1.00"

    assert facts(order) == facts(replace(spelled, fields=tuple(fields)))
    assert facts(order)["placed.1.totalQuantity"] == "1"


def test_ids_do_not_count_and_times_only_exactly() -> None:
    today, tomorrow = (asked(f"20 {reqId} {BARS.format(end=day)}") for reqId, day in ((6, "20250609"), (7, "20250610")))

    assert facts(today)["reqId"] == "6"
    assert "reqId" not in exact(facts(today))
    assert exact(facts(today)) != exact(facts(tomorrow))
    assert loose(facts(today)) == loose(facts(tomorrow))


def test_what_a_transcript_masks_is_left_out() -> None:
    order = place(17)
    assert isinstance(order, TranscriptFrame)

    left = unmasked(facts(order))

    assert "placed.1.account" in facts(order)
    assert "placed.1.account" not in left
    assert "placed.1.orderRef" not in left
    assert left["placed.1.action"] == "BUY"


def test_a_frame_that_the_simulator_does_not_read_is_compared_by_its_names() -> None:
    request = replace(asked("81 6 app"), fields=("81", "six", "app"))

    assert facts(request) == {"msgId": "81", "reqId": "six", "pattern": "app"}
