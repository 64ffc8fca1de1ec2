"""What must have held in a run, by the simulator's journal and books, the audit log, Redis and every answer.

The numbers I1 to I9 are the invariants that docs/orders.md names.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bridge.audit_chain import CUT, verify
from bridge.bus.controls.audit_log import read_head
from bridge.order_references import order_ref
from bridge.tool import TOOLS, ToolError
from ib_worker.orders.timing import USUAL
from ibgateway.simulator.model.orders import OpenOrder
from ibgateway.simulator.server.journal import JournalEntry
from tests.faults.mcp import Answer
from tests.faults.plan import Plan, Step
from tests.faults.stage import Stage, insisted, whole_log
from tests.faults.stalls import Stalls

if TYPE_CHECKING:
    from tests.faults.run import Result

LATE_S = 2.0  # what a busy machine may add to a deadline before the call is called late
CLOCK_S = 0.05  # the log's times are whole milliseconds, and another process's
OPEN = {"cut", "hung_up", "pending", "unknown", "not_executed", "not_ready"}
CERTAIN = {"done", "rejected", "not_found", "not_confirmed"}  # final answers about what was sent
THIS_CALL = {"bus_down", "no_generation"}  # reasons that speak of the call, and not of earlier ones with its key
EMPTIED = "restarted_empty"
DEAD = {"Cancelled", "ApiCancelled", "Inactive"}
HIDES = {"silence", "statuses swallowed", "late openOrder", "nonsense", "late order"}  # the gateway itself tells less


@dataclass
class Seen:
    """Every answer of a run, by the call that asked, and where the journal and the log stood before it."""

    plan: Plan
    frame: int
    seq: int
    began: float
    answers: list[tuple[Step, Answer]] = field(default_factory=list)

    def take(self, step: Step, answer: Answer) -> None:
        self.answers.append((step, answer))

    def last(self, step: Step) -> Answer:
        return next(answer for each, answer in reversed(self.answers) if each is step)

    def writes(self) -> list[Step]:
        return [step for steps in self.plan.clients for step in steps if step.key]

    def open(self, again: Collection[str]) -> list[Step]:
        """Writes whose latest answer is not final."""
        return [step for step in self.writes() if self.last(step).code in again]


@dataclass(frozen=True)
class Truth:
    """The gateway's own books after the run, by orderRef."""

    orders: dict[str, OpenOrder]
    doubled: dict[str, int]  # how many there are, where they are more than one
    frames: dict[str, list[JournalEntry]]  # placeOrder frames of the run
    cancels: dict[int, list[JournalEntry]]  # cancelOrder frames of the run, by orderId


async def check(stage: Stage, seen: Seen, result: Result, stalls: Stalls) -> None:
    truth = _truth(stage, seen)
    for step, answer in seen.answers:
        result.answers[f"{step.tool.removeprefix('ibkr_')} {answer.code}"] += 1
    for step in seen.writes():
        result.finals[f"{step.tool.removeprefix('ibkr_')} {seen.last(step).code}"] += 1
    result.most_frames = max((len(_placing(truth, each)) for each in seen.writes()), default=0)
    result.latest_s = max(answer.seconds - _deadline(step) for step, answer in seen.answers)
    for problems in (_frames(seen, truth), _answers(seen, truth), _reads(seen), _calls(seen, stalls)):
        result.wrong += problems
    result.wrong += [each async for each in _log(stage, seen, truth)]
    result.wrong += [each async for each in _sight(stage, seen, truth)]


def _truth(stage: Stage, seen: Seen) -> Truth:
    journal = stage.sim.journal
    frames: dict[str, list[JournalEntry]] = defaultdict(list)
    for entry in journal.orders(after=seen.frame):
        frames[entry.request.placed[1].orderRef].append(entry)
    cancels: dict[int, list[JournalEntry]] = defaultdict(list)
    for entry in journal.entries("in", 4, after=seen.frame):
        cancels[entry.request.orderId].append(entry)
    orders = _orders(stage)
    refs = Counter(each.order.orderRef for each in orders)
    doubled = {ref: refs[ref] for ref in frames if refs[ref] > 1}
    return Truth(_by_ref(orders), doubled, frames, cancels)


def _by_ref(orders: Iterable[OpenOrder]) -> dict[str, OpenOrder]:
    return {each.order.orderRef: each for each in orders}


def _orders(stage: Stage) -> tuple[OpenOrder, ...]:
    world = stage.sim.world
    return *world.completed_orders(False), *world.open_orders(None)


def _placing(truth: Truth, step: Step) -> list[JournalEntry]:
    """The frames that placed, or changed, what this step asks for: each has a price of its own."""
    sent = truth.frames.get(order_ref(step.of or step.key), [])
    if step.tool == "ibkr_cancel_order":
        return []
    return [each for each in sent if each.request.placed[1].lmtPrice == step.arguments.get("lmtPrice", 0.0)]


