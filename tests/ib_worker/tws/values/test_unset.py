"""TWS's ways to say "nothing", field by field, and that no other code knows them."""

import ast
import math
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import ib_async
import pytest

from bridge.tool import OPERATIONS
from ib_worker.market_data.quote import QuoteState
from ib_worker.orders.report import execution
from ib_worker.tws.values import convert, unset
from ib_worker.tws.values.unset import UNSET_DOUBLE
from ibgateway.simulator.server.server import Simulator
from tests.stacks.worker import order, trading

AT = datetime(2025, 6, 11, 14, 30, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[4]
LONG_PERM = 12_345_678_901  # a real gateway's have eleven digits


@pytest.mark.trial("C1", "C4")
@pytest.mark.parametrize(
    "told",
    [
        None, UNSET_DOUBLE, -UNSET_DOUBLE, math.nan, math.inf, -math.inf, Decimal("NaN"), Decimal("Infinity"),
        2**31 - 1, 2**63 - 1, 2**127 - 1, Decimal(2**127 - 1), "", "NaN", "nan", "Infinity", "Infinite", "-inf", "?",
        "N/A", "1.7976931348623157E308", "2147483647", "9223372036854775807", " NaN ", "1e400",
    ],
)  # fmt: skip
def test_what_is_unset_in_any_field_is_none(told: float | str | None) -> None:
    assert unset.number(told) is None


@pytest.mark.parametrize(("told", "meant"), [(0.0, 0.0), (-1.0, -1.0), (Decimal("1.25"), 1.25), ("12.5", 12.5)])
def test_a_figure_stays_what_it_is(told: float | str, meant: float) -> None:
    assert unset.number(told) == meant


@pytest.mark.trial("C1")
@pytest.mark.parametrize(
    ("field", "told", "backed", "secType", "meant"),
    [
        ("tickPrice.quote", 0.0, False, "STK", None),
        ("tickPrice.quote", -1.0, False, "BAG", None),
        ("tickPrice.quote", -1.0, True, "BAG", -1.0),
        ("tickPrice.quote", 0.0, True, "FUT", 0.0),
        ("tickPrice.last", 0.0, False, "STK", None),
        ("tickPrice.last", -100.0, False, "BAG", None),
        ("tickPrice.last", -37.63, True, "FUT", -37.63),
        ("tickPrice.last", 5000.0, False, "IND", 5000.0),
        ("tickPrice.day", 0.0, False, "STK", None),
        ("tickPrice.day", -100.0, False, "STK", None),
        ("tickPrice.day", -37.63, False, "FUT", -37.63),
        ("tickSize.size", -1.0, False, "STK", None),
        ("tickSize.size", 0.0, False, "STK", 0.0),
        ("historicalData.price", 0.0, False, "STK", None),
        ("historicalData.price", -1.0, False, "OPT", None),
        ("historicalData.price", 0.0, False, "BAG", 0.0),
        ("historicalData.price", -1.0, True, "FUT", -1.0),
        ("historicalData.rate", -1.0, False, "STK", -1.0),
        ("historicalData.average", -1.0, False, "STK", None),
        ("historicalData.average", 0.0, False, "STK", None),
        ("historicalData.average", -1.0, True, "FUT", -1.0),
        ("historicalData.average", -1.0, True, "STK", None),
        ("historicalData.volume", -1.0, False, "CASH", None),
        ("historicalData.volume", 0.0, False, "STK", 0.0),
        ("orderStatus.fillPrice", 0.0, False, "", None),
        ("orderStatus.fillPrice", 0.0, True, "", 0.0),
        ("orderStatus.fillPrice", -0.35, True, "", -0.35),
        ("contract.strike", 0.0, False, "", None),
        ("contractDetails.positive", 0.0, False, "BOND", None),
    ],
)
def test_each_field_has_its_own_nothing(
    field: str, told: float, backed: bool, secType: str, meant: float | None
) -> None:
    assert unset.value(field, told, backed=backed, secType=secType) == meant


@pytest.mark.parametrize("rule", unset.RULES.values(), ids=unset.RULES)
def test_each_line_of_the_table_has_its_source(rule: unset.Rule) -> None:
    assert len(rule.source) > 20


@pytest.mark.trial("C1")
@pytest.mark.parametrize("price", [0.0, -1.0, -100.0])
@pytest.mark.parametrize(
    ("tickType", "name"), [(1, "bid"), (2, "ask"), (4, "last"), (6, "high"), (7, "low"), (9, "close")]
)
def test_a_price_tick_that_says_nothing_is_no_price(tickType: int, name: str, price: float) -> None:
    values = QuoteState("KO", 8894)
    values.price(tickType, 70.5, 100.0)

    values.price(tickType, price, 0.0)

    assert getattr(values.quote(AT), name) is None


@pytest.mark.trial("C4")
@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("NaN", None), ("nan", None), ("Infinity", None), ("1.7976931348623157E308", None), ("2147483647", None),
        ("", None), ("-1", -1.0), ("0", 0.0), ("INDIVIDUAL", "INDIVIDUAL"), ("true", "true"),
    ],
)  # fmt: skip
def test_an_accounts_value_that_is_no_number_is_null(told: str, meant: float | str | None) -> None:
    assert convert.summary_value("DU1", "Leverage", told, "USD").value == meant


