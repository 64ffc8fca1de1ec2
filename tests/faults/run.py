"""One random run: clients ask while things break, all is mended, every key is asked until its answer is final."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bridge.bus.controls.audit_log import read_head
from tests.faults import mcp
from tests.faults.checks import Seen, check
from tests.faults.evidence import keep
from tests.faults.mcp import Answer
from tests.faults.plan import Plan, Step
from tests.faults.stage import Stage, insisted
from tests.faults.stalls import Stalls
from tests.faults.striking import strike

# Answers that leave the outcome open or say that nothing was done: the same call may be asked again with its key.
AGAIN = {
    "cut", "hung_up", "pending", "unknown", "not_executed", "not_ready", "bus_down", "timeout", "retry", "no_worker",
    "worker_lost", "overloaded", "audit_unavailable", "no_fresh_quote", "client_id_in_use",
    "gateway_unreachable", "gateway_login_pending", "link_down", "paced",
}  # fmt: skip
TRIES = 3  # of a client, before it leaves the key to the end of the run
PAUSE_S = 0.3
SETTLED_S = 120.0
RUN_S = 400.0
STALLED_S = 0.7  # Redis must answer a greeting within a second
TIMES = ("I2: stayed", "I4", "I9", "without any fault")


@dataclass
class Result:
    """What a run came to. `wrong` is empty where every promise held."""

    plan: Plan
    answers: Counter[str] = field(default_factory=Counter)
    finals: Counter[str] = field(default_factory=Counter)
    most_frames: int = 0
    latest_s: float = 0.0  # how far the latest answer was past its deadline; below zero: none was
    seconds: float = 0.0
    stalled_s: float = 0.0  # the longest time for which this machine kept us waiting
    wrong: list[str] = field(default_factory=list)

    @property
    def unjudged(self) -> bool:
        """The machine stood still, and nothing broke but times."""
        return self.stalled_s > STALLED_S and bool(self.wrong) and all(each.startswith(TIMES) for each in self.wrong)


async def play(stage: Stage, plan: Plan, stalls: Stalls, kept: Path | None = None) -> Result:
    """Raises what keeps a run from being played: the stage is of no use then. A run that broke leaves its evidence."""
    began, at = time.monotonic(), time.time()
    async with asyncio.timeout(RUN_S):
        seen = await _played(stage, plan)
        result = Result(plan)
        await check(stage, seen, result, stalls)
        if kept is not None and result.wrong:
            await keep(kept, stage, seen, result.wrong)
        await _tidied(stage, plan)
    result.seconds = time.monotonic() - began
    result.stalled_s = stalls.worst(at, time.time())
    return result


async def _played(stage: Stage, plan: Plan) -> Seen:
    for number in range(plan.fronts):
        await stage.front(number)
    await stage.worker(0)
    await stage.ready()
    if not plan.faults:
        await stage.read_whole()
    if plan.standby:
        await stage.worker(1)
    bus_client = stage.operator.bus_client
    seq, _ = await insisted(lambda: read_head(bus_client.pipe, bus_client.keys.audit_head))
    seen = Seen(plan, stage.sim.journal.last, seq, time.time())
    faults = [asyncio.create_task(strike(stage, each)) for each in plan.faults]
    await asyncio.gather(*(_client(stage, plan, number, seen) for number in range(len(plan.clients))))
    await asyncio.gather(*faults)
    stage.sim.fault("clear")
    if stage.sim.faults.link_down:
        stage.sim.fault("link up")
    await stage.ready()
    await asyncio.gather(*(_settle(stage, plan, step, seen) for step in seen.open(AGAIN)))
    return seen


async def _client(stage: Stage, plan: Plan, number: int, seen: Seen) -> None:
    for step in plan.clients[number]:
        await asyncio.sleep(step.pause_s)
        for attempt in range(TRIES):
            answer = await _asked(stage, plan, step, number, attempt)
            seen.take(step, answer)
            if not step.key or answer.code not in AGAIN:
                break
            await asyncio.sleep(PAUSE_S)


async def _asked(stage: Stage, plan: Plan, step: Step, client: int, attempt: int) -> Answer:
    """One call; each next one of a step goes through the next front."""
    front = stage.fronts[(step.front + attempt) % plan.fronts]
    arguments = step.arguments | ({"idempotencyKey": step.key} if step.key else {})
    if step.key:
        stage.redis_faults.key = step.key
    era = mcp.MODERN if plan.eras[client] else mcp.LEGACY
    patience_s = step.gives_up_s if attempt == 0 else None
    began, at = time.time(), time.monotonic()
    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            return await mcp.ask(front.port, era, step.tool, arguments)
    return Answer("hung_up", None, {}, began, time.time(), time.monotonic() - at)


async def _settle(stage: Stage, plan: Plan, step: Step, seen: Seen) -> None:
    attempt = 1
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLED_S):
            while True:
                answer = await _asked(stage, plan, step, 0, attempt)
                seen.take(step, answer)
                if answer.code not in AGAIN:
                    return
                attempt += 1
                await asyncio.sleep(PAUSE_S * 2)
    seen.take(step, Answer("hung_up"))


async def _tidied(stage: Stage, plan: Plan) -> None:
    """The standby goes, and so does what still rests."""
    for worker in stage.workers[1:]:
        await worker.stop()
    if plan.standby:
        await stage.ready()
    await insisted(partial(stage.operator.submit, "cancel_all_orders", key=f"tidy-{plan.seed}", deadline_s=30))
