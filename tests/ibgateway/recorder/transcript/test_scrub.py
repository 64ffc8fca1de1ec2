"""Nothing that tells who or which order is left in a transcript, wherever on the wire it stood."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async import Contract, Order, SoftDollarTier, TagValue

from ibgateway.recorder.connection_log import ConnectionLog, again
from ibgateway.recorder.transcript.scrub import Scrubber, veil
from ibgateway.recorder.transcript.transcript import TO_CLIENT, TO_GATEWAY, TranscriptFrame, as_json
from ibgateway.simulator.model import contracts as model_contracts
from ibgateway.simulator.model.account import AccountPosition, AccountValue
from ibgateway.simulator.model.orders import CommissionReport, Execution, OpenOrder, OrderState
from ibgateway.simulator.wire.encoding.text import clean, message
from ibgateway.simulator.wire.frames import HELLO, frame, frames
from ibgateway.simulator.wire.messages import account, order_state, orders, session
from tests.ibgateway.simulator.wire.requests.test_place_order import placed
from tests.stacks.ibgateway.ib_async_codec import sent_by_ib_async

KEY = b"0123456789abcdef"
AAPL = model_contracts.Contract(265598, "AAPL", "STK", exchange="SMART", currency="USD", primaryExchange="NASDAQ")
ACCOUNTS = st.from_regex(r"(DU|U|DF|F|DUH)[1-9][0-9]{6}", fullmatch=True)
USERS = st.from_regex(r"[a-z]{5,8}[0-9]{3}", fullmatch=True)
# As distinct as what people use to find their orders again; a ref such as AAPL is a word of the wire as well.
REFS = st.from_regex(r"[A-Za-zé]{3,8}[-_/: ][0-9]{4,6}[a-z]", fullmatch=True)
IDS = st.integers(100_000_000, 2_147_483_000)


WHO = """
    account acctCode acctNumber accountsList customerAccount clearingAccount deltaNeutralClearingAccount familyCode
    submitter extOperator rfqOperator mifid2DecisionMaker mifid2ExecutionTrader apiData opaqueIsvKey
""".split()  # noqa: SIM905 - names of fields, as in the layouts
WHAT = """
    orderRef ocaGroup modelCode group faGroup faProfile settlingFirm deltaNeutralSettlingFirm designatedLocation
    legDesignatedLocation softDollarTierName softDollarTierValue algoId rfqText permId parentPermId execId
