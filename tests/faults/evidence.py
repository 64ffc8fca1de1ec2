"""What a run that broke leaves behind: every answer, the frames about orders, the audit log, each process's log."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from ibgateway.simulator.server.journal import JournalEntry
from ibgateway.simulator.wire.names import CLIENT, SERVER
from tests.faults.checks import Seen
from tests.faults.stage import Stage, whole_log

TO_GATEWAY = {CLIENT[name] for name in ("placeOrder", "cancelOrder", "reqOpenOrders", "reqAllOpenOrders", "startApi")}
FROM_GATEWAY = {
    SERVER[name] for name in ("orderStatus", "openOrder", "openOrderEnd", "completedOrder", "execDetails", "error")
}


async def keep(folder: Path, stage: Stage, seen: Seen, wrong: list[str]) -> None:
    """A folder for the run; times are the machine's clock, in seconds since 1970."""
    place = folder / seen.plan.seed
    place.mkdir(parents=True, exist_ok=True)
    (place / "wrong.txt").write_text("\n".join([str(seen.plan), *wrong, ""]))
    (place / "plan.txt").write_text("\n".join(map(str, [*seen.plan.faults, *seen.plan.clients])) + "\n")
    (place / "answers.jsonl").write_text("".join(_answers(seen)))
    (place / "frames.jsonl").write_text("".join(_frames(stage, seen)))
    log = await whole_log(stage.operator.bus_client.pipe, stage.operator.bus_client.keys)
    (place / "audit.jsonl").write_bytes(b"\n".join(log))
    keep_logs(place, stage)


def keep_logs(place: Path, stage: Stage) -> None:
    """What each process wrote, since the stage began."""
    place.mkdir(parents=True, exist_ok=True)
    for each in stage.folder.glob("*.log"):
        shutil.copy(each, place / each.name)


def _answers(seen: Seen) -> Iterator[str]:
    for step, answer in sorted(seen.answers, key=lambda each: each[1].ended):
        told = {"began": answer.began, "ended": answer.ended, "tool": step.tool, "key": step.key, "of": step.of}
        yield json.dumps(told | {"code": answer.code, "details": answer.details, "value": answer.value}) + "\n"


def _frames(stage: Stage, seen: Seen) -> Iterator[str]:
    for entry in stage.sim.journal.entries(after=seen.frame):
        if _of_orders(entry):
            yield entry.as_json() + "\n"


def _of_orders(entry: JournalEntry) -> bool:
    return entry.msgId in (TO_GATEWAY if entry.direction == "in" else FROM_GATEWAY)
