"""What one random run does, all of it drawn from its seed: who asks what, through which front, and what breaks when."""

import random
from dataclasses import dataclass, field
from typing import Any

READS = (
    "ibkr_get_positions", "ibkr_get_open_orders", "ibkr_get_executions", "ibkr_get_completed_orders",
    "ibkr_get_account_summary", "ibkr_get_status",
)  # fmt: skip
WITHOUT_FAULTS = 0.1  # of the runs: they must be done to the last call
SPAN_S = 3.0  # within which faults begin
LOW = 15000  # cents: a resting order buys VTI far below its market

# Lines of the simulator's script; what ends by itself does so within seconds, `clear` ends the rest. {n} is a count.
LINK = {
    "reset": ["reset"],
    "reset at an order": ["on order {n} reset"],
    "reset after an order": ["on order {n} reset after"],
    "reset at a cancel": ["on cancelOrder reset"],
    "reset after a cancel": ["on cancelOrder reset after"],
    "half open": ["half-open 4"],
    "frozen gateway": ["freeze 3"],
    "slow gateway": ["slow 0.4", "after 3 slow 0"],
    "gateway away": ["door shut 3", "reset"],
    "gateway slams": ["door slam 2", "reset"],
    "login pending": ["door silent 3", "reset"],
    "gateway restarts": ["restart 2 -4"],
    "ids from one": ["restart 1", "ids 1"],
    "link to IBKR down": ["link down", "after 2 link up"],
    "link to IBKR lost": ["link down", "after 2 link lost"],
    "link down, then reset": ["link down", "after 1 reset", "after 2 link up"],
    "bytes one by one": ["fragment 3"],
    "garbage": ["raw http"],
    "nonsense": ["send 999 1 2", "truncate openOrder 20 1"],
}
BEHAVIOUR = {
    "rejected": ["on order {n} answer 201 Order rejected - reason:margin"],
    "ignored order": ["on order {n} ignore"],
    "ignored cancel": ["on cancelOrder ignore"],
    "fill beats cancel": ["on cancelOrder fill this"],
    "notice": ["on order {n} notice 399 the order will not be placed at the exchange until later"],
    "statuses thrice": ["duplicate orderStatus 3"],
    "statuses reversed": ["reverse orderStatus"],
    "statuses swallowed": ["swallow orderStatus 4"],
    "silence": ["swallow openOrder 2", "swallow orderStatus 3", "swallow execDetails 1"],
    "late openOrder": ["delay openOrder 1.5 3"],
    "late order": ["on order {n} hold 2"],
}
WORKER = (
    "killed",
    "killed at a point",
    "frozen",
    "frozen at a point",
    "terminated",
    "cut from redis",
    "cut from gateway",
)
POINTS = ("before_accept", "accept_unanswered", "frame_lost", "frame_unacknowledged", "answer_unstored")
KINDS = ("place_order", "modify_order", "cancel_order")
REDIS = (
    "down",
    "restarted",
    "restarted_empty",
    "paused",
    "slow",
    "full",
    "read_only",
    "reply_lost",
    "duplicate_delivery",
)
FRONT = ("front killed", "front cut from redis")


@dataclass(frozen=True)
class Step:
    """One call of a client. A write has a key; `of` is the key of the order that a change or cancel is about."""

    tool: str
    arguments: dict[str, Any]
    front: int
    pause_s: float
    key: str = ""
    of: str = ""
    gives_up_s: float | None = None  # hangs up then, and asks again with the key


@dataclass(frozen=True)
class Fault:
    name: str
    at_s: float
    lines: tuple[str, ...] = ()  # of the simulator's script
    point: str = ""
    kind: str = ""
    for_s: float = 0.0
    front: int = 0


