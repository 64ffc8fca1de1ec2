"""Swarm on a real engine: a stack that gets users of Redis, whose leader dies, and whose fronts are replaced."""

import subprocess
from pathlib import Path

import pytest

from tests.deploy.swarm import BESIDE, FILES, SESSION, STACK, EngineError, Swarm, containers, docker, joined
from tests.deploy.tools import needs_docker
from tests.upgrade.release import RELEASE
from tests.waiting import until

NEEDS_ENGINE_ALONE = True  # it joins a Swarm and leaves it

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900), needs_docker]


async def test_a_stack_of_0_1_0_gets_users_and_the_tour_passes_again_after_the_leader_died(tmp_path: Path) -> None:
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}") != "inactive":
        pytest.skip("this engine is part of a Swarm already")
    async with joined(tmp_path) as swarm:
        swarm.deploy(str(stack_of_0_1_0(tmp_path)), *BESIDE)
        await swarm.until_ready(within_s=120)
        kept = swarm.redis("get", f"ibkr:{{{SESSION}}}:generation")
        with pytest.raises(EngineError, match="secret not found"):
            swarm.deploy(*FILES)
        swarm.make_users()
        swarm.deploy(*FILES)
        await until(lambda: has_users(swarm), "Redis has started with the users", timeout_s=120)
        await swarm.until_ready(within_s=120)
        assert swarm.redis("get", f"ibkr:{{{SESSION}}}:generation") == kept
        nobody = "valkey-cli get a || redis-cli get a"
        assert "NOAUTH" in docker("exec", containers("redis")[0], "sh", "-c", nobody)
        first = swarm.tour()
        assert first.returncode == 0, first.stdout
        await until(lambda: swarm.console("/") == 200, "the console answers at the page's address", timeout_s=120)

        leader = swarm.leader()
        docker("kill", leader)
        took = await swarm.until_ready(within_s=60, not_by=leader)
        again = swarm.tour()

        docker(
            "service", "update", "--force", "--detach=false", "--quiet", f"{STACK}_front"
        )  # start-first, on one node
        print(f"session {SESSION}: ready again {took:.1f} s after the leader was killed")  # noqa: T201
        assert len(containers("front")) == 3
    assert again.returncode == 0, again.stdout


def has_users(swarm: Swarm) -> bool:
    return "aclfile" in swarm.redis("config", "get", "aclfile") and "worker-" in swarm.redis("acl", "users")


def stack_of_0_1_0(folder: Path) -> Path:
    """The release's stack, which has no users; the images are of this tree."""
    said = subprocess.run(["git", "show", f"{RELEASE}:deploy/swarm/stack.yaml"], capture_output=True, check=False)
    if said.returncode:
        pytest.skip(f"the commit {RELEASE} of release 0.1.0 is not in this clone")
    file = folder / "stack.yaml"
    file.write_bytes(said.stdout)
    return file