def _frames(seen: Seen, truth: Truth) -> Iterator[str]:
    """I1: at most one order per key and one frame, and none that nobody asked for."""
    known = {order_ref(step.key) for step in seen.writes()}
    for ref, sent in truth.frames.items():
        if ref not in known:
            yield f"I1: {len(sent)} frames of an order that nobody asked for ({ref})"
    for ref, many in truth.doubled.items():
        yield f"I1: {many} orders under one reference ({ref})"
    for step in seen.writes():
        sent = _placing(truth, step)
        if step.tool == "ibkr_place_order" and "lmtPrice" not in step.arguments:
            sent = truth.frames.get(order_ref(step.key), [])
        if len(sent) > 1 and not _certainly_anew(seen, sent):
            yield f"I1: {len(sent)} frames for {step.key}"
        if step.tool == "ibkr_cancel_order" and (order := truth.orders.get(order_ref(step.of))) is not None:
            ids = {each.request.orderId for each in truth.frames.get(order_ref(step.of), [])} | {order.orderId}
            sent = sorted(
                (each for orderId in ids for each in truth.cancels.get(orderId, ())), key=lambda each: each.number
            )
            if len(sent) > 1 and not _certainly_anew(seen, sent):
                yield f"I1: more than one cancel frame for {step.key}"


def _certainly_anew(seen: Seen, sent: list[JournalEntry]) -> bool:
    """Redis had lost its data, and IBKR was looked at for long enough to show what the first frame did, had it come."""
    apart_s = [later.wall - earlier.wall for earlier, later in pairwise(sent)]
    return EMPTIED in seen.plan.names and min(apart_s) >= USUAL.looks_apart_s


def _answers(seen: Seen, truth: Truth) -> Iterator[str]:
    """I2, I3: each key has a final answer, and it is what the gateway's books say."""
    for step in seen.writes():
        final, order = seen.last(step), truth.orders.get(order_ref(step.of or step.key))
        of_the_key = EMPTIED not in seen.plan.names  # what is told after Redis has lost its data is of the call alone
        for told, answer in seen.answers:
            certain = of_the_key and answer.code == "not_executed" and answer.details["reason"] not in THIS_CALL
            if told is step and certain and _sent_before(truth, step, answer.began):
                yield f"I3: {step.key} was told not_executed ({answer.details['reason']}), and its frame was out"
        if step.tool == "ibkr_place_order":
            yield from _placed(step, final, order, truth)
        elif final.code in {"done", "not_confirmed", "not_found"}:
            yield from _altered(step, final, order, seen, truth)
        if final.code in OPEN:
            yield f"I2: stayed open, {step.key}: {final.code} {final.details}"


def _sent_before(truth: Truth, step: Step, at: float) -> bool:
    return any(each.wall < at for each in _placing(truth, step))


def _placed(step: Step, final: Answer, order: OpenOrder | None, truth: Truth) -> Iterator[str]:
    status = order.state.status if order is not None else None
    sent = bool(truth.frames.get(order_ref(step.key)))
    if final.code == "done" and order is None:
        yield f"I3: {step.key} was told done, and the gateway does not have it"
    if final.done and final.value["status"] == "Filled" and status != "Filled":
        yield f"I3: {step.key} was told Filled, and is {status}"
    if final.done and final.value["status"] in DEAD and status not in DEAD:
        yield f"I3: {step.key} was told {final.value['status']}, and is {status}"
    if final.code in {"not_found", "rejected"} and order is not None and status != "Inactive":
        yield f"I3: {step.key} was told {final.code}, and is {status}"
    if final.code not in CERTAIN | OPEN and sent:
        yield f"I3: {step.key} was told {final.code}, and the gateway had its frame"


def _open_since(truth: Truth, step: Step, order: OpenOrder, at: float) -> bool:
    """Whether the order that a change or cancel is about had come by then, and has not ended."""
    came = [each.wall for each in truth.frames.get(order_ref(step.of), [])]
    return order.state.status not in DEAD | {"Filled"} and bool(came) and min(came) < at


def _altered(step: Step, final: Answer, order: OpenOrder | None, seen: Seen, truth: Truth) -> Iterator[str]:
    """A change or a cancel: what is told to be so must be so."""
    if order is None:
        nothing = final.done and step.tool == "ibkr_cancel_order" and final.value["status"] in {"unknown", "Inactive"}
        if not nothing and final.code != "not_found":
            yield f"I3: {step.key} was told {final.code} of an order that the gateway does not have"
        return
    if final.code == "not_found" and _open_since(truth, step, order, final.began):
        yield f"I3: {step.key} was told not_found, and the order was there"
    status = order.state.status
    if final.done and step.tool == "ibkr_cancel_order":
        told = final.value["status"]
        if told in DEAD and status not in DEAD and not seen.plan.names & {"fill beats cancel"}:
            yield f"I3: {step.key} was told {told}, and the order is {status}"
        if told == "Filled" and status != "Filled":
            yield f"I3: {step.key} was told Filled, and the order is {status}"
    if final.done and step.tool == "ibkr_modify_order" and "confirmed the new terms" in final.value["message"]:
        wanted = {
            each.arguments["lmtPrice"] for each in seen.writes() if each.of == step.of and "lmtPrice" in each.arguments
        }
        if order.order.lmtPrice not in wanted:
            yield f"I3: {step.key} was told that the new terms stand, and they do not"


