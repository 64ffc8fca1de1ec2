"""Swarm on a real engine: a stack whose leader dies, and whose fronts are replaced."""

from pathlib import Path

import pytest

from tests.deploy.swarm import SESSION, STACK, containers, deployed, docker
from tests.deploy.tools import needs_docker

NEEDS_ENGINE_ALONE = True  # it joins a Swarm and leaves it

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900), needs_docker]


async def test_the_tour_passes_on_three_fronts_and_again_after_the_leader_died(tmp_path: Path) -> None:
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}") != "inactive":
        pytest.skip("this engine is part of a Swarm already")
    async with deployed(tmp_path) as swarm:
        await swarm.until_ready(within_s=120)
        first = swarm.tour()
        assert first.returncode == 0, first.stdout

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