""".split()  # noqa: SIM905


@dataclass(frozen=True)
class Secrets:
    account: str
    user: str
    ref: str
    group: str
    permId: int
    execution: str

    @property
    def told(self) -> set[str]:
        """Every spelling that must not be found."""
        texts = {self.account, self.user, self.ref, self.group, str(self.permId), self.execution}
        return texts | {clean(text) for text in texts} | {json.dumps(text)[1:-1] for text in texts}


SECRETS = st.builds(
    Secrets, ACCOUNTS, USERS, REFS, REFS, IDS, st.from_regex(r"[0-9a-f]{8}\.[0-9a-f]{8}", fullmatch=True)
).filter(lambda secrets: secrets.ref not in secrets.group and secrets.group not in secrets.ref)


def order_of(secrets: Secrets) -> Order:
    return Order(
        action="BUY",
        totalQuantity=1,
        orderType="LMT",
        lmtPrice=1.0,
        account=secrets.account,
        orderRef=secrets.ref,
        ocaGroup=secrets.group,
        modelCode=secrets.group,
        faGroup=secrets.group,
        settlingFirm=secrets.group,
        clearingAccount=secrets.account,
        designatedLocation=secrets.group,
        extOperator=secrets.user,
        mifid2DecisionMaker=secrets.user,
        mifid2ExecutionAlgo=secrets.group,
        softDollarTier=SoftDollarTier(secrets.group, secrets.group, ""),
        algoStrategy="Adaptive",
        algoParams=[TagValue("note", f"of {secrets.ref}, {secrets.account}")],
        deltaNeutralOrderType="LMT",
        deltaNeutralClearingAccount=secrets.account,
        deltaNeutralSettlingFirm=secrets.group,
    )


def asked(secrets: Secrets, version: int) -> list[bytes]:
    """What a client sends that names them."""
    order = order_of(secrets)
    xml = f"<Group><name>{secrets.group}</name><String>{secrets.account}</String></Group>"
    return [
        sent_by_ib_async(version, "placeOrder", 42, Contract(symbol="AAPL", secType="STK"), order),
        sent_by_ib_async(version, "reqAccountUpdates", True, secrets.account),
        sent_by_ib_async(version, "reqAccountSummary", 7, secrets.group, "NetLiquidation"),
        sent_by_ib_async(version, "reqPnL", 8, secrets.account, secrets.group),
        sent_by_ib_async(version, "replaceFA", 9, 1, xml),
    ]


def answered(secrets: Secrets, version: int) -> list[bytes]:
    """What a gateway tells of them, in fields of their own and within others."""
    contract, order = placed(178, Contract(symbol="AAPL", secType="STK"), order_of(secrets))
    order = replace(order, submitter=secrets.user, customerAccount=secrets.account, parentPermId=secrets.permId)
    state = OrderState("Filled", warningText=f"{secrets.ref} is odd", rejectReason=secrets.ref)
    shown = OpenOrder(1, 42, secrets.permId, contract, order, state)
    execution = Execution(
        *(1, 42, AAPL, f"{secrets.execution}.01.01", 1749652200.0, secrets.account, "IEX", "BOT", Decimal(1), 1.0),
        *(secrets.permId, 0, Decimal(1), 1.0, secrets.ref),
        modelCode=secrets.group,
        submitter=secrets.user,
    )
    refused = f"Order {secrets.permId} ({secrets.ref}) of {secrets.user} on {secrets.account} via 10.20.30.41"
    return [
        session.managed_accounts([secrets.account]),
        account.account_value(AccountValue(secrets.account, "AccountCode", secrets.account, "")),
        account.position(AccountPosition(secrets.account, AAPL, Decimal(1), 1.0)),
        order_state.open_order(version, shown),
        order_state.completed_order(version, shown),
        orders.exec_details(version, -1, execution, "US/Eastern", "US/Eastern"),
        orders.commission_report(CommissionReport(1, f"{secrets.execution}.01.01", 1.0, "USD", None)),
        session.error(version, 42, 201, refused, 1.0, json.dumps({"ref": clean(secrets.ref), "by": secrets.user})),
        account.family_codes([(secrets.account, secrets.user)]),
    ]


def recorded(version: int, requests: list[bytes], answers: list[bytes]) -> list[TranscriptFrame]:
    """A transcript's entries, as they are at the end of a recording."""
    scrubber = Scrubber(KEY)
    tape = ConnectionLog(1, scrubber)
    lines = [
        *tape.feed(TO_GATEWAY, HELLO + frame(b"v100..200"), 0.0),
        *tape.feed(TO_CLIENT, frame(message(version, "20250611 10:30:00 US/Eastern")), 0.1),
        *tape.feed(TO_GATEWAY, frames(requests), 0.2),
        *tape.feed(TO_CLIENT, frames(answers), 0.3),
    ]
    assert len(lines) == 2 + len(requests) + len(answers)
    return [line for line in (again(one, scrubber) for one in lines) if isinstance(line, TranscriptFrame)]


@settings(max_examples=60, deadline=None)
@given(SECRETS, st.integers(157, 178))
def test_no_account_user_or_order_reference_is_left(secrets: Secrets, version: int) -> None:
    entries = recorded(version, asked(secrets, version), answered(secrets, version))

    text = "\n".join(as_json(entry) for entry in entries)

    assert all(entry.known for entry in entries)
    assert [told for told in secrets.told if told in text] == []
    assert "10.20.30.41" not in text


@settings(max_examples=60, deadline=None)
@given(SECRETS, st.sampled_from([186, 193, 195, 198, 199, 200]))
def test_nothing_is_left_of_what_later_versions_tell(secrets: Secrets, version: int) -> None:
    entries = recorded(version, [], answered(secrets, version))

    text = "\n".join(as_json(entry) for entry in entries)

    assert all(entry.known for entry in entries)
    assert [told for told in secrets.told if told in text] == []


@settings(max_examples=30, deadline=None)
@given(SECRETS)
def test_a_frame_that_fits_no_layout_keeps_its_classes_alone(secrets: Secrets) -> None:
    texts = [secrets.account, secrets.ref, str(secrets.permId), secrets.user, secrets.execution, "", "1.5"]

    (entry,) = recorded(178, [], [message(61, 3, *texts)])[2:]

    assert not entry.known
    assert entry.message == "position"
    assert [told for told in secrets.told if told in as_json(entry)] == []
    assert [len(field) for field in entry.fields[2:]] == [len(clean(text)) for text in texts]
    assert entry.fields[-2:] == ("", "9.9")