@dataclass(frozen=True)
class Plan:
    seed: str
    fronts: int
    standby: bool
    clients: list[list[Step]]
    eras: list[bool]  # whether the client speaks the newer protocol
    faults: list[Fault] = field(default_factory=list)

    def __str__(self) -> str:
        broken = ", ".join(f"{each.name} {each.point} {each.kind}".strip() for each in self.faults) or "no fault"
        return f"{self.seed}: {len(self.clients)} clients, {self.fronts} fronts{', a standby' * self.standby}; {broken}"

    @property
    def names(self) -> set[str]:
        return {each.name for each in self.faults}


def plan_of(seed: int, number: int) -> Plan:
    """Run `number` of a seed: the same on every machine."""
    name = f"{seed}-{number}"
    dice = random.Random(name)
    fronts = dice.choices((1, 2, 3), (5, 3, 2))[0]
    calm = dice.random() < WITHOUT_FAULTS
    many = 0 if calm else dice.choices((1, 2, 3, 4), (4, 3, 2, 1))[0]
    faults = [_fault(dice, fronts) for _ in range(many)]
    hangs_up = not calm and dice.random() < 0.3
    clients = [_steps(dice, name, client, fronts, hangs_up) for client in range(dice.randint(3, 10))]
    return Plan(name, fronts, dice.random() < 0.2, clients, [dice.random() < 0.5 for _ in clients], faults)


def _steps(dice: random.Random, name: str, client: int, fronts: int, hangs_up: bool) -> list[Step]:
    steps: list[Step] = []
    resting = [""]
    for number in range(dice.randint(1, 4)):
        kind = dice.choices(("read", "market", "rest", "modify", "cancel"), (4, 2, 3, 2, 2))[0]
        front, pause_s, key = dice.randrange(fronts), dice.uniform(0, 1.2), f"run-{name}-{client}-{number}"
        leaves_s = dice.uniform(0.01, 1) if hangs_up and dice.random() < 0.3 else None
        if kind == "read":
            steps.append(Step(dice.choice(READS), {}, front, pause_s))
        elif kind == "market":
            terms: dict[str, Any] = {
                "symbol": "AAPL",
                "action": dice.choice(("BUY", "SELL")),
                "totalQuantity": dice.randint(1, 5),
            }
            steps.append(Step("ibkr_place_order", terms, front, pause_s, key, gives_up_s=leaves_s))
        elif kind == "rest" or not resting[-1]:
            price = (LOW + client * 40 + number * 10) / 100
            terms = {"symbol": "VTI", "action": "BUY", "totalQuantity": 2, "orderType": "LMT", "lmtPrice": price}
            steps.append(Step("ibkr_place_order", terms, front, pause_s, key, gives_up_s=leaves_s))
            resting.append(key)
        elif kind == "modify":
            price = (LOW + 1000 + client * 40 + number * 10) / 100
            terms = {"orderId": 0, "orderKey": resting[-1], "lmtPrice": price}
            steps.append(Step("ibkr_modify_order", terms, front, pause_s, key, resting[-1], leaves_s))
        else:
            terms = {"orderId": 0, "orderKey": resting[-1]}
            steps.append(Step("ibkr_cancel_order", terms, front, pause_s, key, resting.pop(), leaves_s))
    return steps


def _fault(dice: random.Random, fronts: int) -> Fault:
    family = dice.choices(("link", "behaviour", "worker", "redis", "front"), (3, 3, 4, 3, 2))[0]
    at_s = dice.uniform(0, SPAN_S)
    if family in ("link", "behaviour"):
        scripts = LINK if family == "link" else BEHAVIOUR
        name = dice.choice(sorted(scripts))
        return Fault(name, at_s, tuple(line.format(n=dice.randint(1, 4)) for line in scripts[name]))
    if family == "worker":
        name = dice.choice(WORKER)
        for_s = dice.choice((1.0, 4.0, 12.0)) if name.startswith(("frozen", "cut")) else dice.uniform(0, 1)
        return Fault(name, at_s, point=dice.choice(POINTS), kind=dice.choice(KINDS), for_s=for_s)
    if family == "redis":
        return Fault(dice.choice(REDIS), at_s)
    return Fault(dice.choice(FRONT), at_s, for_s=dice.uniform(0.2, 3), front=dice.randrange(fronts))
