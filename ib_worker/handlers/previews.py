"""Handler of previews: what an order would do, asked of TWS with the what-if flag, which places nothing."""

import asyncio
from contextlib import ExitStack
from typing import Any

import ib_async

from bridge.bus.controls.confirmation_tokens import TOKEN_S
from bridge.bus.server.request import RequestContext
from bridge.text.numbers import digits
from bridge.tool import ToolError
from bridge.tools.previews import Preview, PreviewOrder
from ib_worker.client_rights.limits import naming_client
from ib_worker.handlers.dispatch import handles
from ib_worker.order_entry.build import build_order
from ib_worker.order_entry.send import send_what_if
from ib_worker.pacing.message_pacer import Priority
from ib_worker.pre_trade.checked_order import with_reason
from ib_worker.pre_trade.checks import risk_inputs
from ib_worker.pre_trade.describe import describe_order, short_text, worth_text
from ib_worker.pre_trade.option_book import uncovering
from ib_worker.pre_trade.order_facts import details_of
from ib_worker.pre_trade.order_intents import intent_of, near_price, terms_digest
from ib_worker.pre_trade.price_rules import prices_of, require_takeable
from ib_worker.risk.bracket_prices import require_unmet_opening
from ib_worker.risk.intent import OrderIntent, RiskInputs
from ib_worker.risk.limits import check, only_reduces_position
from ib_worker.risk.position_effect import cautions, held_up, position_effect, sentence, warnings
from ib_worker.risk.short_options import known_count
from ib_worker.risk.worth import known_worth, triggered
from ib_worker.session.redis_durability import require_durable
from ib_worker.session.session import Session
from ib_worker.tws.errors import TwsError, WarningReported
from ib_worker.tws.values import convert
from ib_worker.tws.values.text import message, quoted, tws_said


@handles(PreviewOrder)
async def preview_order(request: PreviewOrder, session: Session, context: RequestContext) -> Preview:
    account = session.account(request.account)
    contract = await session.contracts.contract(request)
    order = build_order(request, account, "")
    await require_takeable(session, contract, prices_of(request), request.totalQuantity)
    facts = await risk_inputs(session, contract, order)
    details = await details_of(session, contract)
    intent = intent_of(contract, order, details)
    refused_by = await _refused_by(session, account, intent, facts)
    state = await _what_if(session, contract, order)
    token, collar = None, session.settings.effective_limits.collar
    found = known_worth(intent, facts, collar)
    if refused_by is None:
        price = near_price(intent, facts)
        token = await session.services.tokens.give(context.caller, terms_digest(contract, order), price)
    what, effects = describe_order(intent, contract, order), _effects(intent, facts, collar)
    return Preview(
        summary=_summary(what, state, facts.base, effects, refused_by),
        contract=convert.contract(contract),
        account=account,
        bid=facts.bid,
        ask=facts.ask,
        last=facts.last,
        **_what_if_figures(state),
        closing=only_reduces_position(intent, facts),
        refused_by=refused_by,
        confirmationToken=token,
        expires_in_s=TOKEN_S if token else None,
        worth=found.amount if found else None,
        worthCurrency=found.currency if found else facts.base,
        worthIsEstimate=found.estimate if found else False,
        shortOptionValue=known_count(intent, facts),
        positionEffect=position_effect(intent, facts),
        triggered=triggered(intent, facts) if intent.auxPrice is not None else None,
        halted=facts.halted,
        warnings=[*uncovering(session, intent, contract, order, details), *map(sentence, cautions(intent, facts))],
    )