def test_one_order_keeps_one_identity_in_all_its_messages() -> None:
    secrets = Secrets("DU1234567", "trader001", "grid-0042a", "hedge_0001b", 389001002, "0000e0d5.69dd7411")

    entries = recorded(178, asked(secrets, 178), answered(secrets, 178))

    by_name = {entry.message: entry for entry in entries}
    order, execution = by_name["openOrder"], by_name["execDetails"]
    assert by_name["placeOrder"].get("orderRef") == order.get("orderRef") == execution.get("orderRef")
    assert by_name["managedAccounts"].get("accountsList") == order.get("account") == execution.get("acctNumber")
    assert order.get("permId") == execution.get("permId") == by_name["completedOrder"].get("permId")
    assert by_name["commissionReport"].get("execId") == execution.get("execId")
    assert (order.get("sharesAllocation") or "").startswith(f"{order.get('permId')}.0/{order.get('account')}/")


def test_a_correction_of_an_execution_is_still_seen_as_one() -> None:
    scrubber = Scrubber(KEY)

    first, second = (scrubber.fields(["execId"], [f"0000e0d5.69dd7411.01.0{n}"])[0] for n in (1, 2))

    assert first[:-3] == second[:-3]
    assert (first[-3:], second[-3:]) == (".01", ".02")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("permId", "0"),
        ("permId", "2147483647"),
        ("parentPermId", "9223372036854775807"),
        ("orderRef", ""),
        ("account", ""),
        ("group", "All"),
        ("symbol", "AAPL"),
        ("localSymbol", "OBDC  261120P00010000"),
        ("secIdValue", "US0378331005"),
        ("secIdValue", "FR0000120271"),
        ("errorString", "Market data farm connection is OK:usfarm.nj"),
        ("execId", ""),
    ],
)
def test_what_is_no_secret_stays(name: str, text: str) -> None:
    assert Scrubber(KEY).fields([name], [text]) == [text]


def test_an_order_reference_that_is_a_symbol_leaves_the_symbol_alone() -> None:
    ref, symbol = Scrubber(KEY).fields(["orderRef", "symbol"], ["AAPL", "AAPL"])

    assert ref != "AAPL"
    assert symbol == "AAPL"


@pytest.mark.parametrize("name", WHO)
def test_a_field_that_says_who_is_masked_whatever_it_holds_and_so_is_every_other(name: str) -> None:
    scrubber = Scrubber(KEY)

    mask, symbol = scrubber.fields([name, "symbol"], ["house", "a house b"])

    assert mask != "house"
    assert symbol == f"a {mask} b"


@pytest.mark.parametrize("name", WHAT)
def test_a_field_that_says_which_is_masked_whatever_it_holds_and_so_is_free_text(name: str) -> None:
    mask, text, symbol = Scrubber(KEY).fields([name, "errorString", "symbol"], ["house", "a house b", "house"])

    assert mask != "house"
    assert text == f"a {mask} b"
    assert symbol == "house"


def test_names_within_an_advisors_xml_are_learnt() -> None:
    xml = "<Group><name>Aunt May</name></Group><AccountAlias><alias>Peter</alias></AccountAlias>"

    masked, text = Scrubber(KEY).fields(["xml", "errorString"], [xml, "Peter, of Aunt May"])

    assert masked.startswith("<Group><name>")
    assert not any(word in masked + text for word in ("Aunt", "May", "Peter"))


def test_a_reference_with_quotes_is_found_where_they_are_escaped() -> None:
    ref = 'my "grid" & é'
    names = ["orderRef", "errorString", "advancedOrderRejectJson", "xml"]
    json_text = json.dumps({"ref": ref})
    texts = [ref, f"{clean(ref)} is refused", json_text, "<note>my &quot;grid&quot; &amp; é</note>"]

    mask, text, in_json, in_xml = Scrubber(KEY).fields(names, texts)

    assert text == f"{mask} is refused"
    assert in_json == f'{{"ref": "{mask}"}}'
    assert in_xml == f"<note>{mask}</note>"


def test_words_that_the_user_names_are_masked_everywhere() -> None:
    scrubber = Scrubber(KEY, ["jane.doe"])

    (masked,) = scrubber.fields(["headline"], ["News for jane.doe, by wire"])

    assert "jane" not in masked
    assert masked.startswith("News for ")


def test_addresses_are_masked_in_any_text() -> None:
    masked = Scrubber(KEY).text("from 192.168.17.23 or jane@example.com")

    assert "192.168.17.23" not in masked
    assert "example" not in masked


@pytest.mark.parametrize(
    ("text", "veiled"),
    [("DU1234", "XX9999"), ("201.25", "999.99"), ("", ""), ("1", "1"), ("2147483647", "2147483647"), ("é 7", "x 9")],
)
def test_a_veil_shows_classes(text: str, veiled: str) -> None:
    assert veil(text) == veiled
