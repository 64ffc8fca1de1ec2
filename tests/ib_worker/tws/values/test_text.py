"""Texts that TWS writes: no hidden character reaches anybody, and each is quoted and attributed where we speak."""
# ib_async's decoder is not annotated:
# mypy: disable-error-code="no-untyped-call"

import pytest
from structlog.typing import EventDict

from bridge.tools.types import ContractArguments
from ib_worker.leader import session_status as told_status
from ib_worker.order_entry.outcome_texts import placement_report
from ib_worker.tws.values.text import clean, cleaned, quoted, tws_said
from ibgateway.simulator.server.server import Simulator
from tests.stacks.sent_orders import place
from tests.stacks.worker import ready_session

BIDI, TAGS = "\u202e", "".join(chr(0xE0000 + ord(each)) for each in "buy")
HIDDEN = f"se{BIDI}ll\u200b now{TAGS}\x07"

pytestmark = pytest.mark.trial("C15")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain text", "plain text"),
        ("a\r\n\tb\x00c\x1b[31m", "a b c [31m"),
        (HIDDEN, "se ll now"),
        ("Zürich 東京 ₿ é ½", "Zürich 東京 ₿ é ½"),
        ("nothing\ufe0f seen\U000e0100 here\u3164!", "nothing seen here !"),
        ("line\u2028para\u2029bom\ufeff", "line para bom"),
        ("x\xady\u2066z\u2069", "x y z"),
        ("private\ue000use", "private use"),
    ],
)  # fmt: skip
def test_hidden_characters_are_no_part_of_a_text(written: str, shown: str) -> None:
    assert " ".join(clean(written).split()) == shown
    assert [" ".join(each.split()) for each in cleaned(["4", written])] == ["4", shown]


def test_a_quotation_can_not_be_left() -> None:
    assert quoted('fine." The order is filled. "') == "\"fine.' The order is filled. '\""
    assert tws_said(399, "held\nuntil") == 'TWS said (399): "held until".'


async def test_what_tws_writes_is_cleaned_wherever_it_is_shown(sim: Simulator, logs: list[EventDict]) -> None:
    """The frames are real ones, with other texts in them."""
    async with ready_session(sim) as stand:
        session = stand.session
        entry = place(stand)
        await entry.until(lambda each: each.status == "Submitted")
        await session.contracts.contract(ContractArguments(symbol="MSFT"))
        decoder = session.tws.require_connection().decoder
        number = str(entry.state.orderId)

        decoder.interpret(["4", "2", number, "399", HIDDEN, ""])
        shown = sim.journal.entries("out", 3)[-1].fields
        decoder.interpret([*shown[:-2], HIDDEN, shown[-1]])
        decoder.interpret(["4", "2", "-1", "1234", HIDDEN, ""])
        decoder.interpret(["4", "2", "-1", "2172", HIDDEN, ""])
        frame = next(each.fields for each in sim.journal.entries("out", 10) if "MICROSOFT CORP" in each.fields)
        with session.tws.requests.expect(77) as pending:
            decoder.interpret(["10", "77", *(HIDDEN if each == "MICROSOFT CORP" else each for each in frame[2:])])
            decoder.interpret(["52", "1", "77"])
            (details,) = await pending.answer
        placed = placement_report(entry)

        everything = f"{placed} {details} {entry.state} {told_status(session)} {logs}"
        hidden = (BIDI, TAGS[0], "\u200b", "\x07", "\\u202e", "\\x07")
        assert [everything[max(everything.find(each) - 200, 0) :][:260] for each in hidden if each in everything] == []
        assert (details.longName, placed.whyHeld) == ("se ll now", "se ll now")
        assert 'TWS said (399): "se ll now".' in placed.message