@pytest.mark.trial("C4")
@pytest.mark.parametrize(
    ("secType", "price", "worth", "meant"),
    [("STK", 0.0, 0.0, (None, None)), ("OPT", 0.0, 0.0, (0.0, 0.0)), ("STK", 10.0, 20.0, (10.0, 20.0))],
)
def test_a_portfolio_line_without_a_price_has_no_value(
    secType: str, price: float, worth: float, meant: tuple[float | None, float | None]
) -> None:
    item = ib_async.PortfolioItem(ib_async.Contract(secType=secType), 2.0, price, worth, 2.5, 1.0, -1.0, "DU1")

    known = convert.portfolio_update(item, AT)

    assert (known.marketPrice, known.marketValue) == meant


@pytest.mark.trial("C4")
@pytest.mark.parametrize("word", ["", "NaN", "Infinity", "Infinite", "N/A"])
@pytest.mark.parametrize("message", unset.NUMBERS)
def test_a_word_in_place_of_a_messages_number_is_its_unset_value(message: str, word: str) -> None:
    at = unset.NUMBERS[message][0]
    fields = [message, *["1"] * 30]
    fields[at] = word

    assert float(unset.plain_fields(fields)[at]) == UNSET_DOUBLE
    assert fields[at] == word  # what came stays for the log


@pytest.mark.trial("C3")
def test_a_perm_id_has_sixty_four_bits() -> None:
    bought = ib_async.Execution(time=AT, side="BOT", permId=LONG_PERM)

    assert execution(bought, ib_async.Contract(), None).permId == LONG_PERM
    assert unset.identity(2**63 - 1) is None


def literals(node: ast.Compare) -> set[object]:
    """The numbers that a comparison spells, negative ones and those in a tuple or set too."""
    sides = [node.left, *node.comparators]
    sides += [each for side in sides if isinstance(side, ast.Tuple | ast.Set | ast.List) for each in side.elts]
    return {ast.literal_eval(each) for each in sides if is_literal(each)}


def is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant)


@pytest.mark.trial("C1")
def test_no_other_code_compares_with_a_sentinel() -> None:
    sentinels = {-1.0, -100.0, UNSET_DOUBLE}
    names = ("UNSET_DOUBLE", "UNSET_INTEGER", "UNSET_LONG", "float_info", "isnan", "is_nan")
    wrong = set()
    for path in [*(ROOT / "ib_worker").rglob("*.py"), *(ROOT / "mcp_front").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        if path.name == "unset.py":
            continue
        compared = {
            number for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Compare) for number in literals(node)
        }
        if compared & sentinels or any(name in text for name in names):
            wrong.add(path.relative_to(ROOT).as_posix())

    assert not wrong


@pytest.mark.trial("C3")
@pytest.mark.parametrize("operation", ["get_order", "cancel_order", "modify_order"])
@pytest.mark.parametrize("permId", [LONG_PERM, 2**31 + 1, 2**63 - 1])
def test_an_order_can_be_named_by_a_long_perm_id(operation: str, permId: int) -> None:
    change = {"lmtPrice": 1.0} if operation == "modify_order" else {}

    assert OPERATIONS[operation].request.model_validate({"orderId": 0, "permId": permId} | change).permId == permId  # type: ignore[attr-defined]


@pytest.mark.trial("C3")
async def test_an_order_with_a_long_perm_id_is_found_and_cancelled(
    redis_url: str, session: str, sim: Simulator
) -> None:
    async with trading(redis_url, session, sim) as front:
        for message, field in (("openOrder", 25), ("orderStatus", 6)):
            sim.fault(f"rewrite {message} {field} {LONG_PERM}")
        resting = await front.submit("place_order", **order(orderType="LMT", lmtPrice=300))
        found = await front.ask("get_order", permId=resting["permId"])
        sim.fault("through")
        cancelled = await front.submit("cancel_order", orderId=0, permId=LONG_PERM)

    assert resting["permId"] == found["order"]["permId"] == LONG_PERM
    assert cancelled["status"] == "Cancelled"