def _reads(seen: Seen) -> Iterator[str]:
    """I6: what rests for certain is in every list of open orders."""
    touched = {step.of for step in seen.writes() if step.of}
    resting = {
        step.key: answer.ended
        for step, answer in seen.answers
        if step.tool == "ibkr_place_order" and answer.done and step.key not in touched
        and answer.value["status"] in {"Submitted", "PreSubmitted"} and "lmtPrice" in step.arguments
    }  # fmt: skip
    for step, answer in seen.answers:
        if step.tool != "ibkr_get_open_orders" or not answer.done or seen.plan.names & HIDES:
            continue
        listed = {each["orderRef"] for each in answer.value}
        for key, since in resting.items():
            if since < answer.began and order_ref(key) not in listed:
                yield f"I6: a list of open orders lacked {key}"


def _calls(seen: Seen, stalls: Stalls) -> Iterator[str]:
    """I4: each call ends by its deadline. Runs without a fault are done to the last call."""
    for step, answer in seen.answers:
        stalled_s = stalls.worst(answer.began, answer.ended)
        if answer.seconds > _deadline(step) + LATE_S + 2 * stalled_s:
            yield f"I4: {step.tool} took {answer.seconds:.1f} s (stalled {stalled_s:.1f} s): {answer.code}"
        if answer.code in {"internal", "protocol_error", "unnamed_error", "invalid_arguments"}:
            yield f"{step.tool} was answered {answer.code}: {answer.details}"
        if not seen.plan.faults and not answer.done and not _of_an_ended_order(answer):
            yield f"without any fault {step.tool} was answered {answer.code}: {answer.details}"


def _of_an_ended_order(answer: Answer) -> bool:
    return answer.code == "not_open"


def _deadline(step: Step) -> float:
    return TOOLS[step.tool].deadline_s


async def _log(stage: Stage, seen: Seen, truth: Truth) -> AsyncIterator[str]:
    """I5: the chain is whole, and each frame's intent is in it from before the frame."""
    pipe, keys = stage.operator.bus_client.pipe, stage.operator.bus_client.keys
    emptied = EMPTIED in seen.plan.names
    head = await insisted(lambda: read_head(pipe, keys.audit_head))
    lines = await insisted(lambda: whole_log(pipe, keys, 0 if emptied else seen.seq))
    lines = [line for line in lines if json.loads(line)["seq"] <= head[0]]
    silent = not lines and not emptied and head[0] == seen.seq  # a run in which nothing was written
    for each in () if silent else verify(lines, head):
        if emptied and CUT in each.reason:
            continue  # the log says where Redis lost it
        yield f"I5: audit entry {each.seq}: {each.reason}"
    written = [json.loads(line) for line in lines]
    intents: dict[str, list[float]] = defaultdict(list)
    for entry in written:
        if entry["event"] == "intent":
            intents[entry["orderRef"]].append(datetime.fromisoformat(entry["at"]).timestamp())
    for ref, sent in truth.frames.items():
        if not emptied and not any(at <= sent[0].wall + CLOCK_S for at in intents[ref]):
            yield f"I5: a frame of {ref} went out without an intent before it"


def _differ(shown: str, found: str) -> bool:
    return (shown in DEAD) != (found in DEAD) or (shown == "Filled") != (found == "Filled")


async def _sight(stage: Stage, seen: Seen, truth: Truth) -> AsyncIterator[str]:
    """I2, I9: each order shows by its key as the gateway has it, positions too, and no key is in anybody's hands."""
    books = _by_ref(_orders(stage))
    for step in seen.writes():
        ref = order_ref(step.key)
        order = truth.orders.get(ref)
        if order is None:
            continue
        try:
            shown = await insisted(partial(stage.operator.ask, "get_order", orderKey=step.key))
        except ToolError as error:
            yield f"I2: {step.key} does not show ({error.code}), and is {order.state.status}"
            continue
        status = shown["order"]["status"]
        if _differ(status, books[ref].state.status):
            books = _by_ref(_orders(stage))  # it may have changed meanwhile
            now = books[ref].state.status
            if _differ(status, now):
                yield f"I2: {step.key} shows as {status}, and is {now}"
    told = await insisted(lambda: stage.operator.ask("get_positions"))
    positions = {each["contract"]["symbol"]: each["position"] for each in told}
    for held in stage.sim.world.positions(None):
        if float(held.position) != positions.get(held.contract.symbol, 0.0):
            yield f"I6: {held.contract.symbol} shows as {positions.get(held.contract.symbol)}, and is {held.position}"
    bus_client = stage.operator.bus_client
    left: list[Any] = await insisted(lambda: bus_client.pipe.send("SMEMBERS", bus_client.keys.inflight))
    if left:
        yield f"I9: after all was settled a worker still has {left}"
