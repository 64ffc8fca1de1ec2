"""The container engine: its version, and how it maps users.

`python3 -m cli.local_stack.docker_engine` checks it.

Standard library only: the Makefile runs it before anything is installed.
"""

import re
import subprocess
import sys

from cli.errors import Problem

ENGINE, COMPOSE_2 = (25, 0), (2, 24)  # a health check's start_interval, and an env_file that may be missing
INSTALL = "install Docker 25 or newer with Compose 2.24 or newer (https://docs.docker.com/get-docker/)"
REMAPPED = ("name=rootless", "name=userns")  # in `docker info`: containers' users are other users of this machine


def need_docker() -> None:
    """Raise Problem if Docker is missing, out of reach, or too old for compose.yaml."""
    need("Compose", COMPOSE_2, "docker", "compose", "version", "--short")
    need("Docker Engine", ENGINE, "docker", "version", "--format", "{{.Server.Version}}")


def need(what: str, least: tuple[int, int], *command: str) -> None:
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Problem(f"`{command[0]}` cannot be run ({error.strerror}): {INSTALL}") from None
    if "permission denied" in said.stderr:
        raise Problem(
            "This user may not use Docker: `sudo usermod -aG docker $USER`, then log out and in again (members of that "
            "group are as powerful as root)"
        )
    found = re.search(r"(\d+)\.(\d+)", said.stdout)
    if said.returncode or found is None:
        reason = (said.stderr or said.stdout).strip()
        raise Problem(f"`{' '.join(command)}` does not answer: {INSTALL}, and start it\n{reason}".rstrip())
    if (int(found[1]), int(found[2])) < least:
        raise Problem(f"{what} is {found[0]}, and {'.'.join(map(str, least))} is needed: {INSTALL}")


def users_are_remapped() -> bool:
    """Return whether the engine runs rootless or with userns-remap; False if the engine does not answer."""
    command = ("docker", "info", "--format", "{{json .SecurityOptions}}")
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return False
    return any(option in said for option in REMAPPED)


if __name__ == "__main__":
    try:
        need_docker()
    except Problem as problem:
        sys.exit(f"error: {problem}")