def _what_if_figures(state: ib_async.OrderState) -> dict[str, Any]:
    """Return margin, commission and warning, as TWS told them."""
    return {
        "initMarginBefore": _figure(state.initMarginBefore),
        "initMarginChange": _figure(state.initMarginChange),
        "initMarginAfter": _figure(state.initMarginAfter),
        "maintMarginChange": _figure(state.maintMarginChange),
        "maintMarginAfter": _figure(state.maintMarginAfter),
        "equityWithLoanAfter": _figure(state.equityWithLoanAfter),
        "commission": _figure(state.commission),
        "minCommission": _figure(state.minCommission),
        "maxCommission": _figure(state.maxCommission),
        "commissionCurrency": convert.text(state.commissionCurrency),
        "warningText": convert.text(message(state.warningText)),
    }


async def _what_if(session: Session, contract: ib_async.Contract, order: ib_async.Order) -> ib_async.OrderState:
    await session.tws.pacer.wait_turn(Priority.READS)
    timing = session.order_timing
    try:
        with ExitStack() as asking:
            async with session.tws.order_id_lock:
                while (orderId := await session.tws.fresh_order_id()) in session.tws.requests:
                    pass  # of a connection that has come meanwhile
                pending = asking.enter_context(
                    session.tws.requests.expect(orderId, patience_s=timing.preview_warning_wait_s)
                )
                send_what_if(session, orderId, contract, order)
            async with asyncio.timeout(timing.preview_wait_s):
                state: ib_async.OrderState = await pending.answer
    except TimeoutError as silence:
        raise ToolError(
            "preview_unavailable",
            "TWS did not answer the what-if. No order was placed. Retry, or place the order without a preview.",
        ) from silence
    except TwsError as refused:
        raise ToolError(
            "preview_unavailable",
            f"TWS rejects this order (error {refused.code}): {quoted(refused.text)} Nothing was placed."
            if not isinstance(refused, WarningReported)
            else f"TWS did not answer the what-if. {tws_said(refused.code, refused.text)} Nothing was placed.",
            twsCode=refused.code,
        ) from refused
    return state


async def _refused_by(session: Session, account: str, intent: OrderIntent, facts: RiskInputs) -> str | None:
    """Why a placing of this order would be refused now, None if nothing is known against it."""
    try:
        session.require_tradable(account)
        require_durable(session)
        closing = only_reduces_position(intent, facts)
        await session.services.kill_switch.require_open(closing)
        require_unmet_opening(intent, facts, closing)
        check(intent, facts, session.limits)
    except ToolError as error:
        told = naming_client(error, session.settings.effective_limits)
        return str(with_reason(told, intent, facts))
    return None


def _effects(intent: OrderIntent, facts: RiskInputs, collar: float | None) -> list[str]:
    """Return the order's effect on the position, its worth, and remarks that its terms do not show."""
    worth = worth_text(intent, facts, collar)
    return [
        f"it {position_effect(intent, facts)}",
        *_not_closing(intent, facts),
        worth[:1].lower() + worth[1:],
        *short_text(intent, facts),
        *warnings(intent, facts),
    ]


def _not_closing(intent: OrderIntent, facts: RiskInputs) -> list[str]:
    """Return why an order that would close or reduce a position does not count as closing, if it does not."""
    if not facts.closing or not held_up(intent, facts):
        return []
    others = f"{intent.action} orders for {digits(float(facts.closing))} are open or just filled and count first"
    return [f"it does not count as closing, since {others}"]


def _summary(
    what: str, state: ib_async.OrderState, base: str | None, effects: list[str], refused_by: str | None
) -> str:
    parts = [f"Would {what}"]
    commission, margin = _figure(state.commission), _figure(state.initMarginChange)
    if commission is not None:
        parts.append(f"commission about {commission:.2f} {convert.text(state.commissionCurrency) or ''}".rstrip())
    if margin is not None:
        parts.append(f"initial margin changes by {margin:,.2f} {base or ''}".rstrip())
    text = "; ".join([*parts, *effects]) + ". Nothing was placed."
    return text if refused_by is None else f"{text} Placing it would be refused: see refused_by."


def _figure(told: object) -> float | None:
    """TWS writes what-if figures as text."""
    return convert.number(str(told))
