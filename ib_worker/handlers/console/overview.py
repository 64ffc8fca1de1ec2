"""The handler of the console's overview. It asks TWS nothing: all of it is known, or is kept live beside."""

from datetime import datetime

from bridge.text.contract_name import contract_name
from bridge.tools.console.overview import (
    MOST_ENDED,
    MOST_OPEN,
    ClientActivity,
    GetOverview,
    LimitUse,
    LiveAccount,
    LivePosition,
    OverviewOrder,
    SessionOverview,
)
from ib_worker.account.live_portfolio import AccountFigures
from ib_worker.account.portfolio import PricedPosition, age_s, cents
from ib_worker.handlers.dispatch import handles
from ib_worker.order_identity.recalled import recall
from ib_worker.orders.report import order_report
from ib_worker.orders.tracker import TrackedOrder, is_open
from ib_worker.pre_trade.admission_rules import day_from_ms
from ib_worker.risk.limit_settings import Limits, variable
from ib_worker.session.session import Session, utcnow


@handles(GetOverview)
async def get_overview(request: GetOverview, session: Session) -> SessionOverview:
    accounts = session.live_portfolio.look(session.accounts)
    every = session.orders.tracker.all()
    open_ = session.orders.tracker.open()
    ended = [each for each in every if not is_open(each)]
    shown = [*open_[-MOST_OPEN:], *ended[-MOST_ENDED:]]
    await recall(session, shown)
    session.require_ready()
    now = session.now()
    return SessionOverview(
        time=now.replace(microsecond=0),
        accounts=[_account(each, now) for each in accounts],
        positions=[_position(held, now) for each in accounts for held in each.holdings],
        orders=[_order(each) for each in shown],
        ended=len(ended),
        limits=_limits(session, accounts, len(open_)),
        counted_from_ms=day_from_ms(utcnow()),
        clients=[ClientActivity(name=name, operation=op, age_s=age, calls=calls)
                 for name, op, age, calls in session.callers.activity()],
        lines=len(session.quotes),
        lines_most=session.settings.market_data_lines,
    )  # fmt: skip


def _account(known: AccountFigures, now: datetime) -> LiveAccount:
    values, profit = known.picture.values, known.profit
    return LiveAccount(
        account=known.picture.account,
        currency=known.picture.rates.base,
        netLiquidation=cents(values.get("NetLiquidation")),
        cash=cents(values.get("TotalCashValue")),
        buyingPower=cents(values.get("BuyingPower")),
        grossPositionValue=cents(values.get("GrossPositionValue")),
        maintMargin=cents(values.get("MaintMarginReq")),
        excessLiquidity=cents(values.get("ExcessLiquidity")),
        dailyPnL=cents(profit.dailyPnL) if profit else None,
        unrealizedPnL=cents(profit.unrealizedPnL) if profit else None,
        realizedPnL=cents(profit.realizedPnL) if profit else None,
        age_s=age_s(known.read, now),
    )


def _position(held: PricedPosition, now: datetime) -> LivePosition:
    return LivePosition(
        account=held.account,
        conId=held.contract.conId,
        name=contract_name(held.contract),
        currency=held.contract.currency,
        position=held.position,
        avgPrice=held.avgPrice,
        marketPrice=held.marketPrice,
        marketValue=cents(held.marketValue),
        dailyPnL=cents(held.dailyPnL),
        unrealizedPnL=cents(held.unrealizedPNL),
        age_s=age_s(held.priced, now),
    )


def _order(entry: TrackedOrder) -> OverviewOrder:
    state, told = entry.state, order_report(entry)
    ended = state.ended_at + entry.ahead if state.ended_at else None
    return OverviewOrder(
        orderId=state.orderId,
        permId=state.permId,
        clientId=state.clientId,
        key=entry.key,
        orderRef=state.orderRef,
        account=state.terms.account,
        name=contract_name(state.terms.contract),
        action=state.terms.action,
        totalQuantity=float(state.terms.totalQuantity),
        orderType=state.terms.orderType,
        lmtPrice=state.terms.lmtPrice,
        auxPrice=state.terms.auxPrice,
        tif=state.terms.tif,
        status=state.status,
        filled=float(state.filled),
        avgFillPrice=state.avgFillPrice,
        open=is_open(entry),
        changed=ended or told.placed_at,
        why=told.notices[-1].message if told.notices else _held(told.waitsFor) or told.whyHeld or told.message,
    )


def _held(waitsFor: str | None) -> str:
    return f"waits for {waitsFor}" if waitsFor else ""


def _limits(session: Session, accounts: list[AccountFigures], open_orders: int) -> list[LimitUse]:
    """Return every limit that is in force. The counts of the minute and the day are in Redis, where they are held."""
    limits = session.settings.effective_limits
    loss = [-each.profit.dailyPnL for each in accounts if each.profit and each.profit.dailyPnL is not None]
    used = {"max_open_orders": float(open_orders), "max_daily_loss": max(0.0, *loss) if loss else None}
    base = next((each.picture.rates.base for each in accounts), None)
    return [
        LimitUse(
            name=name,
            variable=variable(name),
            allowed=_allowed(value),
            used=used.get(name),
            currency=base if name.endswith(("_value", "_loss")) else None,
        )
        for name in Limits.model_fields
        if (value := getattr(limits, name)) is not None
    ]


def _allowed(value: object) -> str | float:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    return value if isinstance(value, str) else float(value)  # type: ignore[arg-type]  # the others are numbers
