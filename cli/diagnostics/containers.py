"""The doctor's check of the containers: a compose project's services that should run and do not."""

import json
import shutil

from cli.diagnostics.finding import Finding
from cli.diagnostics.program_output import output_of


async def check_containers(project: str) -> list[Finding]:
    """Those of the compose project that should run and do not; nothing where Docker has none."""
    docker = shutil.which("docker")
    if docker is None:
        return []
    label = f"label=com.docker.compose.project={project}"
    code, said = await output_of(docker, "ps", "--all", "--filter", label, "--format", "{{json .}}")
    if code or not said.strip():
        return []
    listed = [json.loads(line) for line in said.splitlines()]
    found = [
        Finding(
            each["Names"],
            "fault",
            f"{each['State']}: {each['Status']}",
            f"Its log says why: docker logs {each['Names']}",
        )
        for each in listed
        if _ails(each)
    ]
    return found or [Finding("containers", "ok", f"{len(listed)} of project {project}, none has failed")]


def _ails(container: dict[str, str]) -> bool:
    """Not one that has done its work, nor a gateway that waits for its second factor, which is not healthy yet."""
    if container["State"] == "running":
        return "(unhealthy)" in container["Status"] and "gateway" not in container["Names"]
    return not container["Status"].startswith("Exited (0)")
