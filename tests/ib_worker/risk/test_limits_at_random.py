"""Whatever order the search finds: if it passes, it is within every limit."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ib_worker.risk.intent import OrderIntent, RiskInputs
from tests.stacks.limits import limits, refused

quantities = st.integers(1, 50).map(Decimal)
prices = st.sampled_from([0.01, 50.0, 99.0, 100.0, 101.0, 106.0, 500.0])
maybe = st.none() | prices
INTENTS = st.builds(
    OrderIntent,
    symbol=st.sampled_from(["AAPL", "IBM"]),
    secType=st.sampled_from(["STK", "OPT"]),
    currency=st.sampled_from(["USD", "EUR"]),
    multiplier=st.sampled_from([Decimal(1), Decimal(100)]),
    action=st.sampled_from(["BUY", "SELL"]),
    totalQuantity=quantities,
    orderType=st.sampled_from(["MKT", "LMT", "STP", "STP LMT", "MOC"]),
    lmtPrice=st.none(),
    outsideRth=st.booleans(),
).flatmap(
    lambda intent: st.builds(
        replace,
        st.just(intent),
        lmtPrice=prices if "LMT" in intent.orderType else st.none(),
        auxPrice=prices if "STP" in intent.orderType else st.none(),
    )
)
FACTS = st.builds(
    RiskInputs,
    bid=maybe, ask=maybe, last=maybe, quote_age_s=st.sampled_from([None, 0.0, 15.0, 15.1]),
    position=st.integers(-60, 60).map(Decimal), closing=st.integers(0, 20).map(Decimal),
    open_orders=st.integers(0, 5), daily_pnl=st.sampled_from([None, 10.0, -99.0, -100.0]),
    base=st.just("USD"), rates=st.just({"EUR": 1.0}),
)  # fmt: skip
RAILS = st.fixed_dictionaries(
    {
        "max_quantity": st.sampled_from(["off", "5", "30"]),
        "max_order_value": st.sampled_from(["off", 1000.0, 4000.0]),
        "max_position_value": st.sampled_from(["off", 5000.0]),
        "max_daily_loss": st.sampled_from(["off", 100.0]),
        "max_open_orders": st.sampled_from(["off", 3]),
        "price_collar": st.sampled_from(["off", 0.05]),
        "allowed_symbols": st.sampled_from(["off", "AAPL"]),
        "allowed_sec_types": st.sampled_from(["off", "STK"]),
        "allowed_currencies": st.sampled_from(["off", "USD"]),
        "allowed_order_types": st.sampled_from(["off", "LMT,STP"]),
        "outside_rth": st.sampled_from(["allowed", "refused"]),
    }
)


@given(intent=INTENTS, facts=FACTS, rails=RAILS)
def test_whatever_passes_is_within_every_limit(intent: OrderIntent, facts: RiskInputs, rails: dict[str, Any]) -> None:
    """Judged once more, the other way round: each limit alone, from the order, without the worker's own functions."""
    if refused(intent, facts, limits(**rails)) is not None:
        return
    signed = intent.totalQuantity if intent.action == "BUY" else -intent.totalQuantity
    after = facts.position + signed + (facts.closing if intent.action == "BUY" else -facts.closing)
    if facts.position * signed < 0 and after * facts.position >= 0:
        return  # it only closes

    names = {
        "allowed_symbols": intent.symbol, "allowed_sec_types": intent.secType, "allowed_currencies": intent.currency,
        "allowed_order_types": intent.orderType,
    }  # fmt: skip
    for limit, value in names.items():
        assert rails[limit] == "off" or value in rails[limit].split(",")
    assert not (intent.outsideRth and rails["outside_rth"] == "refused")
    assert rails["max_quantity"] == "off" or intent.totalQuantity <= int(rails["max_quantity"])
    assert rails["max_open_orders"] == "off" or facts.open_orders < 3
    assert rails["max_daily_loss"] == "off" or (facts.daily_pnl is not None and facts.daily_pnl > -100)
    quoted = [each for each in (facts.bid, facts.ask, facts.last) if each is not None]
    fresh = facts.quote_age_s is not None and facts.quote_age_s <= 15
    bounded = intent.action == "BUY" and "LMT" in intent.orderType
    worst = intent.lmtPrice if bounded else max([*quoted, intent.lmtPrice or 0, intent.auxPrice or 0], default=0.0)
    valued = rails["max_order_value"] != "off" or rails["max_position_value"] != "off"
    assert bounded or not valued or (fresh and quoted)
    unit = (worst or 0.0) * float(intent.multiplier)
    assert rails["max_order_value"] == "off" or unit * float(intent.totalQuantity) <= rails["max_order_value"]
    assert rails["max_position_value"] == "off" or unit * abs(float(facts.position + signed)) <= 5000
    if rails["price_collar"] != "off" and intent.orderType in ("MKT", "LMT", "MOC"):
        near = (facts.ask if intent.action == "BUY" else facts.bid) or facts.last
        assert fresh
        assert near is not None
        if intent.lmtPrice is not None:
            through = intent.lmtPrice - near if intent.action == "BUY" else near - intent.lmtPrice
            assert through <= near * 0.05 + 1e-9
        else:
            assert facts.bid is not None
            assert facts.ask is not None
            assert facts.ask - facts.bid <= near * 0.05 + 1e-9
