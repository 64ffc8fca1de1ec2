"""The login guard runs a gateway's command, tells its phase, and holds it before a wrong password locks the account."""

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ibgateway.probe.phase import PHRASES, read_login, read_phrases
from tests.ibgateway.probe.test_phase import STORIES
from tests.stacks.ibgateway import gateway_logs as logs
from tests.waiting import until

GUARD = Path("ibgateway/probe/login-guard.sh")
KNOWN = read_phrases(PHRASES.read_text(encoding="utf-8"))
FAILED = logs.ATTEMPT + logs.REJECTED
STAYS_UP = "sleep 60 & wait $!"


class Guarded:
    """A guard under test, with the state that a volume keeps between two containers."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.password = folder / "password"
        self.password.write_text("wrong")
        self.log = folder / "gateway.log"
        self.starts = folder / "starts"

    def says(self, lines: list[str]) -> None:
        self.log.write_text("".join(f"{line}\n" for line in lines))

    def phase(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.state / "phase").read_text())
        return told

    def times_started(self) -> int:
        return self.starts.read_text().count("started") if self.starts.exists() else 0

    @contextlib.asynccontextmanager
    async def run(self, then: str = "", **environment: str) -> AsyncIterator[Process]:
        """The guard over a command that writes its log and then does what it is told."""
        command = f'echo started >>"{self.starts}"; cat "{self.log}"; {then}'
        process = await asyncio.create_subprocess_exec(
            "bash", str(GUARD), "bash", "-c", command, stdout=PIPE, stderr=STDOUT,
            env={
                **os.environ, "LOGIN_STATE_DIR": str(self.state), "LOGIN_LOOK_AGAIN": "0.1", "TWS_USERID": "someone",
                "TWS_PASSWORD_FILE": str(self.password), **environment,
            },
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def run_to_its_end(self, then: str = "", **environment: str) -> tuple[int, str]:
        async with self.run(then, **environment) as process:
            output, _ = await process.communicate()
            assert process.returncode is not None
            return process.returncode, output.decode()


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path)


async def until_held(process: Process) -> str:
    """What the guard said up to and with the line that says it holds the gateway."""
    assert process.stdout
    heard = ""
    async with asyncio.timeout(10):
        while "login-guard: held" not in heard:
            line = await process.stdout.readline()
            assert line, f"the guard ended: {heard}"
            heard += line.decode()
    return heard


@pytest.mark.parametrize(("lines", "_phase"), STORIES)
async def test_the_phase_told_is_the_one_that_python_reads(guarded: Guarded, lines: list[str], _phase: object) -> None:
    guarded.says(lines)
    read = read_login(["login-guard: starting", *lines], KNOWN)
    last = guarded.state / "last"

    async with guarded.run(f"echo >{last}; {STAYS_UP}"):
        await until(lambda: last.exists() and (guarded.state / "phase").exists(), "the log is written")
        await until(lambda: guarded.phase()["phase"] == read.phase, f"it tells {read.phase}")

    assert guarded.phase()["rejections"] == read.rejections


async def test_the_commands_output_and_exit_code_pass_through(guarded: Guarded) -> None:
    guarded.says(logs.START)

    code, output = await guarded.run_to_its_end("printf 'a last word without its end'; exit 87")

    assert code == 87
    assert output == guarded.log.read_text() + "a last word without its end\n"


async def test_the_commands_end_is_noticed_though_something_it_left_behind_holds_its_output(guarded: Guarded) -> None:
    guarded.says(logs.START)

    async with asyncio.timeout(10):
        async with guarded.run("sleep 60 & exit 3") as process:
            code = await process.wait()

    assert code == 3


async def test_a_wrong_password_ends_the_gateway_after_the_budget_and_the_container_stays(guarded: Guarded) -> None:
    guarded.says(FAILED * 3)
    ended = guarded.state / "logged-out"

    async with guarded.run(f"trap 'echo >{ended}; exit' TERM; {STAYS_UP}") as process:
        heard = await until_held(process)

        assert process.returncode is None
    assert ended.exists()
    assert "after 3 rejected logins" in heard
    assert guarded.phase()["phase"] == "login_rejected"
    assert guarded.times_started() == 1


async def test_tries_below_the_budget_leave_the_gateway_alone(guarded: Guarded) -> None:
    guarded.says(FAILED * 2)

    async with guarded.run(STAYS_UP) as process:
        await until(lambda: guarded.state.joinpath("rejections").exists(), "a rejection is remembered")
        await until(lambda: guarded.phase()["rejections"] == 2, "two rejections are told")

        assert process.returncode is None


async def test_a_container_that_is_started_again_does_not_get_a_new_budget(guarded: Guarded) -> None:
    guarded.says(FAILED)
    for _ in range(2):
        await guarded.run_to_its_end("exit 1")

    async with guarded.run("exit 1") as process:
        await until_held(process)
    async with guarded.run("exit 1") as process:
        await until_held(process)

    assert guarded.times_started() == 3


async def test_a_new_password_ends_the_hold_by_itself(guarded: Guarded) -> None:
    guarded.says(FAILED)

    async with guarded.run(STAYS_UP, LOGIN_BUDGET="1") as process:
        await until_held(process)
        guarded.says(logs.ATTEMPT + logs.LOGGED_IN)
        os.utime(guarded.password, (1, 1))

        await until(lambda: guarded.phase()["phase"] == "logged_in", "the gateway logs in")
    assert guarded.times_started() == 2


async def test_a_password_that_came_while_the_old_one_was_tried_has_a_budget_of_its_own(guarded: Guarded) -> None:
    guarded.says(FAILED * 2)
    third = guarded.state / "third"

    async with guarded.run(f"until [[ -e {third} ]]; do sleep 0.05; done; cat {third}; {STAYS_UP}") as process:
        await until(lambda: (guarded.state / "rejections").exists(), "a rejection is remembered")
        await until(lambda: guarded.phase()["rejections"] == 2, "two rejections are told")
        os.utime(guarded.password, (1, 1))
        guarded.says(logs.ATTEMPT + logs.LOGGED_IN)
        third.with_suffix(".new").write_text("".join(f"{line}\n" for line in FAILED))
        third.with_suffix(".new").rename(third)
        await until_held(process)
        third.write_text("")

        await until(lambda: guarded.phase()["phase"] == "logged_in", "the new password is tried")
    assert guarded.times_started() == 2


async def test_removing_the_count_ends_the_hold(guarded: Guarded) -> None:
    guarded.says(FAILED)

    async with guarded.run(STAYS_UP, LOGIN_BUDGET="1") as process:
        await until_held(process)
        guarded.says(logs.ATTEMPT)
        (guarded.state / "rejections").unlink()

        await until(lambda: guarded.times_started() == 2, "the gateway is started again")


@pytest.mark.parametrize("changed", [{"TWS_USERID": "someone.else"}, {"TRADING_MODE": "live"}])
async def test_another_login_has_a_budget_of_its_own(guarded: Guarded, changed: dict[str, str]) -> None:
    guarded.says(FAILED)
    async with guarded.run(STAYS_UP, LOGIN_BUDGET="1") as process:
        await until_held(process)

    guarded.says(logs.ATTEMPT)
    code, _ = await guarded.run_to_its_end("exit 0", LOGIN_BUDGET="1", **changed)

    assert (code, guarded.times_started()) == (0, 2)


async def test_a_login_that_goes_through_gives_the_whole_budget_back(guarded: Guarded) -> None:
    guarded.says(FAILED * 2 + logs.LOGGED_IN + FAILED * 2)

    code, _ = await guarded.run_to_its_end("exit 0")

    assert code == 0
    assert guarded.phase()["rejections"] == 2


async def test_a_budget_of_nought_holds_nothing(guarded: Guarded) -> None:
    guarded.says(FAILED * 5)

    code, _ = await guarded.run_to_its_end("exit 0", LOGIN_BUDGET="0")

    assert code == 0


async def test_stopping_the_container_lets_the_gateway_log_out_first(guarded: Guarded) -> None:
    guarded.says(logs.LOGGED_IN)

    async with guarded.run(f"trap 'echo logging out; exit 5' TERM; {STAYS_UP}") as process:
        await until(lambda: (guarded.state / "phase").exists(), "the guard began")
        await until(lambda: guarded.phase()["phase"] == "logged_in", "the gateway is logged in")
        process.send_signal(signal.SIGTERM)
        output, _ = await process.communicate()

    assert process.returncode == 5
    assert output.endswith(b"logging out\n")


async def test_a_held_container_stops_when_asked(guarded: Guarded) -> None:
    guarded.says(FAILED)

    async with guarded.run(STAYS_UP, LOGIN_BUDGET="1") as process:
        await until_held(process)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            code = await process.wait()

    assert code == 0


async def test_nothing_that_is_kept_depends_on_the_passwords_letters(guarded: Guarded) -> None:
    guarded.says(FAILED)
    kept = []
    for password in ("wrong", "a quite different one"):
        guarded.password.write_text(password)
        os.utime(guarded.password, (1, 1))
        (guarded.state / "rejections").unlink(missing_ok=True)
        await guarded.run_to_its_end("exit 0")
        kept.append((guarded.state / "rejections").read_text())

    assert kept[0] == kept[1]


UNANSWERED = logs.ATTEMPT + logs.SECOND_FACTOR + logs.SECOND_FACTOR_MISSED + logs.COLD_RESTART


@pytest.mark.trial("E15")
async def test_a_second_factor_that_nobody_answers_is_slowed_after_three(guarded: Guarded) -> None:
    guarded.says(UNANSWERED * 3)

    async with guarded.run(STAYS_UP, LOGIN_PAUSE="600") as process:
        await until(lambda: (guarded.state / "pause").exists(), "the guard pauses")
        paused = guarded.phase()

        assert process.returncode is None
    assert (paused["phase"], paused["missed"]) == ("second_factor_missed", 3)
    assert 590 <= paused["again_at"] - paused["since"] <= 600
    assert guarded.times_started() == 1


@pytest.mark.trial("E15")
async def test_a_missed_factor_counts_over_restarts_and_the_pause_grows(guarded: Guarded) -> None:
    guarded.says(UNANSWERED)
    for _ in range(2):
        await guarded.run_to_its_end("exit 87")

    async with guarded.run("exit 87", LOGIN_PAUSE="600") as process:
        await until(lambda: (guarded.state / "pause").exists(), "the guard pauses")
        (guarded.state / "pause").unlink()
        await until(lambda: guarded.phase()["missed"] == 4 and guarded.phase()["again_at"] > 0, "it pauses again")

        assert process.returncode is None
    assert 1190 <= guarded.phase()["again_at"] - guarded.phase()["since"] <= 1200


@pytest.mark.trial("E15")
async def test_a_factor_that_is_answered_forgets_those_that_were_missed(guarded: Guarded) -> None:
    guarded.says(UNANSWERED * 2 + logs.LOGGED_IN + UNANSWERED * 2)

    code, _ = await guarded.run_to_its_end("exit 0")

    assert (code, guarded.phase()["missed"]) == (0, 2)


@pytest.mark.trial("E15", "E9")
async def test_removing_the_pause_ends_it(guarded: Guarded) -> None:
    guarded.says(UNANSWERED * 3)

    async with guarded.run(STAYS_UP, LOGIN_PAUSE="600"):
        await until(lambda: (guarded.state / "pause").exists(), "the guard pauses")
        guarded.says(logs.ATTEMPT)
        (guarded.state / "pause").unlink()

        await until(lambda: guarded.times_started() == 2, "the gateway is started again")


@pytest.mark.trial("E9")
async def test_a_session_that_somebody_else_has_is_told_and_waited_for(guarded: Guarded) -> None:
    guarded.says(logs.START + logs.ATTEMPT + logs.SESSION_TAKEN)

    async with guarded.run("exit 0", LOGIN_PAUSE="600") as process:
        await until(lambda: (guarded.state / "pause").exists(), "the guard pauses")
        paused = guarded.phase()["phase"]
        guarded.says(logs.START + logs.ATTEMPT)
        (guarded.state / "pause").unlink()
        await until(lambda: guarded.times_started() == 2, "the gateway is started again")

        assert process.returncode is None
    assert paused == "session_taken"
    assert guarded.phase()["phase"] == "session_taken"  # until a login goes through, or says something else


@pytest.mark.trial("E9")
async def test_a_login_that_began_before_a_restart_of_the_container_keeps_its_beginning(guarded: Guarded) -> None:
    guarded.says(logs.ATTEMPT)
    await guarded.run_to_its_end("exit 1")
    earlier = guarded.phase() | {"login_since": 1000}
    (guarded.state / "phase").write_text(json.dumps(earlier))

    await guarded.run_to_its_end("exit 1")

    assert guarded.phase()["login_since"] == 1000


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"LOGIN_PAUSE": "soon"}, "LOGIN_PAUSE must be a number"),
        ({"LOGIN_BUDGET": "three"}, "must be a number"),
        ({"LOGIN_PHRASES": "/dev/null"}, "no phrases"),
        ({"LOGIN_STATE_DIR": "/proc/guard"}, "cannot be written"),
    ],
)
async def test_a_guard_that_could_not_guard_starts_nothing(
    guarded: Guarded, environment: dict[str, str], reason: str
) -> None:
    code, output = await guarded.run_to_its_end("exit 0", **environment)

    assert (code, guarded.times_started()) == (2, 0)
    assert reason in output
