"""Faults of containers on a real engine: one service killed, paused or cut off from a neighbour while clients call.

What must hold: every call is answered, or refused with a typed error, by its deadline; no key is sent twice, as the
simulator's journal counts; every key comes to a final answer; and the session is ready again without a hand.
"""

import asyncio
import json
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bridge.order_references import order_ref
from cli.local_stack.embedded_redis import free_port
from tests.docker.calls import ORDER, Caller, Load, Outcome
from tests.docker.stack import Stack, run, running

LASTS_S = 10.0  # longer than the lease, so that leadership is lost and won again
CLIENTS = 4
READY_WITHIN_S = 60.0
STEADY = 5  # calls of each kind in a row that succeed
KINDS = ("get_positions", "place_order")
SETTLED_WITHIN_S = 60.0
FINAL = {"done", "not_executed", "not_found", "not_confirmed"}


@dataclass(frozen=True)
class Fault:
    """`kill SERVICE`, `pause SERVICE`, or `cut SERVICE NETWORK`."""

    what: str
    service: str
    network: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.service}" + (f" from {self.network}" if self.network else "")


SERVICES = ("front", "worker", "redis", "gateway")
LINKS = {
    "front-redis": ("front", "redis"),
    "worker-redis": ("worker", "redis"),
    "worker-gateway": ("worker", "gateway"),
}
FAULTS = [
    *(Fault(what, service) for what in ("kill", "pause") for service in SERVICES),
    *(Fault("cut", service, network) for network, ends in LINKS.items() for service in ends),
]


@dataclass
class Verdict:
    fault: Fault
    outcomes: list[Outcome] = field(default_factory=list)
    ready_s: float = 0.0  # from the fault's end to the last call that failed for it
    longest_s: float = 0.0
    frames: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = dict(Counter(each.told for each in self.outcomes).most_common())
        frames = max(self.frames.values(), default=0)
        held = "held" if not self.wrong else "BROKEN: " + "; ".join(self.wrong)
        return (
            f"{self.fault!s:<32} ready {max(self.ready_s, 0):4.1f} s after its end, longest call {self.longest_s:4.1f} "
            f"s, frames of one key {frames}, told {told}: {held}"
        )


@contextmanager
def faulty_stack() -> Iterator[tuple[Stack, Path]]:
    """The sim profile, and the simulator's journal, which outlives it."""
    with tempfile.TemporaryDirectory(prefix="journal-") as folder:
        Path(folder).chmod(0o777)  # the simulator's user writes there
        files, settings = ("tests/docker/compose.faults.yaml",), {"JOURNAL": folder}
        with running(Stack("ibkr-tws-mcp-faults", free_port(), files=files, settings=settings)) as stack:
            yield stack, Path(folder) / "frames.jsonl"


async def play(stack: Stack, fault: Fault, journal: Path) -> Verdict:
    """One fault amid calls, on a stack that is ready."""
    verdict = Verdict(fault)
    load = Load([Caller(stack.url) for _ in range(CLIENTS)])
    calling = asyncio.create_task(load.run())
    try:
        await _calls_succeed(load, since=0)
        await inflict(stack, fault)
        ended = time.monotonic()
        if not await _calls_succeed(load, since=ended):
            latest = {each.operation: f"{each.told}: {each.value}" for each in load.outcomes}
            verdict.wrong.append(f"calls did not succeed again within {READY_WITHIN_S:g} s: {latest}")
        verdict.ready_s = max((each.ended - ended for each in load.outcomes if each.told != "done"), default=0.0)
        load.stopping = True
        await calling
        await _settle(load, verdict)
    finally:
        calling.cancel()
        for each in load.callers:
            await each.close()
    verdict.outcomes = load.outcomes
    verdict.frames = sent(journal, set(load.keys))
    _judge(verdict)
    return verdict


async def inflict(stack: Stack, fault: Fault) -> None:
    """Do it, and undo what a person would have to: a killed container is its restart policy's to start."""
    (container,) = (each["Id"] for each in await asyncio.to_thread(stack.inspected, fault.service))
    if fault.what == "kill":  # from outside: what the engine's own command kills counts as stopped by hand
        os.kill(int(run("docker", "inspect", "--format", "{{.State.Pid}}", container)), signal.SIGKILL)
        return
    network = f"{stack.project}_{fault.network}"
    do, undo = {
        "pause": (("pause", container), ("unpause", container)),
        "cut": (
            ("network", "disconnect", network, container),
            ("network", "connect", "--alias", fault.service, network, container),
        ),
    }[fault.what]
    await asyncio.to_thread(run, "docker", *do)
    try:
        await asyncio.sleep(LASTS_S)  # the fault's own length
    finally:
        await asyncio.to_thread(run, "docker", *undo)


async def _calls_succeed(load: Load, since: float) -> bool:
    """Wait until the latest calls of each kind, begun after `since`, have all succeeded."""
    with suppress(TimeoutError):
        async with asyncio.timeout(READY_WITHIN_S):
            while not all(_steady(load.outcomes, each, since) for each in KINDS):  # noqa: ASYNC110  # many tasks tell
                await asyncio.sleep(0.05)
            return True
    return False


def _steady(outcomes: list[Outcome], operation: str, since: float) -> bool:
    latest = [each for each in outcomes if each.operation == operation][-STEADY:]
    return len(latest) == STEADY and all(each.told == "done" and each.began >= since for each in latest)


async def _settle(load: Load, verdict: Verdict) -> None:
    """Ask again with each key that has no final answer, until it has one."""
    caller = load.callers[0]
    last = {each.key: each.told for each in load.outcomes if each.key and each.told not in FINAL}
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLED_WITHIN_S):
            for key in last:
                while last[key] not in FINAL:
                    last[key] = (await caller.call("place_order", key, **ORDER)).told
                    await asyncio.sleep(0.2)
    open_ = Counter(told for told in last.values() if told not in FINAL)
    verdict.wrong += [f"{count} keys stayed {told}" for told, count in open_.items()]


def sent(journal: Path, keys: set[str]) -> Counter[str]:
    """How often each key went over the wire, as the simulator wrote it down."""
    by_ref = {order_ref(key): key for key in keys}
    counted: Counter[str] = Counter()
    for line in journal.read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the last line, or one that a killed gateway cut off within a long answer
        if entry["direction"] == "in" and entry["fields"][:1] == ["3"]:
            counted.update(by_ref[each] for each in entry["fields"] if each in by_ref)
    return counted


def _judge(verdict: Verdict) -> None:
    say, outcomes = verdict.wrong.append, verdict.outcomes
    verdict.longest_s = max(each.seconds for each in outcomes)
    if late := [each for each in outcomes if each.late or each.told == "no answer"]:
        say(f"{len(late)} calls ended after their deadline, {late[0].operation} told {late[0].told}")
    if untyped := [each for each in outcomes if each.told == "untyped"]:
        say(f"{len(untyped)} errors had no code")
    if verdict.fault.service != "front" and (cut := [each for each in outcomes if each.cut]):
        say(f"{len(cut)} calls were cut off by a front that ran, the first with {cut[0].told}")
    if sent_after_all := [each for each in outcomes if each.told == "not_executed" and verdict.frames[each.key]]:
        say(f"{len(sent_after_all)} orders were told not executed, and the gateway had them")
    if twice := [key for key, count in verdict.frames.items() if count > 1]:
        say(f"{len(twice)} keys were sent twice")
    unsent = [each for each in outcomes if each.key and each.told == "done" and not verdict.frames[each.key]]
    if unsent:
        say(f"{len(unsent)} orders were told done, and the gateway never had them")
